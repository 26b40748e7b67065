"""The WebSocket line: an outbound socket to `ws://` or `wss://`.

TLS is verified; proxies come from the environment. Refuses binary frames, and a server that offers another subprotocol
than it was asked for is taken at its word.
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from fairlead.connect.line import Broken, ConnectError
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import Outgoing

_OPEN_SECONDS: Final = 10.0
_PING_SECONDS: Final = 15.0
"""Between pings, and for a pong: a half-open line is found within 30 s, and 40 are promised."""

_FINAL: Final = frozenset({400, 401, 403, 404, 405, 421, 431})


class WebSocket:
    """One outbound socket."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: tuple[str, ...] = ("mcp",),
        frame_bytes: int = 16 * 1024 * 1024,
        tls: ssl.SSLContext | None = None,
        proxy: bool | str = True,
    ):
        self._url = url
        self._headers = dict(headers or {})
        self._subprotocols = [Subprotocol(name) for name in subprotocols]
        self._frame_bytes = frame_bytes
        self._tls = tls
        self._proxy = proxy
        self._socket: ClientConnection | None = None

    async def open(self) -> None:
        """Connect. Raises ConnectError."""
        options: dict[str, Any] = {} if self._tls is None else {"ssl": self._tls}
        try:
            self._socket = await connect(
                self._url,
                additional_headers=self._headers,
                subprotocols=self._subprotocols or None,
                compression=None,
                max_size=self._frame_bytes,
                open_timeout=_OPEN_SECONDS,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
                close_timeout=2,
                proxy=True if self._proxy is True else (self._proxy or None),
                **options,
            )
        except InvalidStatus as fault:
            status = fault.response.status_code
            raise ConnectError(_refused(status), final=status in _FINAL, status=status) from None
        except (InvalidURI, InvalidProxy):
            raise ConnectError("The address is no WebSocket URL.", final=True) from None
        except ssl.SSLCertVerificationError as fault:
            raise ConnectError(
                f"The server's certificate was not accepted: {fault.verify_message}.", final=True
            ) from None
        except (InvalidHandshake, OSError, TimeoutError) as fault:
            # The kind of fault says enough; its text may hold the address with a token.
            raise ConnectError(f"The server could not be reached ({type(fault).__name__}).") from None

    async def send(self, message: Outgoing) -> None:
        """Hand one message over. Raises ConnectionLost."""
        if self._socket is None:
            raise ConnectionLost("The line is not open.", state="not_sent")
        try:
            await self._socket.send(message.frame, text=True)
        except ConnectionClosed as fault:
            raise _lost(fault, "not_sent") from None

    async def receive(self) -> bytes | str | Broken:
        """The next frame. Raises ConnectionLost."""
        if self._socket is None:
            raise ConnectionLost("The line is not open.", state="not_sent")
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as fault:
            raise _lost(fault, "unknown_outcome") from None

    async def close(self) -> None:
        """Close with 1000."""
        if self._socket is not None:
            await self._socket.close()


def _lost(fault: ConnectionClosed, state: str) -> ConnectionLost:
    closed = fault.rcvd or fault.sent
    if closed is None:
        return ConnectionLost("The connection broke off.", state=state, code=1006)
    reason = f" ({closed.reason})" if closed.reason else ""
    return ConnectionLost(f"The connection was closed with {closed.code}{reason}.", state=state, code=closed.code)


def _refused(status: int) -> str:
    known = {
        401: "The server wants credentials, or better ones (401).",
        403: "The server refuses this client (403): its Origin, or its rights.",
        404: "There is no WebSocket at this path (404).",
        421: "The server does not answer to this host name (421).",
    }
    return known.get(status, f"The server refused the connection ({status}).")
