"""Whatever a peer sends, in whatever order: each request has one outcome, and nothing outlives its call."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from fairlead.catalog import Completion
from fairlead.errors import ToolError
from fairlead.kernel import Call, Resume, Run, Send, Settle, Stop, Tell
from tests.kernel.talk import ALL, MODERN, Peer, batch, call_add, cancel, modern, notice, parking, read, request, terms

# Made once: to describe functions takes longer than a walk.
USUAL, SMALL = terms(), terms(in_flight=3)

IDS = st.one_of(st.integers(-(2**63), 2**63), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from(
    ["ping", "tools/list", "tools/call", "prompts/get", "resources/read", "completion/complete", "x", "initialize"]
    + ["resources/subscribe", "logging/setLevel", "subscriptions/listen", "server/discover", "prompts/list"]
)
PARAMS = st.one_of(
    st.just(call_add()),
    st.just({"uri": "harbour://berth/3"}),
    st.just({"name": "greet", "arguments": {"name": "Ida"}}),
    st.just({"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": "I"}}),
    st.just({"notifications": {"toolsListChanged": True}}),
    st.just({"protocolVersion": "2025-03-26"}),
    st.dictionaries(st.sampled_from(["name", "uri", "arguments", "cursor", "requestState", "level"]), JSON, max_size=3),
)


@st.composite
def requests(draw: Any, ids: Any = IDS) -> bytes:
    write = draw(st.sampled_from([request, modern]))
    return write(draw(METHODS), draw(PARAMS), draw(ids))


NOTICES = st.builds(
    notice,
    st.sampled_from(["notifications/initialized", "notifications/progress", "x"]),
    JSON.filter(lambda value: value is None or isinstance(value, dict)),
)
ANSWERS = st.builds(lambda id, value: json.dumps({"jsonrpc": "2.0", "id": id, "result": value}).encode(), IDS, JSON)
BROKEN = st.one_of(
    st.binary(max_size=30),
    JSON.map(lambda value: json.dumps(value).encode()),
    requests().flatmap(lambda frame: st.integers(1, len(frame) - 1).map(lambda cut: frame[:cut])),
)
MEMBERS = st.one_of(requests(), NOTICES, ANSWERS)
OUTCOMES = st.sampled_from(["finish", "misfit", "fail", "cancel", "leave"])


def messages(frames: list[bytes]) -> list[dict[str, Any]]:
    flat = []
    for frame in frames:
        value = json.loads(frame)
        flat += value if isinstance(value, list) else [value]
    return flat


class Line:
    """Does what a line does with the effects of a session, at times that hypothesis chooses."""

    def __init__(self, version: str | None):
        self.peer = Peer(version, of_terms=USUAL)
        self.sent: list[bytes] = []
        self.running: list[Call] = []
        self.stopped: list[Call] = []
        self.misfits: set[Any] = set()

    def defects(self, frame: bytes) -> set[Any]:
        return {one.get("id") for one in messages([frame]) if one.get("error", {}).get("code") == -32603}

    def receive(self, frame: bytes) -> None:
        for effect in self.peer.session.receive(frame, 0.0):
            assert isinstance(effect, Send | Run | Stop | Resume | Settle | Tell)
            if isinstance(effect, Send):
                # No frame of a peer is a defect of ours; a batch may bring the misfits of its other members along.
                assert self.defects(effect.frame) <= self.misfits
                self.sent.append(effect.frame)
            elif isinstance(effect, Run):
                self.running.append(effect.call)
            elif isinstance(effect, Stop):
                self.stopped.append(effect.call)

    def end(self, call: Call, outcome: str) -> None:
        session = self.peer.session
        if outcome == "cancel":
            self.receive(cancel(call.id))
            outcome = "finish"  # The task may still come to its end: nothing may go out.
        if outcome in ("fail", "misfit"):
            self.misfits.add(call.id)
        if outcome == "fail":
            frame = session.fail(call, ToolError("x"))
        elif outcome == "finish":
            frame = session.finish(call, ["Ida"] if isinstance(call.entry, Completion) else 3)
        else:
            frame = session.finish(call, object())
        if frame is not None:
            self.sent.append(frame)


@given(
    version=st.sampled_from([None, *ALL]),
    frames=st.lists(requests(), max_size=12),
    noise=st.lists(st.one_of(NOTICES, ANSWERS), max_size=6),
    data=st.data(),
)
def test_every_readable_request_has_one_outcome_in_any_order_and_any_grouping(version, frames, noise, data):
    line = Line(version)
    # Ids of our own, so that no two requests share one.
    wanted = []
    for number, frame in enumerate(frames):
        message = json.loads(frame)
        message["id"] = [number, f"id {number}"][number % 2]
        wanted.append(message["id"])
        frames[number] = json.dumps(message).encode()
    queue = data.draw(st.permutations(frames + noise))
    while queue:
        size = data.draw(st.integers(1, min(4, len(queue))))
        together, queue = queue[:size], queue[size:]
        agreed = line.peer.session.version
        if size > 1 and (agreed is None or agreed.batches):  # Elsewhere a batch is refused as a whole.
            line.receive(batch(*together))
        else:
            for frame in together:
                line.receive(frame)
        for call in data.draw(st.permutations(line.running)) if data.draw(st.booleans()) else []:
            outcome = data.draw(OUTCOMES)
            if outcome != "leave":
                line.end(call, outcome)
                line.running.remove(call)
    for call in line.running:
        line.end(call, "finish")
    listening = [call for call in line.peer.session.calls.values() if call.entry is None]
    line.sent += [send.frame for send in line.peer.session.farewell()]
    answered = Counter(repr(message["id"]) for message in messages(line.sent) if "id" in message)
    cancelled = Counter(repr(call.id) for call in line.stopped)
    assert answered + cancelled == Counter(map(repr, wanted))
    assert all(repr(call.id) in answered for call in listening)
    assert not line.peer.session.calls


@given(version=st.sampled_from([None, *ALL]), frames=st.lists(st.one_of(BROKEN, requests(), NOTICES), max_size=10))
def test_no_frame_makes_a_session_raise_or_change_the_calls_in_flight_of_others(version, frames):
    line = Line(version)
    write = modern if version in (None, MODERN) else request
    line.receive(write("tools/call", call_add(), "mine"))
    [mine] = line.running
    for frame in frames:
        line.receive(frame)
    assert line.peer.session.calls["mine"] is mine or mine.ended
    for message in messages(line.sent):
        assert message["jsonrpc"] == "2.0"
        assert ("result" in message) + ("error" in message) + ("method" in message) == 1


@given(
    version=st.sampled_from(["2024-11-05", "2025-03-26"]),
    members=st.lists(st.one_of(requests(), NOTICES, ANSWERS), min_size=1, max_size=8),
)
def test_a_batch_says_what_its_members_would_have_said_alone(version, members):
    together, alone = Line(version), Line(version)
    for number, member in enumerate(members):
        message = json.loads(member)
        if "method" in message and "id" in message:
            # A handshake inside a batch is refused, alone it is not.
            message |= {"id": number, "method": message["method"].replace("initialize", "ping")}
            message.get("params", {}).pop("_meta", None)
        members[number] = json.dumps(message).encode()
    together.receive(batch(*members))
    for member in members:
        alone.receive(member)
    for line in (together, alone):
        for call in line.running:
            line.end(call, "finish")
    key = json.JSONEncoder(sort_keys=True).encode
    assert sorted(map(key, messages(together.sent))) == sorted(map(key, messages(alone.sent)))
    assert len(together.sent) <= 1


class Walk(RuleBasedStateMachine):
    """Two sessions of one server, and a model of what is in flight on each and what is suspended."""

    calls: Bundle[Call] = Bundle("calls")
    states: Bundle[tuple[str, Call]] = Bundle("states")

    def __init__(self) -> None:
        super().__init__()
        place = parking(most=2)
        self.peers = [Peer("2025-11-25", place=place, of_terms=SMALL) for _ in range(2)]
        self.place = place
        self.flight: list[dict[Any, Call]] = [{}, {}]
        self.parked: list[Call] = []
        self.open: list[set[int]] = [set(), set()]

    def running(self, call: Call) -> bool:
        return any(call is one for flight in self.flight for one in flight.values())

    def over(self, call: Call) -> None:
        [flight] = [flight for flight in self.flight if flight.get(call.id) is call]
        del flight[call.id]

    @rule(target=calls, line=st.integers(0, 1), id=st.integers(0, 3), era=st.sampled_from([request, modern]))
    def begin(self, line: int, id: int, era: Any) -> Any:
        peer, flight = self.peers[line], self.flight[line]
        name = {"name": "again" if id % 2 else "ask"}
        answers = peer.say(era("tools/call", name, id))
        if id in flight or len(flight) >= 3:
            [refusal] = answers
            assert refusal["error"]["code"] == (-32600 if id in flight else -31001)
            return multiple()
        [run] = peer.effects
        flight[id] = run.call
        return run.call

    @rule(call=calls, outcome=st.sampled_from(["finish", "misfit", "fail"]))
    def conclude(self, call: Call, outcome: str) -> None:
        if outcome == "fail":
            frame = call.session.fail(call, ValueError("x"))
        else:
            frame = call.session.finish(call, "x" if outcome == "finish" else object())
        assert (frame is not None) == self.running(call)
        if frame is not None:
            assert read(frame)["id"] == call.id
            self.over(call)

    @rule(line=st.integers(0, 1), id=st.integers(0, 3))
    def cancel(self, line: int, id: int) -> None:
        peer, call = self.peers[line], self.flight[line].get(id)
        assert peer.say(cancel(id)) == []
        assert peer.effects == ([] if call is None else [Stop(call)])
        if call is not None:
            self.over(call)

    @rule(target=states, line=st.integers(0, 1), pick=st.integers(0, 2))
    def suspend(self, line: int, pick: int) -> Any:
        able = [call for call in self.flight[line].values() if call.stateless]
        if not able:
            return multiple()
        call = able[pick % len(able)]
        call.question("elicitation/create", {})
        message = read(call.session.suspend(call, 0.0))
        assert message["id"] == call.id
        self.over(call)
        if len(self.parked) == 2:
            assert message["error"]["data"]["errorCode"] == "BUSY"
            return multiple()
        self.parked.append(call)
        return message["result"]["requestState"], call

    @rule(call=calls)
    def suspend_twice_or_too_late(self, call: Call) -> None:
        if not self.running(call):
            assert call.session.suspend(call, 0.0) is None

    @rule(target=calls, line=st.integers(0, 1), id=st.integers(0, 3), held=consumes(states))
    def retry(self, line: int, id: int, held: tuple[str, Call]) -> Any:
        peer, flight = self.peers[line], self.flight[line]
        state, call = held
        params = {"name": call.name, "requestState": state, "inputResponses": {"q1": {"action": "cancel"}}}
        answers = peer.say(modern("tools/call", params, id))
        if id in flight or len(flight) >= 3:
            assert answers[0]["error"]["code"] in (-32600, -31001)
            return multiple()
        if call not in self.parked and call.name == "ask":
            assert answers[0]["error"]["data"]["errorCode"] == "STATE_LOST"
            return multiple()
        assert answers == []
        [effect] = peer.effects
        if call in self.parked:
            assert isinstance(effect, Resume)
            assert effect.call is call
            call.answered(effect.answers)
            self.parked.remove(call)
        else:
            assert isinstance(effect, Run)
            call = effect.call
        flight[id] = call
        return call

    @rule(call=calls)
    def chatter(self, call: Call) -> None:
        awake = self.running(call)
        assert (call.session.log(call, "error", "x", None) is not None) == (awake and not call.stateless)
        assert call.session.progress(call, 1, None, None) is None

    @rule(line=st.integers(0, 1))
    def ask_the_client(self, line: int) -> None:
        id, _ = self.peers[line].session.questions.ask("roots/list", {}, 10.0)
        assert id not in self.open[line]
        self.open[line].add(id)

    @rule(line=st.integers(0, 1), id=st.integers(0, 4), how=st.sampled_from(["result", "error", "withdrawn", "late"]))
    def end_a_question(self, line: int, id: int, how: str) -> None:
        peer, known = self.peers[line], id in self.open[line]
        if how == "withdrawn":
            assert (peer.session.questions.withdraw(id) is not None) == known
        elif how == "late":
            assert {settled.id for settled in peer.session.questions.expire(10.0)} == self.open[line]
            self.open[line].clear()
            for late in range(5):
                peer.session.questions.withdraw(late)
        else:
            value = {"code": 1, "message": "no"} if how == "error" else {}
            assert peer.say(json.dumps({"jsonrpc": "2.0", "id": id, how: value}).encode()) == []
            assert [effect.id for effect in peer.effects] == [id] * known
        self.open[line].discard(id)

    @rule()
    def expire(self) -> None:
        late = self.place.expire(1e9)
        assert late == self.parked
        self.parked.clear()

    @rule(line=st.integers(0, 1))
    def close(self, line: int) -> None:
        ended = self.peers[line].session.close()
        assert {id(call) for call in ended} == {id(call) for call in self.flight[line].values()}
        assert all(call.ended for call in ended)
        self.flight[line].clear()
        self.open[line].clear()
        self.peers[line] = Peer("2025-11-25", place=self.place, of_terms=SMALL)

    @invariant()
    def tables_agree(self) -> None:
        for peer, flight in zip(self.peers, self.flight, strict=True):
            assert peer.session.calls == flight
            assert len(peer.session.questions) == len(self.open[self.peers.index(peer)])
            assert all(not call.ended and not call.parked for call in flight.values())
        assert len(self.place) == len(self.parked)
        assert all(call.parked for call in self.parked)


@pytest.mark.requirement("SERVER-05")
def test_no_walk_speaks_for_a_call_that_ended_or_leaks_one():
    run_state_machine_as_test(Walk, settings=settings(max_examples=300, stateful_step_count=40))
