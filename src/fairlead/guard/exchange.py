"""The outgoing half of one HTTP request: a whole answer leaves in one write, and the app learns what is unread.

uvloop writes each buffer at once, and that system call is a fifth of a small answer's cost. So the head of an answer
waits for its first piece of body, as ASGI asks anyway; where that piece is the whole body, both leave together, at the
loop's next turn: the answers of one turn leave side by side, and wake their readers once and not one by one.

An app finds in its scope's `extensions` what a WebSocket has as well: `fairlead.unsent`, the bytes still to be sent,
and `fairlead.abort`, which drops the TCP connection at once.

What this module refuses to do: answer where stock would do anything but write (a body in pieces or of another length,
a peer that is behind, HEAD, a log of accesses). All of that goes stock's way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_LARGE: Final = 16_384
"""Bytes of body from which another write costs less than joining it to its head: at 2 MB, half of all the work."""


class Exchange:
    """An ASGI app around an ASGI app, for one request."""

    __slots__ = ("_app", "_cycle", "_start", "_write")

    def __init__(self, app: Any, cycle: RequestResponseCycle, write: Callable[[bytes], None]) -> None:
        self._app = app
        self._cycle = cycle
        self._write = write
        self._start: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        transport = self._cycle.transport
        scope["extensions"] = {
            "fairlead.unsent": transport.get_write_buffer_size,
            "fairlead.abort": transport.abort,
        }
        await self._app(scope, receive, self.send)

    async def send(self, message: Any) -> None:
        """The app's way out, in place of the cycle's own."""
        cycle, start = self._cycle, self._start
        if start is None:
            if message["type"] == "http.response.start" and not cycle.response_started:
                self._start = message
            else:
                await cycle.send(message)
            return
        whole = _whole(cycle, start, message)
        if whole is None:
            await cycle.send(start)
            self._start = None
            await cycle.send(message)
            return
        self._start = None
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        self._write(whole)
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()


def _whole(cycle: RequestResponseCycle, start: Any, message: Any) -> bytes | None:
    """The answer as stock would write it; None where stock would do more than write."""
    if message["type"] != "http.response.body" or message.get("more_body"):
        return None
    if cycle.flow.write_paused or cycle.disconnected or cycle.access_log or not cycle.keep_alive:
        return None
    body = message.get("body", b"")
    if len(body) > _LARGE:
        return None
    parts = [STATUS_LINE[start["status"]]]
    length = -1
    for name, value in [*cycle.default_headers, *start.get("headers", ())]:
        if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
            return None
        name = name.lower()
        if name == b"content-length":
            length = int(value)
        elif name == b"connection" or name == b"transfer-encoding":
            return None
        parts += (name, b": ", value, b"\r\n")
    if length != len(body) or cycle.scope["method"] == "HEAD":
        return None
    parts += (b"\r\n", body)
    return b"".join(parts)
