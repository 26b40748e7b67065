"""How a reply becomes an HTTP response: JSON, a stream of events, or a refusal.

A stream of events is begun when something other than the answer has to be said first, or when the answer takes long;
otherwise the response is plain JSON with its status.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from fairlead.serve.reply import BEAT, Event, Journal, Reply
from fairlead.serve.steps import within
from fairlead.serve.websocket import Receive, Scope, Send
from fairlead.wire import encode

RETRY: Final = 1
"""Seconds after which a client may come back for the rest of a stream."""

WATCH_AFTER: Final = 0.05
"""Seconds before the request's connection is watched for its end: most calls are answered before."""

_STREAM_AFTER: Final = 10.0
"""Seconds of silence after which a stream is begun, so that no proxy gives the request up."""

_BLIND: Final = 30.0
"""Seconds without room to write, beneath a server that does not tell whether its peer reads slowly or not at all."""

_EVENTS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_JSON: Final = (b"content-type", b"application/json")
_OPEN: Final = b": open\n\n"
_COMMENT: Final = b": still here\n\n"


class PageError(Exception):
    """An HTTP error: status, a stable name, text with the next step. `frame` replaces the JSON page."""

    def __init__(
        self,
        status: int,
        name: str,
        text: str,
        *,
        allow: str | None = None,
        limit: float | None = None,
        frame: bytes | None = None,
        retry_after: int | None = None,
        headers: list[tuple[bytes, bytes]] | None = None,
    ):
        super().__init__(text)
        self.status = status
        body: dict[str, Any] = {"code": name, "message": text}
        if limit is not None:
            body["limit"] = limit
        self.body = encode.encode({"error": body}) if frame is None else frame
        self.headers = list(headers or ())
        if allow is not None:
            self.headers.append((b"allow", allow.encode()))
        if retry_after is not None:
            self.headers.append((b"retry-after", str(retry_after).encode()))


class Responder:
    """The way out of one request. Raises ConnectionError where the reader has stopped reading."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, stall: float):
        self._send = send
        self._receive = receive
        self._scope = scope
        self._stall = stall
        self.takes_json = self.takes_events = True
        self.session: str | None = None

    async def reply(self, reply: Reply, *, status: Mapping[int, int], watch_after: float = WATCH_AFTER) -> None:
        """Send what the reply holds and what will come. Returns when all is said or the reader is gone."""
        watch = None if reply.done else _Watch(self._receive, reply, watch_after)
        try:
            if watch is not None:
                await self._wait(reply)
            answer = reply.only_answer()
            if reply.gone:
                return
            if answer is not None and self.takes_json:
                await self.answer(answer, status)
            elif self.takes_events:
                if reply.store is not None:
                    reply.store.open().begin(reply)
                await self.stream(reply, reply.journal, watch=watch)
            else:
                await self.accepted()  # It was cancelled, and a cancelled request has no answer.
        finally:
            if watch is not None:
                watch.end()
            reply.leave()

    async def answer(self, frame: bytes, status: Mapping[int, int]) -> None:
        """Send an answer that nothing went before."""
        code = encode.error_code(frame)
        await self._page(200 if code is None else status.get(code, 200), frame)

    async def _wait(self, reply: Reply) -> None:
        if not self.takes_events:
            while not (reply.done or reply.gone):
                await reply.wait(None)
        elif not reply.released:
            await reply.wait(_STREAM_AFTER)

    async def stream(
        self, reply: Reply, journal: Journal | None, *, first: bytes = _OPEN, watch: "_Watch | None" = None
    ) -> None:
        """Send events until the reply is done or its reader gone; `first` goes before them.

        With a `journal` the stream can be resumed, and a reader who leaves ends nothing.
        """
        watch = watch or _Watch(self._receive, reply, 0)
        try:
            if journal is not None and journal.primed:
                first = b"id: %d-%d\nretry: %d\ndata: \n\n" % (journal.key, journal.last_sent, RETRY * 1000)
            begin = {"type": "http.response.body", "body": first, "more_body": True}
            await self._put(self._whole(200, [*_EVENTS], begin))
            while not reply.gone:
                event = reply.take()
                if event is not None:
                    await self._piece(_event(event, journal))
                elif reply.done:
                    await self._put(self._send({"type": "http.response.body", "body": b""}))
                    return
                elif not await reply.wait(BEAT):
                    await self._piece(_COMMENT)
        finally:
            watch.end()
            reply.leave()
            if journal is not None:
                journal.detach(reply)

    async def leave_to(self, other: Callable[[Scope, Receive, Send, bytes], Awaitable[bool]], body: bytes) -> bool:
        """Have the request answered by somebody else; False if it is ours after all."""
        return await other(self._scope, self._receive, self._send, body)

    async def accepted(self) -> None:
        """202: it was read, and there is nothing to say."""
        await self.empty(202)

    async def empty(self, status: int) -> None:
        """A response without a body."""
        headers = [(b"content-length", b"0")] if status != 204 else []
        await self._put(self._whole(status, headers, {"type": "http.response.body", "body": b""}))

    async def refuse(self, refusal: PageError) -> None:
        """An HTTP error."""
        await self._page(refusal.status, refusal.body, refusal.headers)

    async def _page(self, status: int, body: bytes, more: list[tuple[bytes, bytes]] | None = None) -> None:
        headers = [_JSON, (b"content-length", b"%d" % len(body)), *(more or ())]
        await self._put(self._whole(status, headers, {"type": "http.response.body", "body": body}))

    async def _whole(self, status: int, headers: list[tuple[bytes, bytes]], body: MutableMapping[str, Any]) -> None:
        if self.session is not None:
            headers.append((b"mcp-session-id", self.session.encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send(body)

    async def _piece(self, data: bytes) -> None:
        await self._put(self._send({"type": "http.response.body", "body": data, "more_body": True}))

    async def _put(self, sending: Awaitable[None]) -> None:
        unsent = (self._scope.get("extensions") or {}).get("fairlead.unsent")
        try:
            await within(_BLIND if unsent is None else self._stall, sending, unsent)
        except TimeoutError:
            # What is left for it is kept in the journal, or lost with its request.
            raise ConnectionError("the reader has stopped reading") from None


class _Watch:
    """Sees the reader leave, while a reply is still to come."""

    def __init__(self, receive: Receive, reply: Reply, after: float):
        self._receive = receive
        self._reply = reply
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if after:
            self._timer = asyncio.get_running_loop().call_later(after, self._begin)
        else:
            self._begin()

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._reply.leave()

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _event(event: Event, journal: Journal | None) -> bytes:
    if journal is None:
        return b"event: message\ndata: %b\n\n" % event.frame
    journal.last_sent = event.number
    return b"id: %d-%d\nevent: message\ndata: %b\n\n" % (journal.key, event.number, event.frame)
