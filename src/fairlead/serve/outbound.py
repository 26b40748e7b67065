"""The socket beneath a dial: what arrives waits here until it is acted on, what is sent leaves as one line of JSON.

Reads no further while too much waits. Refuses nothing; it lets answers without an id be told apart, which some peers
send after notifications.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from fairlead.connect.line import Arrived
from fairlead.connect.websocket import WebSocket
from fairlead.errors import ConnectionLost
from fairlead.kernel import Call
from fairlead.kernel.client import Outgoing
from fairlead.serve.outlet import Outlet

_AHEAD: Final = 256 * 1024
"""Bytes that may have arrived and not be acted on; past them nothing more is read."""


class Outbound(WebSocket):
    """An outbound WebSocket whose far side may read slowly, or send faster than we act."""

    def unsent(self) -> int:
        """Bytes that the transport still holds."""
        return 0 if self._socket is None else self._socket.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Drop the line now: whoever reads it is told."""
        if self._socket is not None:
            self._socket.transport.abort()

    def pause(self, on: bool) -> None:
        """Read no further, or on again."""
        if self._socket is not None and not self._socket.transport.is_closing():
            if on:
                self._socket.transport.pause_reading()
            else:
                self._socket.transport.resume_reading()


class Inbox:
    """What has arrived, until it is acted on. Fulfils `connect.line.Sink`."""

    def __init__(self, line: Outbound):
        self._line = line
        self._frames: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._lost: ConnectionLost | None = None

    def take(self, arrived: Arrived) -> None:
        """One more frame."""
        frame = arrived.encode() if isinstance(arrived, str) else arrived
        if not isinstance(frame, bytes):
            return  # News of a request of ours: a socket has none to tell.
        self._frames.append(frame)
        self._held += len(frame)
        if self._held > _AHEAD and not self._paused:
            self._paused = True
            self._line.pause(True)
        self._wake()

    def lost(self, why: ConnectionLost) -> None:
        """Nothing more arrives."""
        self._lost = why
        self._wake()

    async def receive(self) -> bytes:
        """The next frame. Raises ConnectionLost once nothing more comes."""
        while not self._frames:
            if self._lost is not None:
                raise self._lost
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        frame = self._frames.popleft()
        self._held -= len(frame)
        if self._paused and self._held <= _AHEAD // 2:
            self._paused = False
            self._line.pause(False)
        return frame

    async def end(self) -> ConnectionLost:
        """Why the line ended; what came before is dropped."""
        try:
            while True:
                await self.receive()
        except ConnectionLost as lost:
            return lost

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def sender(line: Outbound, outlet: Outlet) -> Callable[[bytes, Call | None], Any]:
    """A conversation's way out to a line."""

    async def send(frame: bytes, about: Call | None) -> None:
        """Put one line on the socket. Raises OSError when it is gone."""
        if b"\n" in frame or b"\r" in frame:
            # Passed on from elsewhere as it came. In JSON these stand between values alone.
            frame = frame.replace(b"\r", b" ").replace(b"\n", b" ")
        outlet.enter(len(frame))
        try:
            handed = line.put(Outgoing(frame + b"\n"))
            if handed is not None:
                await handed
        except ConnectionLost as lost:
            outlet.close()
            raise BrokenPipeError(str(lost)) from None
        finally:
            outlet.leave(len(frame))

    return send


class _Head(msgspec.Struct):
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_read_head: Final = msgspec.json.Decoder(_Head).decode


def is_stray(frame: bytes) -> bool:
    """Whether this answers nothing: some peers answer notifications, without an id."""
    if b'"method"' in frame:
        return False
    try:
        seen = _read_head(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return seen.id is msgspec.UNSET and (seen.result is not msgspec.UNSET or seen.error is not msgspec.UNSET)
