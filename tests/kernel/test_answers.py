"""The shape of answers in each version: results, structured content, blocks, descriptors, hints, progress, log."""

import math
from typing import Any

import msgspec
import pytest

from fairlead.catalog import Catalog
from fairlead.catalog.prompt import from_function as prompt
from fairlead.catalog.resource import from_function as resource
from fairlead.catalog.tool import from_function as tool
from fairlead.errors import LineError, PeerError, ToolError
from fairlead.spec import HANDSHAKE
from fairlead.spec.content import Audio, BlobContents, Embedded, Image, ResourceLink, Text, TextContents
from fairlead.spec.descriptors import Icon
from fairlead.spec.methods import METHODS
from fairlead.spec.params import LOG_LEVELS
from fairlead.spec.results import ToolResult
from tests.kernel.talk import ALL, MODERN, PREFIX, Peer, call_add, modern, of, read, request

BLOCKS = {
    "text": Text("t"),
    "image": Image.of(b"i"),
    "audio": Audio.of(b"a"),
    "resource_link": ResourceLink(uri="harbour://log", name="log"),
    "resource": Embedded(TextContents(uri="harbour://log", text="t")),
}
CARRIED = {
    "2024-11-05": {"text", "image", "resource"},
    "2025-03-26": {"text", "image", "resource", "audio"},
    **dict.fromkeys(("2025-06-18", "2025-11-25", MODERN), set(BLOCKS)),
}


def ended(peer: Peer, version: str, value: Any, method: str = "tools/call", params: Any = None) -> Any:
    return peer.finish(peer.start(of(version, method, params or call_add())), value)


# --- results of tools ---


@pytest.mark.requirement("ERA-16")
@pytest.mark.parametrize("version", ALL)
def test_structured_content_is_sent_where_the_version_has_it(version):
    result = ended(Peer(version), version, 3)["result"]
    assert result["content"] == [{"type": "text", "text": "3"}]
    assert result.get("structuredContent") == ({"result": 3} if version >= "2025-06-18" else None)


@pytest.mark.requirement("ERA-16")
@pytest.mark.parametrize("value", [[1], "x", 5, None, True, {"a": 1}])
@pytest.mark.parametrize("version", ALL)
def test_structured_content_is_an_object_until_the_stateless_era(version, value):
    result = ended(Peer(version), version, ToolResult([], value))["result"]
    if version < "2025-06-18":
        assert "structuredContent" not in result
    else:
        as_it_is = version == MODERN or isinstance(value, dict)
        assert result["structuredContent"] == (value if as_it_is else {"result": value})


@pytest.mark.requirement("ERA-17")
@pytest.mark.parametrize("version", ALL)
def test_a_value_that_is_not_what_was_declared_is_an_error_and_not_sent(version):
    peer = Peer(version)
    call = peer.start(of(version, "tools/call", call_add()))
    result = peer.finish(call, "secret")["result"]
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert "secret" not in str(result)
    assert call.fault is not None


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("kind", BLOCKS)
def test_a_block_that_a_version_cannot_carry_is_told_in_text(version, kind):
    result = ended(Peer(version), version, ToolResult([BLOCKS[kind], Text("beside")], is_error=False))["result"]
    [block, beside] = result["content"]
    assert beside["text"] == "beside"
    assert result["isError"] is False
    if kind in CARRIED[version]:
        assert block["type"] == kind
    else:
        assert block["type"] == "text"
        assert kind in block["text"]
        assert version in block["text"]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("kind", BLOCKS)
def test_a_message_of_a_prompt_is_fitted_too(version, kind):
    params = {"name": "greet", "arguments": {"name": "Ida"}}
    [message] = ended(Peer(version), version, BLOCKS[kind], "prompts/get", params)["result"]["messages"]
    assert message["role"] == "user"
    assert message["content"]["type"] == (kind if kind in CARRIED[version] else "text")


@pytest.mark.requirement("ERR-18", "ERR-21")
@pytest.mark.parametrize("version", ALL)
def test_a_tool_that_raises_is_an_error_result_with_only_what_was_meant_for_the_caller(version):
    peer = Peer(version)
    for error, told in ((ToolError("No such berth."), "No such berth."), (ValueError("secret"), None)):
        message = read(peer.session.fail(peer.start(of(version, "tools/call", call_add())), error))
        assert "error" not in message
        assert message["result"]["isError"] is True
        text = message["result"]["content"][0]["text"]
        assert text == told if told else "secret" not in text


@pytest.mark.requirement("ERR-12")
@pytest.mark.parametrize("version", ALL)
def test_what_is_no_tool_fails_with_an_error(version):
    peer = Peer(version)
    for error, told in ((ToolError("Locked."), "Locked."), (LineError("secret"), None)):
        message = read(peer.session.fail(peer.start(of(version, "resources/read", {"uri": "harbour://log"})), error))
        assert message["error"]["code"] == -32603
        assert message["error"]["message"] == told if told else "secret" not in str(message)


def test_a_refusal_of_ours_that_a_function_lets_through_is_the_answer():
    peer = Peer()
    message = read(peer.session.fail(peer.start(modern("tools/call", call_add())), PeerError(-32021, "No.", data={})))
    assert message["error"]["code"] == -32021


class Stubborn:
    def model_dump(self, **options):
        raise KeyError("secret")


@pytest.mark.requirement("ERR-12")
@pytest.mark.parametrize("value", [object(), "\ud800", Stubborn(), {1j: 2}, 10**400, [{"role": "x", "content": 5}]])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", call_add()),
        ("resources/read", {"uri": "harbour://log"}),
        ("prompts/get", {"name": "greet", "arguments": {"name": ""}}),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": ""}},
        ),
    ],
)
def test_a_value_that_cannot_be_written_is_answered_all_the_same(method, params, value):
    peer = Peer()
    call = peer.start(modern(method, params))
    message = peer.finish(call, value)
    assert call.ended
    assert message["id"] == 1
    assert "secret" not in str(message)
    if call.fault is not None:
        assert message.get("result", {"isError": True})["isError"] is True


@pytest.mark.parametrize(
    "error",
    [ToolError("\ud800"), ToolError(b"\xff".decode(errors="surrogateescape")), PeerError(-1, "x", data={"a": 1j})],
)
@pytest.mark.parametrize("method", ["tools/call", "resources/read"])
def test_a_failure_that_cannot_be_written_is_answered_all_the_same(method, error):
    peer = Peer()
    call = peer.start(modern(method, {**call_add(), "uri": "harbour://log"}))
    message = read(peer.session.fail(call, error))
    assert ("result" in message) == (method == "tools/call")
    assert call.fault is not None
    assert not peer.session.calls


# --- the envelope of the stateless era ---


@pytest.mark.requirement("STATELESS-05", "STATELESS-06", "STATELESS-07", "STATELESS-08")
@pytest.mark.parametrize("scope", ["public", "private"])
def test_results_name_the_server_and_only_those_that_keep_say_how_long(scope):
    peer = Peer(ttl_ms=5000, cache_scope=scope, page_size=1)
    cases: dict[str, tuple[Any, Any]] = {
        "server/discover": ({}, None),
        **dict.fromkeys(("tools/list", "prompts/list", "resources/list", "resources/templates/list"), ({}, None)),
        "resources/read": ({"uri": "harbour://log"}, "text"),
        "tools/call": (call_add(), 3),
        "prompts/get": ({"name": "greet", "arguments": {"name": "I"}}, "text"),
        "completion/complete": (
            {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": ""}},
            ["x"],
        ),
    }
    for method, (params, value) in cases.items():
        frame = modern(method, params)
        result = peer.result(frame) if value is None else peer.finish(peer.start(frame), value)["result"]
        assert result["resultType"] == "complete"
        assert result["_meta"][PREFIX + "serverInfo"]["version"] == "1.2"
        assert (result.get("ttlMs"), result.get("cacheScope")) == (
            (5000, scope) if METHODS[method].kept else (None, None)
        )
    page = peer.result(modern("tools/list"))
    while "nextCursor" in page:
        page = peer.result(modern("tools/list", {"cursor": page["nextCursor"]}))
        assert page["cacheScope"] == scope


@pytest.mark.parametrize("version", HANDSHAKE)
def test_the_handshake_era_has_no_such_envelope(version):
    peer = Peer(version, ttl_ms=5000)
    results = [peer.result(request("tools/list")), ended(peer, version, 3)["result"]]
    results.append(ended(peer, version, "x", "resources/read", {"uri": "harbour://log"})["result"])
    assert not any(result.keys() & {"resultType", "_meta", "ttlMs", "cacheScope"} for result in results)


def test_the_meta_of_a_tool_stands_beside_the_server():
    result = ended(Peer(), MODERN, ToolResult([], meta={"tide": "low"}))["result"]
    assert result["_meta"].keys() == {"tide", PREFIX + "serverInfo"}
    assert ended(Peer("2024-11-05"), "2024-11-05", ToolResult([], meta={"tide": "low"}))["result"]["_meta"] == {
        "tide": "low"
    }


def test_resources_and_prompts_say_what_they_hold():
    peer = Peer("2025-11-25")
    read_log = ("resources/read", {"uri": "harbour://log"})
    blob = BlobContents(uri="harbour://log", blob="eA==")
    assert ended(peer, "", "calm", *read_log)["result"]["contents"][0]["text"] == "calm"
    assert ended(peer, "", blob, *read_log)["result"]["contents"] == [{"uri": "harbour://log", "blob": "eA=="}]
    result = ended(peer, "", ["a", "b"], "prompts/get", {"name": "greet", "arguments": {"name": "I"}})["result"]
    assert result["description"] == "A greeting."
    assert [message["content"]["text"] for message in result["messages"]] == ["a", "b"]


# --- descriptors ---


@pytest.mark.parametrize("version", ALL)
def test_descriptors_have_the_members_of_their_version(version):
    catalog = Catalog()
    more: dict[str, Any] = {"title": "T", "icons": [Icon(src="data:,")], "meta": {"m": 1}}
    catalog.add_tool(tool(lambda: 1, name="t", description="D", hints={"read_only_hint": True}, **more))
    catalog.tools.find("t").descriptor.output_schema = {"type": "object"}
    catalog.add_resource(
        resource("h://x", lambda: "", name="r", mime_type="text/plain", size=3, description="D", **more)
    )
    catalog.add_resource(resource("h://{x}", lambda x: "", name="f", **more))
    catalog.add_prompt(prompt(lambda who: "", name="p", **more))
    peer = Peer(version, catalog=catalog)
    added = {"2025-03-26": {"annotations"}, "2025-06-18": {"title", "outputSchema", "_meta"}, "2025-11-25": {"icons"}}
    known = set().union(*(members for since, members in added.items() if since <= version))

    def members(method: str, key: str) -> set[str]:
        [descriptor] = peer.result(of(version, method))[key]
        return set(descriptor)

    everything = {"name", "description", "inputSchema", "annotations", "title", "outputSchema", "_meta", "icons"}
    assert members("tools/list", "tools") == everything & (known | {"name", "description", "inputSchema"})
    beside = {"title", "_meta", "icons"} & known
    assert members("resources/list", "resources") == {"uri", "name", "mimeType", "size", "description"} | beside
    assert members("resources/templates/list", "resourceTemplates") == {"uriTemplate", "name"} | beside
    assert members("prompts/list", "prompts") == {"name", "arguments"} | beside


@pytest.mark.parametrize("version", HANDSHAKE)
def test_the_server_introduces_itself_with_what_the_version_knows(version):
    told = set(Peer().shake(version)["serverInfo"])
    extra = {"title"} if version >= "2025-06-18" else set()
    assert told == {"name", "version"} | extra | ({"description", "websiteUrl"} if version >= "2025-11-25" else set())


# --- progress and log ---


@pytest.mark.requirement("SERVER-02", "SERVER-03", "SERVER-04")
@pytest.mark.parametrize("token", [0, "", "tide", 2**53])
def test_progress_strictly_increases_and_stops_at_the_answer(token):
    peer = Peer()
    call = peer.start(modern("tools/call", call_add(), token=token))
    done = [1, 1, 0.5, -3, math.nan, 2, math.inf, math.nan, 2.5, 2.5, 3]
    frames = [peer.session.progress(call, value, None, None) for value in done]
    told = [read(frame)["params"] for frame in frames if frame is not None]
    assert [params["progress"] for params in told] == [1, 2, 2.5, 3]
    assert all(params["progressToken"] == token and params.keys() == {"progressToken", "progress"} for params in told)
    last = read(peer.session.progress(call, 4, 10, "nearly"))["params"]
    assert (last["total"], last["message"]) == (10, "nearly")
    assert "total" not in read(peer.session.progress(call, 5, math.inf, None))["params"]
    peer.finish(call, 3)
    assert peer.session.progress(call, 9, None, None) is None


@pytest.mark.requirement("SERVER-04")
def test_without_a_token_there_is_no_progress():
    peer = Peer("2025-11-25")
    assert peer.session.progress(peer.start(request("tools/call", call_add())), 1, None, None) is None


@pytest.mark.requirement("SERVER-14")
@pytest.mark.parametrize("least", LOG_LEVELS)
def test_a_handshake_client_is_sent_the_level_that_it_set_and_worse(least):
    peer = Peer("2025-06-18")
    call = peer.start(request("tools/call", call_add(), 9))
    assert peer.session.log(call, "debug", "x", None) is None
    assert read(peer.session.log(call, "info", {"a": [1]}, "crane"))["params"] == {
        "level": "info",
        "data": {"a": [1]},
        "logger": "crane",
    }
    peer.result(request("logging/setLevel", {"level": least}))
    told = [level for level in LOG_LEVELS if peer.session.log(call, level, "x", None) is not None]
    assert told == list(LOG_LEVELS[LOG_LEVELS.index(least) :])


@pytest.mark.requirement("STATELESS-21")
@pytest.mark.parametrize("least", [None, *LOG_LEVELS])
def test_a_stateless_request_is_sent_log_messages_only_if_it_named_a_level(least):
    peer = Peer("2025-11-25")
    call = peer.start(modern("tools/call", call_add(), logLevel=least))
    told = [level for level in LOG_LEVELS if peer.session.log(call, level, "x", None) is not None]
    assert told == ([] if least is None else list(LOG_LEVELS[LOG_LEVELS.index(least) :]))
    peer.session.fail(call, ToolError("x"))
    assert peer.session.log(call, "emergency", "x", None) is None


def test_a_raw_result_of_an_author_goes_out_as_it_stands():
    result = ended(Peer("2025-11-25"), "", ToolResult([Text("x")], msgspec.Raw(b'{"a":1}')))["result"]
    assert result["structuredContent"] == {"a": 1}
