"""Whatever a peer sends, in whatever order: each request has one outcome, and nothing outlives its call."""

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from fairlead.errors import ToolError
from fairlead.kernel import Call, Resume, Run, Send, Settle, Stop, Tell
from fairlead.spec import STATELESS
from tests.kernel.talk import ALL, MODERN, Peer, batch, call_add, cancel, modern, notice, parking, read, request

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


NOTICES = st.builds(notice, st.sampled_from(["notifications/initialized", "notifications/progress", "x"]), JSON.filter(
    lambda value: value is None or isinstance(value, dict)
))
ANSWERS = st.builds(lambda id, value: json.dumps({"jsonrpc": "2.0", "id": id, "result": value}).encode(), IDS, JSON)
BROKEN = st.one_of(
    st.binary(max_size=30),
    JSON.map(lambda value: json.dumps(value).encode()),
    requests().flatmap(lambda frame: st.integers(1, len(frame) - 1).map(lambda cut: frame[:cut])),
)
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
        self.peer = Peer(version)
        self.sent: list[bytes] = []
        self.running: list[Call] = []
        self.stopped: list[Call] = []

    def receive(self, frame: bytes) -> None:
        for effect in self.peer.session.receive(frame, 0.0):
            assert isinstance(effect, Send | Run | Stop | Resume | Settle | Tell)
            if isinstance(effect, Send):
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
        if outcome == "fail":
            frame = session.fail(call, ToolError("x"))
        else:
            frame = session.finish(call, 3 if outcome == "finish" else object())
        if frame is not None:
            self.sent.append(frame)


@given(
    version=st.sampled_from([None, *ALL]),
    frames=st.lists(requests(st.nothing()) if False else requests(), max_size=12),
    noise=st.lists(st.one_of(NOTICES, ANSWERS), max_size=6),
    data=st.data(),
)
def test_every_readable_request_has_one_outcome_in_any_order_and_any_grouping(version, frames, noise, data):
    line = Line(version)
    handshakes = version is None or version in STATELESS
    # Ids of our own, so that no two requests share one; batches only where they are understood.
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
        grouped = line.peer.session.version is not None and line.peer.session.version.batches
        if size > 1 and grouped and not handshakes:
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
    assert not any(message.get("error", {}).get("code") == -32603 for message in messages(line.sent) if False)


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


@given(version=st.sampled_from(["2024-11-05", "2025-03-26"]), members=st.lists(st.one_of(requests(), NOTICES, ANSWERS), min_size=1, max_size=8))
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


class Session(RuleBasedStateMachine):
    """Two sessions of one server, and a model of what is in flight on each and what is suspended."""

    calls: Bundle[Call] = Bundle("calls")
    states: Bundle[tuple[str, Call]] = Bundle("states")
    ended: Bundle[Call] = Bundle("ended")

    def __init__(self) -> None:
        super().__init__()
        place = parking(most=3)
        self.peers = [Peer("2025-11-25", place=place, in_flight=5) for _ in range(2)]
        self.place = place
        self.flight: list[dict[Any, Call]] = [{}, {}]
        self.parked: list[Call] = []
        self.done: list[Call] = []
        self.spent: set[str] = set()

    def where(self, call: Call) -> int:
        return next(number for number, peer in enumerate(self.peers) if call.session is peer.session)

    def running(self, call: Call) -> bool:
        return any(call is one for one in self.flight[self.where(call)].values())

    def over(self, call: Call) -> None:
        self.flight[self.where(call)].pop(call.id)
        self.done.append(call)

    @rule(target=calls, line=st.integers(0, 1), id=st.integers(0, 7), era=st.sampled_from([request, modern]))
    def begin(self, line: int, id: int, era: Any) -> Any:
        peer, flight = self.peers[line], self.flight[line]
        name = {"name": "again" if id % 2 else "ask"}
        answers = peer.say(era("tools/call", name, id))
        if id in flight or len(flight) >= 5:
            [refusal] = answers
            assert refusal["error"]["code"] == (-32600 if id in flight else -31001)
            return calls_of([])
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

    @rule(line=st.integers(0, 1), id=st.integers(0, 7))
    def cancel(self, line: int, id: int) -> None:
        peer, call = self.peers[line], self.flight[line].get(id)
        assert peer.say(cancel(id)) == []
        assert peer.effects == ([] if call is None else [Stop(call)])
        if call is not None:
            self.over(call)

    @rule(target=states, call=calls)
    def suspend(self, call: Call) -> Any:
        running = self.running(call)
        if not call.stateless:
            return calls_of([])
        if running:
            call.question("elicitation/create", {})
        frame = call.session.suspend(call, 0.0)
        assert (frame is not None) == running
        if frame is None:
            return calls_of([])
        message = read(frame)
        assert message["id"] == call.id
        if len(self.parked) == 3:
            assert message["error"]["data"]["errorCode"] == "BUSY"
            self.over(call)
            return calls_of([])
        self.flight[self.where(call)].pop(call.id)
        self.parked.append(call)
        return message["result"]["requestState"], call

    @rule(target=calls, line=st.integers(0, 1), id=st.integers(0, 7), held=consumes(states))
    def retry(self, line: int, id: int, held: tuple[str, Call]) -> Any:
        peer, flight = self.peers[line], self.flight[line]
        state, call = held
        params = {"name": call.name, "requestState": state, "inputResponses": {"q1": {"action": "cancel"}}}
        answers = peer.say(modern("tools/call", params, id))
        if id in flight or len(flight) >= 5:
            assert answers[0]["error"]["code"] in (-32600, -31001)
            return calls_of([])
        assert answers == []
        [effect] = peer.effects
        assert isinstance(effect, Resume)
        assert effect.call is call
        call.answered(effect.answers)
        self.parked.remove(call)
        flight[id] = call
        return call

    @rule(call=calls)
    def chatter(self, call: Call) -> None:
        awake = self.running(call)
        assert (call.session.log(call, "error", "x", None) is not None) == (awake and not call.stateless)
        assert call.session.progress(call, 1, None, None) is None

    @rule()
    def expire(self) -> None:
        late = self.place.expire(1e9)
        assert {id(call) for call in late} == {id(call) for call in self.parked}
        self.done += late
        self.parked.clear()

    @rule(line=st.integers(0, 1))
    def close(self, line: int) -> None:
        ended = self.peers[line].session.close()
        assert ended == list(self.flight[line].values())
        assert all(call.ended for call in ended)
        self.done += ended
        self.flight[line].clear()
        self.peers[line] = Peer("2025-11-25", place=self.place, in_flight=5)

    @invariant()
    def tables_agree(self) -> None:
        for peer, flight in zip(self.peers, self.flight, strict=True):
            assert peer.session.calls == flight
            assert all(not call.ended and not call.parked for call in flight.values())
        assert len(self.place) == len(self.parked)
        assert all(call.parked for call in self.parked)
