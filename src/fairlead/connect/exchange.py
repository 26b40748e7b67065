"""HTTP requests to one server, for the lines that are made of them.

Each request in flight has a connection of its own, kept for the next one: the pool of the library looks at all its
connections for every request, which at 64 in flight costs more than the requests. TLS is verified; proxies come from
the environment. Refuses to send credentials to another host than the one that was named: redirects within it are
followed, others are not.
"""

import asyncio
import contextlib
import socket
import ssl
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2

from fairlead.connect.credentials import Credentials
from fairlead.connect.line import ConnectError
from fairlead.errors import CallError, ConnectionLost
from fairlead.wire.events import EventLengthError, EventParser, ServerEvent

_TIMEOUTS: Final = {"connect": 10.0, "read": None, "write": 30.0, "pool": None}
_KEPT: Final = 128
_KEPT_SECONDS: Final = 30.0
_REDIRECTS: Final = frozenset({307, 308})
_SILENCE: Final = 40.0
"""Seconds without a byte on a stream that used to show signs of life: it is half-open."""

_NOT_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)


def _alive() -> list[tuple[int, int, int]]:
    """Options by which the system finds a dead peer within 35 s, also where nobody speaks."""
    wanted = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 30_000))
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    return options + [(socket.IPPROTO_TCP, getattr(socket, n), v) for n, v in wanted if hasattr(socket, n)]


class Exchanges:
    """Requests to the host of one URL."""

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: bool | str = True,
    ):
        """`proxy`: its address, or whether that of the environment is used."""
        self.url = url
        self._credentials = credentials or Credentials()
        self._tls: ssl.SSLContext | bool | None = tls
        self._asked_proxy = proxy
        self._proxy: str | None = None
        self._idle: list[httpx2.AsyncHTTPTransport] = []
        self._closed = False

    async def open(self) -> None:
        """Find out about TLS and proxies, once. Raises ConnectError."""
        parts = urlsplit(self.url)
        if not parts.hostname:
            raise ConnectError("The address names no host.", final=True)
        if self._tls is None:
            # Reading the system's certificates takes 20 ms and more, and a plain address needs none.
            self._tls = await asyncio.to_thread(ssl.create_default_context) if parts.scheme == "https" else False
        wanted = self._asked_proxy
        self._proxy = wanted if isinstance(wanted, str) else _proxy_for(parts.scheme, parts.netloc) if wanted else None

    @contextlib.asynccontextmanager
    async def ask(
        self, method: str, head: Mapping[str, str], body: bytes | None = None, *, url: str | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """A request, and its response with the body to come. With new credentials where the server wants others.

        Raises httpx2.HTTPError, see `lost`.
        """
        for _ in range(4):
            transport = self._idle.pop() if self._idle else self._connection()
            response, sound = None, False
            try:
                response = await transport.handle_async_request(await self._request(method, head, body, url))
                again = self._again(response)
                if not again:
                    yield response
                sound = True
            finally:
                await self._leave(transport, response, sound)
            if not again:
                return
        raise ConnectError("The server sends from one address to the next.", final=True)

    async def _request(
        self, method: str, head: Mapping[str, str], body: bytes | None, url: str | None
    ) -> httpx2.Request:
        headers = {**head, "accept-encoding": "identity", **await self._credentials.headers()}
        return httpx2.Request(method, url or self.url, headers=headers, content=body, extensions={"timeout": _TIMEOUTS})

    def _again(self, response: httpx2.Response) -> bool:
        """Whether the request has to be made once more, since nothing has come of it."""
        status = response.status_code
        if status == 401:
            return self._credentials.refused()
        self._credentials.accepted()
        if status not in _REDIRECTS:
            return False
        there = urljoin(self.url, response.headers.get("location", ""))
        if there == self.url or origin(there) != origin(self.url):
            return False
        self.url = there
        return True

    def _connection(self) -> httpx2.AsyncHTTPTransport:
        return httpx2.AsyncHTTPTransport(
            verify=self._tls if self._tls is not None else True,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEPT_SECONDS),
            proxy=self._proxy,
            socket_options=_alive(),
        )

    async def _leave(self, transport: httpx2.AsyncHTTPTransport, response: httpx2.Response | None, sound: bool) -> None:
        if response is not None:
            await response.aclose()  # A body that was not read to its end takes the connection with it.
        if sound and not self._closed and len(self._idle) < _KEPT:
            self._idle.append(transport)
        else:
            await transport.aclose()

    async def close(self) -> None:
        """Let go of the connections that are idle; those in use end with their requests."""
        self._closed = True
        while self._idle:
            await self._idle.pop().aclose()


async def whole(response: httpx2.Response, limit: int) -> bytes:
    """The body. Raises EventLengthError past `limit` bytes."""
    parts, size = [], 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > limit:
            raise EventLengthError(f"a body is over the limit of {limit} bytes")
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def events(response: httpx2.Response, limit: int) -> AsyncGenerator[ServerEvent, None]:
    """The events of a stream, to its end. One that used to show signs of life and is silent now has ended.

    Raises httpx2.HTTPError, EventLengthError.
    """
    parser = EventParser(limit)
    pieces = response.aiter_raw().__aiter__()
    silence: float | None = None
    while True:
        try:
            async with asyncio.timeout(silence):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise httpx2.ReadTimeout(f"nothing came for {silence} s") from None
        for event in parser.feed(piece):
            yield event
        if parser.comments:
            silence = _SILENCE


def is_events(response: httpx2.Response) -> bool:
    """Whether the body is a stream of events."""
    return content_type(response) == "text/event-stream"


def content_type(response: httpx2.Response) -> str:
    """What the body is."""
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()


def lost(fault: Exception) -> Exception:
    """What a failed request means: never sent, or nobody knows."""
    if isinstance(fault, ConnectError):
        return fault
    if isinstance(fault, EventLengthError):
        return ConnectionLost(f"The answer was given up: {fault}.", state="unknown_outcome")
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConnectError(f"The server's certificate was not accepted: {cause.verify_message}.", final=True)
        cause = cause.__cause__ or cause.__context__
    state = "not_sent" if isinstance(fault, _NOT_SENT) else "unknown_outcome"
    what = "could not be reached" if state == "not_sent" else "broke the exchange off"
    # The kind of fault says enough; its text may hold the address with a token.
    return ConnectionLost(f"The server {what} ({type(fault).__name__}).", state=state)


def refusal(status: int) -> Exception:
    """An HTTP error without a JSON-RPC error in it."""
    if status in (401, 403):
        return ConnectError(f"The server refuses this client ({status}).", final=True, status=status)
    return CallError(status, f"The server refused the request with HTTP {status}.", {"status": status})


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or usual


def _proxy_for(scheme: str, netloc: str) -> str | None:
    if urllib.request.proxy_bypass(netloc.rpartition("@")[2]):
        return None
    proxies: dict[str, Any] = urllib.request.getproxies()
    proxy: str | None = proxies.get(scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"
