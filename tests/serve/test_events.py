"""How a reply becomes a response: JSON or events, refusals, and a reader that stops; beneath any ASGI server."""

import asyncio
import json
from typing import Any

import pytest

from fairlead.serve.events import PageError, Responder
from fairlead.serve.reply import Reply, Store
from fairlead.wire import encode

ANSWER = encode.result(1, {})
NOTICE = encode.notification("notifications/message", {})
STATUS = {-32601: 404}


class Line:
    """An ASGI server's half of one request: what was sent, and a reader that can leave or stop."""

    def __init__(self, extensions: dict[str, Any] | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.readable = asyncio.Event()
        self.readable.set()
        self.scope = {"type": "http"} | ({} if extensions is None else {"extensions": extensions})

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.readable.wait()
        self.sent.append(message)

    def responder(self, stall: float = 5) -> Responder:
        return Responder(self.scope, self.receive, self.send, stall=stall)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def whole(self) -> bool:
        return not self.sent[-1].get("more_body", False)


def reply(*frames: bytes, store: Store | None = None) -> Reply:
    made = Reply(store)
    for frame in frames:
        made.put(frame, last=frame is ANSWER)
    return made


@pytest.mark.parametrize(
    ("json", "events", "frames", "kind"),
    [
        (True, True, [ANSWER], b"application/json"),
        (True, False, [ANSWER], b"application/json"),
        (False, True, [ANSWER], b"text/event-stream"),
        (True, True, [NOTICE, ANSWER], b"text/event-stream"),
    ],
)
def test_the_kind_of_a_response_is_decided_by_what_is_said_and_what_is_taken(run, json, events, frames, kind):
    async def talk():
        line = Line()
        respond = line.responder()
        respond.takes_json, respond.takes_events = json, events
        await respond.reply(reply(*frames), status={})
        assert line.status == 200 and line.headers[b"content-type"] == kind and line.whole
        if kind == b"application/json":
            assert line.body == ANSWER
        else:
            assert line.body.count(b"event: message\ndata: ") == len(frames) and b"\nid:" not in line.body

    run(talk())


@pytest.mark.parametrize(("code", "status"), [(-32601, 404), (-32602, 200)])
def test_an_error_has_the_status_of_its_code(run, code, status):
    async def talk():
        line = Line()
        made = Reply()
        made.put(b'{"jsonrpc":"2.0","id":1,"error":{"code":%d,"message":"x"}}' % code, last=True)
        await line.responder().reply(made, status=STATUS)
        assert line.status == status

    run(talk())


@pytest.mark.parametrize("primed", [False, True])
def test_what_is_kept_has_ids_that_count_up(run, primed):
    async def talk():
        line, store = Line(), Store(primed=primed)
        await line.responder().reply(reply(NOTICE, ANSWER, store=store), status={})
        events = [event for event in line.body.split(b"\n\n") if event and not event.startswith(b":")]
        ids = [event.partition(b"\n")[0] for event in events]
        assert ids == [b"id: 1-0", b"id: 1-1", b"id: 1-2"][0 if primed else 1 :]
        assert store.journals[1].closed and store.journals[1].reader is None

    run(talk())


def test_a_reply_that_was_ended_is_an_empty_stream_or_nothing(run):
    async def talk():
        for events, status in ((True, 200), (False, 202)):
            line, made = Line(), Reply(Store())
            made.end()
            respond = line.responder()
            respond.takes_events = events
            await respond.reply(made, status={})
            assert line.status == status and line.whole and b"data" not in line.body

    run(talk())


def test_a_reader_that_leaves_ends_the_waiting(run):
    async def talk():
        for store in (None, Store()):
            line, made = Line(), Reply(store)
            made.put(NOTICE, last=False)
            replying = asyncio.ensure_future(line.responder().reply(made, status={}))
            while len(line.sent) < 3:
                await asyncio.sleep(0)
            line.gone.set()
            await replying
            assert made.gone and not line.whole
            if store is not None:
                made.put(ANSWER, last=True)
                assert [event.frame for event in store.journals[1].events] == [NOTICE, ANSWER]

    run(talk())


@pytest.mark.parametrize("extensions", [None, {"fairlead.unsent": lambda: 70_000}])
@pytest.mark.parametrize("at", [0, 2])
def test_a_reader_that_stops_reading_ends_the_response(run, monkeypatch, extensions, at):
    monkeypatch.setattr("fairlead.serve.events._BLIND", 0.02)

    async def talk():
        line = Line(extensions)
        made = reply(NOTICE)
        if at == 0:
            line.readable.clear()
        replying = asyncio.ensure_future(line.responder(stall=0.02).reply(made, status={}))
        while len(line.sent) < at:
            await asyncio.sleep(0)
        line.readable.clear()
        made.put(ANSWER, last=True)
        with pytest.raises(ConnectionError):
            await replying
        assert made.gone

    run(talk())


def test_a_reader_that_reads_slowly_has_its_time(run):
    async def talk():
        left = [100_000]

        def unsent() -> int:
            left[0] -= 10_000
            if left[0] == 30_000:
                line.readable.set()
            return left[0]

        line = Line({"fairlead.unsent": unsent})
        line.readable.clear()
        await line.responder(stall=0.01).reply(reply(NOTICE, ANSWER), status={})
        assert line.whole

    run(talk())


def test_a_silent_stream_says_that_it_lives(run, monkeypatch):
    monkeypatch.setattr("fairlead.serve.events._STREAM_AFTER", 0.01)
    monkeypatch.setattr("fairlead.serve.events.BEAT", 0.01)

    async def talk():
        line, made = Line(), Reply()
        replying = asyncio.ensure_future(line.responder().reply(made, status={}))
        while line.body.count(b": still here\n\n") < 2:
            await asyncio.sleep(0.005)
        made.put(ANSWER, last=True)
        await replying
        assert line.whole and ANSWER in line.body

    run(talk())


def test_a_refusal_says_its_name_its_text_and_its_limit(run):
    async def talk():
        line = Line()
        await line.responder().refuse(PageError(413, "TOO_MUCH", "Send less.", limit=7, allow="GET", retry_after=3))
        assert line.status == 413 and line.headers[b"allow"] == b"GET" and line.headers[b"retry-after"] == b"3"
        assert json.loads(line.body) == {"error": {"code": "TOO_MUCH", "message": "Send less.", "limit": 7}}
        assert int(line.headers[b"content-length"]) == len(line.body)

    run(talk())


def test_a_response_without_a_body_says_so(run):
    async def talk():
        for status, length in ((202, b"0"), (204, None)):
            line = Line()
            await line.responder().empty(status)
            assert line.status == status and line.headers.get(b"content-length") == length and line.body == b""

    run(talk())
