"""What both halves of the protocol guard share: the limits, the inbox, the farewell and the log.

What this module refuses to do: know a request, a header or a frame. `guard.protocol` (HTTP) and `guard.frames`
(WebSocket) do.

"Point n" is a numbered finding of reference/reliability.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, ClassVar

import msgspec
from uvicorn._types import ASGIReceiveEvent


class ProtocolLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may cost. Sizes in bytes, times in seconds."""

    handshake_s: float = 10.0
    """From the connection (or a later request's first byte) to the end of its head. Point 3: stock waits for ever."""
    head_bytes: int = 65_536
    """A whole head, or bytes that complete nothing: four times what nginx takes; httptools itself has no bound."""
    line_bytes: int = 16_384
    """One header line: a JWT with many claims is 10 KiB. Point 2: stock falls silent over 8,192 at an upgrade."""
    head_count: int = 128
    """Header lines: what `websockets` takes."""
    pipelined: int = 16
    """Requests waiting behind a running one: 256 KiB read at once would hold 6,000, each with a cycle of 3 KB."""
    unsent_bytes: int = 65_536
    """High-water mark of the outgoing buffer: over it `send` waits, and pongs are withheld (point 1)."""
    gathered_bytes: int = 16_384
    """Answers of one turn of the loop gathered into one write: over it, one more system call costs little."""
    withheld_pings: int = 64
    """Pings that may go unanswered over that mark: an honest slow reader sends a few a minute, a flood sends more."""
    fragments: int = 1_024
    """Frames of one message: 4 MiB in frames of 4 KiB. Point 7: stock counts none, so empty ones never end."""
    queued_messages: int = 64
    """Messages the app has not taken, before reading pauses: the requests a peer may have in flight."""
    queued_chars: int = 262_144
    """The same by size, so that 64 messages of 4 MiB do not add up to 256 MiB."""
    parse_bytes: int = 16_384
    """Parsed at a time: a read of 256 KiB is 37,000 one-byte messages, 12 MB as objects."""
    close_s: float = 10.0
    """For the peer's answer to a close frame, and once more for it to read what is unsent; then the line is cut."""
    linger_s: float = 2.0
    """After a refusal, read and drop this long, so that a reset does not overtake the answer (RFC 9112 §9.6)."""
    linger_bytes: int = 1_048_576
    """Dropped during that time at most."""


class Farewell:
    """Say goodbye so that the peer can read it: flush, half-close, drop what still comes, and end in bounded time."""

    limits: ClassVar[ProtocolLimits] = ProtocolLimits()
    transport: asyncio.Transport
    _parting = False
    _to_drop = 0

    def _part(self) -> None:
        self._parting = True
        self._to_drop = self.limits.linger_bytes
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.transport.resume_reading()
        else:
            self.transport.close()  # TLS has no half-close

    def _drop(self, size: int) -> None:
        self._to_drop -= size
        if self._to_drop < 0:
            self.transport.abort()


class Inbox(deque[Any]):
    """The messages the app has not taken; any number of its tasks may wait for the next."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        super().__init__()
        self._waiters: list[asyncio.Future[None]] = []

    def put_nowait(self, message: ASGIReceiveEvent) -> None:
        """Append and wake who waits; the name is that of asyncio.Queue, which this stands in for."""
        self.append(message)
        if self._waiters:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()

    def arrival(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """Done at the next message, which another waiter may take first: look again. Safe to cancel."""
        waiter = loop.create_future()
        self._waiters.append(waiter)
        return waiter


class _QueryFree(logging.LoggerAdapter[logging.Logger]):
    """uvicorn's own log lines, with every query cut off: it may hold a token."""

    @property
    def level(self) -> int:
        return self.logger.level

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        super().log(level, msg, *(a.partition("?")[0] if isinstance(a, str) else a for a in args), **kwargs)


ERROR_LOG: Any = _QueryFree(logging.getLogger("uvicorn.error"), {})
ACCESS_LOG: Any = _QueryFree(logging.getLogger("uvicorn.access"), {})
