"""How a reply becomes an HTTP response: JSON, a stream of events, or a refusal.

A stream of events is begun when something other than the answer has to be said first, or when the answer takes long;
otherwise the response is plain JSON with its status.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from fairlead.serve.reply import BEAT, Event, Journal, Reply, Store
from fairlead.serve.websocket import Receive, Send
from fairlead.wire import encode

RETRY: Final = 1
"""Seconds after which a client may come back for the rest of a stream."""

_WATCH_AFTER: Final = 0.05
"""Seconds before the request's connection is watched for its end: most calls are answered before."""

_STREAM_AFTER: Final = 10.0
"""Seconds of silence after which a stream is begun, so that no proxy gives the request up."""

_STUCK: Final = 30.0
"""Seconds that one piece may take to be read: a reader who takes longer is dropped at its bound."""

_EVENTS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
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
    ):
        super().__init__(text)
        self.status = status
        body: dict[str, Any] = {"code": name, "message": text}
        if limit is not None:
            body["limit"] = limit
        self.body = encode.encode({"error": body}) if frame is None else frame
        self.headers: list[tuple[bytes, bytes]] = []
        if allow is not None:
            self.headers.append((b"allow", allow.encode()))
        if retry_after is not None:
            self.headers.append((b"retry-after", str(retry_after).encode()))


class Responder:
    """The way out of one request."""

    def __init__(self, send: Send, receive: Receive, *, bound: int):
        self._send = send
        self._receive = receive
        self._bound = bound
        self._json = self._events = True
        self.session: str | None = None

    def takes(self, *, json: bool, events: bool) -> None:
        """What the client accepts."""
        self._json, self._events = json, events

    async def reply(
        self,
        reply: Reply,
        *,
        status: Mapping[int, int],
        store: Store | None = None,
        ends_with_reader: bool = False,
    ) -> None:
        """Send what the reply holds and what will come. Returns when all is said or the reader is gone.

        With a `store`, a stream can be resumed, and a reader who leaves ends nothing.
        """
        watch = _Watch(self._receive, reply) if not reply.done else None
        try:
            await self._wait(reply)
            answer = reply.only_answer()
            if answer is not None and self._json:
                code = encode.error_code(answer)
                await self._page(200 if code is None else status.get(code, 200), answer)
                return
            if not reply.gone:
                if store is not None:
                    reply.journal = _journal(store, reply)
                    if reply.released:
                        reply.release()
                await self.stream(reply, reply.journal, watch)
        finally:
            if watch is not None:
                watch.end()
            reply.leave()

    async def _wait(self, reply: Reply) -> None:
        if self._events:
            await reply.wait(_STREAM_AFTER)
        while not (self._events or reply.done or reply.gone):
            await reply.wait(None)
            while not self._events and not reply.done and reply.take():
                pass  # A client that takes no events cannot be told of progress.

    async def stream(
        self, reply: Reply, journal: Journal | None, watch: "_Watch | None" = None, *, first: bytes = b""
    ) -> None:
        """Send events until the reply is done or its reader gone; `first` goes before them."""
        mine = watch or _Watch(self._receive, reply)
        await self._start(200, _EVENTS)
        try:
            if first:
                await self._piece(first)
            if journal is not None:
                await self._piece(b"id: %d-%d\nretry: %d\ndata: \n\n" % (journal.key, journal.last_sent, RETRY * 1000))
            while not reply.gone:
                event = reply.take()
                if event is not None:
                    await self._piece(_event(event, journal))
                elif reply.done:
                    break
                elif not await reply.wait(BEAT):
                    await self._piece(_COMMENT)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            # It reads nothing: what is left for it is kept in the journal, or lost with its request.
            raise ConnectionError("the reader of a stream has stopped reading") from None
        finally:
            mine.end()
            reply.leave()
            if journal is not None and journal.reader is reply:
                journal.reader = None

    async def _piece(self, data: bytes) -> None:
        async with asyncio.timeout(_STUCK):
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def accepted(self) -> None:
        """202: it was read, and there is nothing to say."""
        await self.empty(202)

    async def empty(self, status: int) -> None:
        """A response without a body."""
        await self._start(status, [(b"content-length", b"0")] if status != 204 else [])
        await self._send({"type": "http.response.body", "body": b""})

    async def refuse(self, refusal: PageError) -> None:
        """An HTTP error."""
        await self._page(refusal.status, refusal.body, refusal.headers)

    async def _page(self, status: int, body: bytes, more: list[tuple[bytes, bytes]] | None = None) -> None:
        length = str(len(body)).encode()
        await self._start(status, [(b"content-type", b"application/json"), (b"content-length", length), *(more or ())])
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if self.session is not None:
            headers = [*headers, (b"mcp-session-id", self.session.encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


class _Watch:
    """Sees the reader leave, while a reply is still to come."""

    def __init__(self, receive: Receive, reply: Reply):
        self._receive = receive
        self._reply = reply
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(_WATCH_AFTER, self._begin)

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


def _journal(store: Store, reply: Reply) -> Journal:
    """A journal that begins with what the reply holds already."""
    journal = store.open()
    held = []
    while (event := reply.take()) is not None:
        held.append(event.frame)
    journal.reader = reply
    done, reply.done = reply.done, False
    for place, frame in enumerate(held, 1):
        journal.put(frame, last=done and place == len(held))
    return journal


def _event(event: Event, journal: Journal | None) -> bytes:
    if journal is None:
        return b"event: message\ndata: %b\n\n" % event.frame
    journal.last_sent = event.number
    return b"id: %d-%d\nevent: message\ndata: %b\n\n" % (journal.key, event.number, event.frame)
