"""The outgoing half of a WebSocket: what an app sends in one turn of the event loop leaves in one write.

uvloop writes each buffer at once, and that system call is a third of a small answer's cost. So frames stay with
`websockets` until the loop's next turn; every other way out (close, ping, failure) takes them along, in order.

What this module refuses to do: hold back more than `gathered_bytes`, or anything when the app is done.
"""

from __future__ import annotations

from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from fairlead.guard.connection import Farewell


class GatheringWebSocket(Farewell, WebSocketsSansIOProtocol):
    """uvicorn's protocol with fewer writes."""

    _gathered_bytes = 0
    _flush_due = False

    def unsent(self) -> int:
        """The bytes the app has sent and the system has not taken."""
        return self.transport.get_write_buffer_size() + sum(map(len, self.conn.writes))

    def flush(self) -> None:
        """Write what is gathered. Safe at any time, also when nothing is or when the transport is closing."""
        self._gathered_bytes = 0
        writes = self.conn.data_to_send()
        if writes and not self.transport.is_closing():
            self.transport.writelines(writes)

    async def run_asgi(self) -> None:
        app = self.app

        async def flushed(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            finally:
                self.flush()  # stock closes the transport next

        self.app = flushed
        try:
            await super().run_asgi()
        finally:
            self.app = app  # a cycle otherwise, which only the collector would end

    async def send(self, message: ASGISendEvent) -> None:
        kind = message["type"]
        if kind == "websocket.send" and self.handshake_complete and self.writable.is_set() and not self.close_sent:
            self._gather(message)
            return
        if not self.handshake_complete and self.transport.is_closing():
            raise ClientDisconnected  # stock takes an accept that nobody will see, and then every message as a mistake
        if kind == "websocket.close":
            self.writable.set()  # stock waits with the close until a peer that does not read has read everything
        await super().send(message)
        if kind == "websocket.close":
            self.close_said()

    def close_said(self) -> None:
        """The app has closed; for whoever bounds what follows."""

    def _gather(self, message: Any) -> None:
        """Stock's way, in the state that `send` has checked."""
        conn = self.conn
        if conn.state is not State.OPEN:
            raise ClientDisconnected
        data = message.get("bytes")
        if data is not None:
            conn.send_binary(data)
        else:
            conn.send_text(message["text"].encode())
        self._flush_soon()

    def put(self, text: bytes, last: bool = False) -> bool:
        """Send a text message that is UTF-8 already, without waiting. False where `send` would wait or raise.

        `last`: nothing more is to be expected soon, so what is gathered leaves now, a turn of the loop earlier.
        """
        conn = self.conn
        if self.close_sent or not self.writable.is_set() or conn.state is not State.OPEN:
            return False
        conn.send_text(text)
        if last:
            self.flush()
        else:
            self._flush_soon()
        return True

    def _flush_soon(self) -> None:
        self._gathered_bytes += len(self.conn.writes[-1])
        if self._gathered_bytes > self.limits.gathered_bytes:
            self.flush()
        elif not self._flush_due:
            self._flush_due = True
            self.loop.call_soon(self._flush_later)

    def _flush_later(self) -> None:
        self._flush_due = False
        self.flush()
