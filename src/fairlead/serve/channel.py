"""HTTP/1.1 to another worker, over its Unix-domain socket: one exchange at a time on each connection.

Bounded: in connections, in what is read ahead of a slow reader, in what is written ahead of a slow worker. Both ways
stream. Refuses to try anything twice: whether a request that broke off may be repeated, its client has to know.
"""

import asyncio
from collections import deque
from typing import Any, Final

import httptools

MOST: Final = 1024
"""Connections to one worker. Each carries one request, so that a stream never holds up another request."""

_IDLE: Final = 32
_AHEAD: Final = 256 * 1024
_CONNECT: Final = 5.0

Header = tuple[bytes, bytes]


class Line(asyncio.Protocol):
    """One connection, and the answer that is being read from it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.complete = False
        self.lost = False
        self.reusable = True
        """Whether another request may follow on this connection."""

        self._transport: Any = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._pieces: deque[bytes] = deque()
        self._queued = 0
        self._head = False
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._full = False
        self._loop = asyncio.get_running_loop()

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.cut()
        if self._queued > _AHEAD:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    # What the parser says.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the answer."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head of the answer is there."""
        self.status = self._parser.get_status_code()
        self._head = True

    def on_body(self, body: bytes) -> None:
        """A piece of the answer's body."""
        self._pieces.append(body)
        self._queued += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self.complete = True
        self.reusable = self.reusable and self._parser.should_keep_alive()

    # What the exchange does.

    def begin(self) -> None:
        """Make ready for the next answer."""
        self.status, self.headers, self.complete, self._head = 0, [], False, False

    def write(self, data: bytes) -> None:
        """Send a part of the request."""
        if not self.lost:
            self._transport.write(data)

    async def room(self) -> None:
        """Wait until the worker has read most of what was written."""
        while self._full and not self.lost:
            if self._room is None:
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)

    async def head(self) -> None:
        """Wait for the status and the headers. Raises ConnectionError if the worker goes away before."""
        while not self._head:
            await self._wait()

    async def piece(self) -> bytes:
        """The next piece of the body; `b""` at its end. Raises ConnectionError if it breaks off."""
        while not self._pieces:
            if self.complete:
                return b""
            await self._wait()
        data = self._pieces.popleft() if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._queued = 0
        if not self.lost:
            self._transport.resume_reading()
        return data

    @property
    def is_last(self) -> bool:
        """Whether the answer is whole, and nothing of it is left to take."""
        return self.complete and not self._pieces

    def cut(self) -> None:
        """End the connection now; the worker sees its client leave."""
        self.lost = True
        self._transport.abort()
        self._wake()

    async def _wait(self) -> None:
        if self.lost:
            raise ConnectionError("the worker that keeps this has ended")
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Channel:
    """The connections to one worker: those in use, and some that wait for the next request."""

    def __init__(self, path: str):
        self._path = path
        self._idle: list[Line] = []
        self.used = 0

    async def open(self) -> Line | None:
        """A connection; None where the worker is not there. Raises BlockingIOError where too many are in use."""
        while self._idle:
            line = self._idle.pop()
            if not line.lost:
                self.used += 1
                line.begin()
                return line
        if self.used >= MOST:
            raise BlockingIOError(f"{MOST} requests are passed on to one worker already")
        self.used += 1
        try:
            async with asyncio.timeout(_CONNECT):
                _, line = await asyncio.get_running_loop().create_unix_connection(Line, self._path)
        except (OSError, TimeoutError):
            self.used -= 1
            return None
        except asyncio.CancelledError:
            self.used -= 1
            raise
        return line

    def release(self, line: Line) -> None:
        """The exchange is over: keep the connection for the next, if it is clean."""
        self.used -= 1
        if line.lost:
            return
        if line.is_last and line.reusable and len(self._idle) < _IDLE:
            self._idle.append(line)
        else:
            line.cut()

    def close(self) -> None:
        """End the connections that wait."""
        for line in self._idle:
            line.cut()
        self._idle.clear()
