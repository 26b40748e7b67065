"""The client's half without I/O: what goes out, what comes in, and that nothing that comes in can break it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import CallError, PeerError
from fairlead.kernel.client import ClientSession
from fairlead.kernel.effects import Asked, Heard, Send, Settle
from fairlead.spec import VERSIONS
from fairlead.spec.descriptors import Implementation

STATELESS = VERSIONS["2026-07-28"]
META = "io.modelcontextprotocol/"


def session(version: str | None = None) -> ClientSession:
    made = ClientSession(Implementation(name="test", version="1"), {"roots": {}})
    made.version = None if version is None else VERSIONS[version]
    return made


def said(outgoing) -> dict:
    return json.loads(outgoing.frame)


def answer(id, **members) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, **members}).encode()


def notice(method, params=None) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params})}).encode()


def test_ids_count_up_and_none_is_used_twice():
    one = session()
    ids = [one.request("ping").id for _ in range(5)]
    for id in ids:
        one.receive(answer(id, result={}))
    assert [*ids, one.request("ping").id] == [0, 1, 2, 3, 4, 5]


def test_a_stateless_request_carries_all_of_its_metadata_and_a_handshake_one_none():
    meta = said(session("2026-07-28").request("tools/list"))["params"]["_meta"]
    assert meta[META + "protocolVersion"] == "2026-07-28" and meta[META + "clientCapabilities"] == {"roots": {}}
    assert meta[META + "clientInfo"]["name"] == "test" and META + "logLevel" not in meta
    assert "params" not in said(session("2025-11-25").request("tools/list"))


def test_the_log_level_goes_with_every_request_from_the_moment_it_is_set():
    one = session("2026-07-28")
    one.request("tools/list")
    one.log_level = "info"
    assert said(one.request("tools/list"))["params"]["_meta"][META + "logLevel"] == "info"
    one.log_level = None
    assert META + "logLevel" not in said(one.request("tools/list"))["params"]["_meta"]


def test_the_callers_own_metadata_stands_beside_ours_and_cannot_replace_it():
    given = {"mine": 1, META + "protocolVersion": "1999"}
    params = {"name": "x"}
    out = session("2026-07-28").request("tools/call", params, meta=given, progress=True)
    meta = said(out)["params"]["_meta"]
    assert (meta["mine"], meta[META + "protocolVersion"], meta["progressToken"]) == (1, "2026-07-28", out.id)
    assert params == {"name": "x"}, "what the caller handed over is not touched"


def test_a_line_that_repeats_parts_of_a_message_finds_them_beside_it():
    out = session("2026-07-28").request("resources/read", {"uri": "a://b"}, headers={"x": "y"})
    assert (out.method, out.name, out.version, out.headers) == ("resources/read", "a://b", STATELESS, {"x": "y"})


def test_results_and_errors_settle_the_request_that_they_name():
    one = session()
    first, second = one.request("ping").id, one.request("ping").id
    [failed] = one.receive(answer(second, error={"code": -32602, "message": "no", "data": {"a": 1}}))
    assert failed.id == second and isinstance(failed.error, CallError) and failed.error.data == {"a": 1}
    [settled] = one.receive(answer(first, result={"b": 2}))
    assert settled.id == first and json.loads(bytes(settled.value)) == {"b": 2} and len(one) == 0


@pytest.mark.parametrize("id", [7, "0", None, -1, 2**60])
def test_an_answer_to_nothing_is_dropped_and_counted(id):
    one = session()
    one.request("ping")
    assert one.receive(answer(id, result={})) == [] and one.strays == 1 and len(one) == 1


def test_a_second_answer_and_one_after_a_cancellation_are_dropped():
    one = session()
    id, other = one.request("ping").id, one.request("ping").id
    assert one.receive(answer(id, result={})) and not one.receive(answer(id, result={}))
    cancelled = one.cancel(other, "no more")
    assert said(cancelled)["params"] == {"requestId": other, "reason": "no more"} and cancelled.cancels == other
    assert one.receive(answer(other, result={})) == [] and one.cancel(other) is None


def test_what_cannot_be_written_as_json_leaves_nothing_open():
    one = session("2026-07-28")
    with pytest.raises(TypeError):
        one.request("tools/call", {"arguments": {"x": object()}})
    assert len(one) == 0


def test_a_handshake_cannot_be_cancelled():
    one = session()
    assert one.cancel(one.request("initialize").id) is None and len(one) == 0


def test_the_end_of_a_listen_request_may_be_told_by_a_cancellation():
    one = session("2026-07-28")
    listen, call = one.request("subscriptions/listen").id, one.request("tools/call").id
    [settled] = one.receive(notice("notifications/cancelled", {"requestId": listen}))
    assert isinstance(settled, Settle) and settled.id == listen and settled.error is None
    [heard] = one.receive(notice("notifications/cancelled", {"requestId": call}))
    assert isinstance(heard, Heard) and call in one


def test_pings_are_answered_at_once_and_unknown_questions_are_refused():
    one = session("2025-11-25")
    [pong] = one.receive(b'{"jsonrpc":"2.0","id":"p","method":"ping"}')
    assert isinstance(pong, Send) and json.loads(pong.frame) == {"jsonrpc": "2.0", "id": "p", "result": {}}
    [refused] = one.receive(b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}')
    assert json.loads(refused.frame)["error"]["code"] == -32601
    [asked] = one.receive(b'{"jsonrpc":"2.0","id":0,"method":"roots/list","params":[1]}')
    assert asked == Asked(0, "roots/list", {})


def test_a_batch_is_read_member_by_member():
    one = session("2025-03-26")
    first, second = one.request("ping").id, one.request("ping").id
    batch = [json.loads(answer(second, result={})), 7, json.loads(answer(first, result={})), json.loads(notice("x"))]
    kinds = [type(effect) for effect in one.receive(json.dumps(batch))]
    assert kinds == [Settle, Settle, Heard] and one.strays == 1


@pytest.mark.parametrize("date", ["2026-07-28", "1999-01-01", None, 7, ["2025-11-25"]])
def test_a_handshake_with_a_version_that_nobody_knows_is_refused(date):
    with pytest.raises(PeerError, match="not known here"):
        session().handshaken({"protocolVersion": date})


def test_who_the_server_is_decides_nothing():
    one = session()
    one.handshaken({"protocolVersion": "2025-06-18", "serverInfo": 7, "capabilities": [], "instructions": {}})
    assert (one.server, one.offers, one.instructions) == (None, {}, None)
    one.discovered({"capabilities": {"tools": {}}}, STATELESS, {"name": "s"})
    assert one.server.name == "s" and one.offers == {"tools": {}}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from(
    ["ping", "roots/list", "sampling/createMessage", "elicitation/create", "notifications/cancelled"]
    + ["notifications/progress", "notifications/message", "nothing"]
)
MEMBERS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0")},
    optional={
        "id": st.integers(-1, 8) | st.none() | st.text(max_size=2),
        "method": METHODS,
        "params": VALUES | st.fixed_dictionaries({"requestId": VALUES, "progressToken": VALUES}),
        "result": VALUES,
        "error": VALUES | st.fixed_dictionaries({"code": st.integers(-9, 9), "message": st.text(max_size=3)}),
    },
)
FRAMES = (
    st.binary(max_size=40)
    | MEMBERS.map(lambda one: json.dumps(one).encode())
    | st.lists(MEMBERS, max_size=4).map(json.dumps)
    | st.sampled_from(
        [b'{"jsonrpc":"2.0","method":"x","params":{"a":"\\ud800"}}', b'{"jsonrpc":"2.0","id":0,"result":1e999}']
    )
)
STEPS = st.lists(st.sampled_from(["ask", "listen", "cancel"]) | FRAMES, max_size=40)


@given(STEPS, st.sampled_from([None, "2025-03-26", "2026-07-28"]))
def test_any_frames_in_any_order_raise_nothing_and_settle_each_request_at_most_once(steps, version):
    one = session(version)
    asked, ended = set(), []
    for step in steps:
        if step == "ask" or step == "listen":
            asked.add(one.request("subscriptions/listen" if step == "listen" else "tools/call", {}).id)
        elif step == "cancel":
            still = asked - set(ended)
            if still:
                one.cancel(min(still))
                ended.append(min(still))
        else:
            ended += [effect.id for effect in one.receive(step) if isinstance(effect, Settle)]
    assert len(ended) == len(set(ended)) and set(ended) <= asked
    assert len(one) == len(asked) - len(ended)
