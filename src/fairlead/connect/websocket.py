"""The WebSocket line: an outbound socket to `ws://` or `wss://`.

Handshake, framing, pings and proxies are the library's. Beside it, what is sent in one turn of the loop leaves in one
write, and what arrives goes on without a queue. TLS is verified; proxies come from the environment. Refuses binary
frames (1003).
"""

import logging
import ssl
from collections.abc import Awaitable
from functools import partial
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol

from fairlead.connect.credentials import Credentials
from fairlead.connect.line import ConnectError, Sink
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import Outgoing

_OPEN_SECONDS: Final = 10.0
_PING_SECONDS: Final = 15.0
"""Between pings, and for a pong: a half-open line is found within 30 s, and 40 are promised."""

_GATHERED_BYTES: Final = 65_536
_OURS: Final = frozenset({CloseCode.PROTOCOL_ERROR, CloseCode.UNSUPPORTED_DATA, CloseCode.INVALID_DATA})
_FINAL: Final = frozenset({400, 401, 403, 404, 405, 421, 431})


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """The library's log but for its debug lines: those repeat the whole URL, and a token may stand there."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name it has in logging
        return level > logging.DEBUG and super().isEnabledFor(level)


class _Socket(ClientConnection):
    """The library's connection, with frames pushed on and writes gathered."""

    def __init__(self, sink: Sink, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._sink: Sink | None = sink
        self._parts: list[bytes] = []
        self._gathered = 0

    def process_event(self, event: Any) -> None:
        if self.response is None or not isinstance(event, Frame):
            super().process_event(event)
            return
        opcode = event.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.CONT:
            self._assemble(event)
        elif opcode is Opcode.BINARY:
            if self.protocol.state is State.OPEN:
                self.protocol.fail(CloseCode.UNSUPPORTED_DATA, "messages are text frames")
                self.send_data()
        else:
            super().process_event(event)

    def _assemble(self, frame: Frame) -> None:
        data = bytes(frame.data)
        if not frame.fin:
            self._parts.append(data)
            return
        if self._parts:
            data = b"".join([*self._parts, data])
            self._parts.clear()
        if self._sink is not None:
            self._sink.take(data)

    def put(self, frame: bytes) -> None:
        """Send a text frame with all others of this turn. The state is OPEN, as the caller has seen."""
        self.protocol.send_text(frame)
        if not self._gathered:
            self.loop.call_soon(self._flush)
        self._gathered += len(frame) + 1
        if self._gathered > _GATHERED_BYTES:
            self._write()

    def _flush(self) -> None:
        self._gathered = 0
        self._write()

    def _write(self) -> None:
        if self.protocol.state is State.OPEN:
            writes = self.protocol.data_to_send()
            if writes:
                self.transport.write(writes[0] if len(writes) == 1 else b"".join(writes))
        else:
            self.send_data()  # With the end of the stream among it.

    def let_go(self) -> None:
        """Tell nobody of what comes from now on."""
        self._sink = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._sink is not None and self.response is not None and self.protocol.handshake_exc is None:
            self._sink.lost(_lost(self.close_exc, "unknown_outcome"))


class WebSocket:
    """One outbound socket."""

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials | None = None,
        subprotocols: tuple[str, ...] = ("mcp",),
        frame_bytes: int = 16 * 1024 * 1024,
        tls: ssl.SSLContext | None = None,
        proxy: bool | str = True,
        ping_seconds: float = _PING_SECONDS,
    ):
        self._url = url
        self._credentials = credentials or Credentials()
        self._subprotocols = subprotocols
        self._frame_bytes = frame_bytes
        self._tls = tls
        self._proxy = proxy
        self._ping_seconds = ping_seconds
        self._socket: _Socket | None = None

    async def open(self, sink: Sink) -> None:
        """Connect, with new credentials if a server refuses those it got. Raises ConnectError."""
        while True:
            try:
                self._socket = await self._connect(sink)
                return
            except ConnectError as refusal:
                if refusal.status != 401 or not self._credentials.refused():
                    raise

    async def _connect(self, sink: Sink) -> _Socket:
        options: dict[str, Any] = {}
        if self._tls is not None and self._url[:4].lower() == "wss:":
            options["ssl"] = self._tls
        offered = [Subprotocol(name) for name in (*self._subprotocols, *await self._credentials.subprotocols())]
        try:
            socket = await connect(
                self._url,
                additional_headers=await self._credentials.headers(),
                subprotocols=offered or None,
                compression=None,
                max_size=self._frame_bytes,
                open_timeout=_OPEN_SECONDS,
                ping_interval=self._ping_seconds,
                ping_timeout=self._ping_seconds,
                close_timeout=2,
                logger=_Discreet(logging.getLogger("websockets.client")),
                proxy=True if self._proxy is True else (self._proxy or None),
                create_connection=partial(_Socket, sink),  # type: ignore[arg-type]  # what makes one, as a class does
                **options,
            )
        except (InvalidURI, InvalidProxy, InvalidHandshake, OSError, TimeoutError) as fault:
            raise _unopened(fault) from None
        return socket  # type: ignore[return-value]

    def put(self, message: Outgoing) -> Awaitable[None] | None:
        """Hand one message over; one that finds the buffers full waits for room. Raises ConnectionLost."""
        socket = self._socket
        if socket is None:
            raise ConnectionLost("The line is not open.", state="not_sent")
        if socket.protocol.state is not State.OPEN:
            raise _closing(socket)
        if socket.paused:
            return self._put_later(socket, message)
        socket.put(message.frame)
        return None

    async def _put_later(self, socket: _Socket, message: Outgoing) -> None:
        while socket.paused:
            try:
                await socket.drain()
            except OSError:
                break
        if socket.protocol.state is not State.OPEN:
            raise _closing(socket)
        socket.put(message.frame)

    async def close(self) -> None:
        """Close with 1000."""
        if self._socket is not None:
            self._socket.let_go()
            await self._socket.close()


def _closing(socket: _Socket) -> ConnectionLost:
    if socket.protocol.state is State.CLOSED:
        return _lost(socket.close_exc, "not_sent")
    return ConnectionLost("The connection is being closed.", state="not_sent")


def _lost(fault: ConnectionClosed, state: str) -> ConnectionLost:
    closed = fault.rcvd or fault.sent
    if closed is None:
        return ConnectionLost("The connection broke off.", state=state, code=1006)
    reason = f" ({closed.reason})" if closed.reason else ""
    if fault.sent is not None and not fault.rcvd_then_sent and closed.code in _OURS:
        # We could not read on; that the server stops for such a thing it would have to say itself.
        return ConnectionLost(f"The connection was given up with {closed.code}{reason}.", state=state, code=1006)
    return ConnectionLost(f"The connection was closed with {closed.code}{reason}.", state=state, code=closed.code)


def _unopened(fault: Exception) -> ConnectError:
    if isinstance(fault, InvalidStatus):
        status = fault.response.status_code
        return ConnectError(_refused(status), final=status in _FINAL, status=status)
    if isinstance(fault, InvalidURI | InvalidProxy):
        return ConnectError("The address is no WebSocket URL, or that of the proxy is none.", final=True)
    if isinstance(fault, ssl.SSLCertVerificationError):
        return ConnectError(f"The server's certificate was not accepted: {fault.verify_message}.", final=True)
    # The kind of fault says enough; its text may hold the address with a token.
    return ConnectError(f"The server could not be reached ({type(fault).__name__}).")


def _refused(status: int) -> str:
    known = {
        401: "The server wants credentials, or better ones (401).",
        403: "The server refuses this client (403): its Origin, or its rights.",
        404: "There is no WebSocket at this path (404).",
        421: "The server does not answer to this host name (421).",
    }
    return known.get(status, f"The server refused the connection ({status}).")
