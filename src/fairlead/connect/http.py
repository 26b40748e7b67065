"""The Streamable HTTP line: a POST for each message, answered with JSON or with events.

In the handshake era the session's id goes with every request, streams that break are taken up where they broke, and
a GET stream brings what belongs to no request. In the stateless era a request ends with its connection, and giving it
up means closing that. TLS is verified; proxies come from the environment.
"""

import asyncio
import base64
import contextlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import httpx2

from fairlead.connect.line import Broken, ConnectError
from fairlead.errors import CallError, ConnectionLost
from fairlead.kernel.client import Outgoing
from fairlead.wire.events import EventLengthError, EventParser

_CONNECT_SECONDS: Final = 10.0
_ATTEMPTS: Final = 5
"""Times that a broken stream is taken up again without anything new on it."""

_PLAIN: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_GONE: Final = "The server has ended the session."


class Http:
    """One client of one endpoint. `receive` brings the frames of all its streams."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        frame_bytes: int = 16 * 1024 * 1024,
        tls: Any = True,
    ):
        self._url = url
        self._frame_bytes = frame_bytes
        self._http = httpx2.AsyncClient(
            headers=dict(headers or {}),
            verify=tls,
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
        )
        self._session: str | None = None
        self._arrived: asyncio.Queue[bytes | str | Broken | ConnectionLost] = asyncio.Queue()
        self._exchanges: dict[int, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Nothing is sent before the first message."""

    async def send(self, message: Outgoing) -> None:
        """POST one message; its answer arrives later. A cancelled request of the stateless era is hung up on."""
        stateless = message.version is not None and message.version.era == "stateless"
        if message.cancels is not None and stateless:
            exchange = self._exchanges.get(message.cancels)
            if exchange is not None:
                exchange.cancel()
            return
        task = asyncio.create_task(self._exchange(message))
        if message.id is not None:
            self._exchanges[message.id] = task
            task.add_done_callback(partial(self._forget, message.id))
        else:
            self._keep(task)
            await asyncio.wait([task])  # So that a notification is there before what is said next.
        if message.method == "notifications/initialized" and self._session is not None:
            self._keep(asyncio.create_task(self._listen(message)))

    def _forget(self, id: int, task: asyncio.Task[None]) -> None:
        self._exchanges.pop(id, None)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def receive(self) -> bytes | str | Broken:
        """The next frame of any stream. Raises ConnectionLost when the session is gone."""
        arrived = await self._arrived.get()
        if isinstance(arrived, ConnectionLost):
            raise arrived
        return arrived

    async def close(self) -> None:
        """End the session and every stream."""
        for task in (*self._exchanges.values(), *self._others):
            task.cancel()
        if self._session is not None:
            with contextlib.suppress(httpx2.HTTPError, TimeoutError):
                async with asyncio.timeout(2):  # A courtesy: sessions that nobody ends expire by themselves.
                    await self._http.delete(self._url, headers={"mcp-session-id": self._session})
        await self._http.aclose()

    # One message.

    async def _exchange(self, message: Outgoing) -> None:
        sent = False
        try:
            request = self._http.build_request("POST", self._url, content=message.frame, headers=self._head(message))
            async with self._stream(request) as response:
                sent = True
                await self._take(message, response)
        except httpx2.ConnectError as fault:
            self._break(message, ConnectionLost(_cause(fault), state="not_sent"))
        except (httpx2.HTTPError, EventLengthError) as fault:
            self._break(message, ConnectionLost(_cause(fault), state="unknown_outcome" if sent else "not_sent"))

    @contextlib.asynccontextmanager
    async def _stream(self, request: httpx2.Request) -> Any:
        response = await self._http.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    def _head(self, message: Outgoing) -> dict[str, str]:
        head = {"accept": "application/json, text/event-stream", "content-type": "application/json", **message.headers}
        version = message.version
        if version is not None:
            head["mcp-protocol-version"] = version.date
            if version.era == "stateless":
                head["mcp-method"] = message.method
                if message.name is not None:
                    head["mcp-name"] = header_text(message.name)
        if self._session is not None:
            head["mcp-session-id"] = self._session
        return head

    async def _take(self, message: Outgoing, response: httpx2.Response) -> None:
        session = response.headers.get("mcp-session-id")
        if session is not None and message.method == "initialize":
            self._session = session
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code == 404 and self._session is not None and message.method != "initialize":
            self._arrived.put_nowait(ConnectionLost(_GONE, state="not_sent"))
        elif kind == "text/event-stream" and response.is_success:
            await self._events(message, response)
        elif kind == "application/json" and (response.is_success or message.id is not None):
            await self._page(message, response)
        elif message.id is not None:
            self._break(message, _refusal(response.status_code))

    async def _page(self, message: Outgoing, response: httpx2.Response) -> None:
        body = await response.aread()
        # An HTTP error may come with a JSON-RPC error for this request, or with a page of its own.
        if response.is_success or b'"jsonrpc"' in body[:4096] and b'"id"' in body:
            self._arrived.put_nowait(body)
        else:
            self._break(message, _refusal(response.status_code))

    async def _events(self, message: Outgoing, response: httpx2.Response) -> None:
        """The events of one stream, taken up again where it breaks, until the answer has come."""
        attempts, last, wait = 0, None, 1.0
        while True:
            answered, seen, retry = await self._follow(message, response)
            if answered:
                return
            last, wait = seen or last, retry or wait
            attempts = 0 if seen else attempts + 1
            if last is None or self._session is None or attempts > _ATTEMPTS:
                self._break(message, ConnectionLost("The stream ended before the answer.", state="unknown_outcome"))
                return
            await asyncio.sleep(wait)
            head = {"accept": "text/event-stream", "mcp-session-id": self._session, "last-event-id": last}
            response = await self._http.send(self._http.build_request("GET", self._url, headers=head), stream=True)
            if not response.is_success:
                await response.aclose()
                self._break(message, ConnectionLost("The stream cannot be resumed.", state="unknown_outcome"))
                return

    async def _follow(self, message: Outgoing, response: httpx2.Response) -> tuple[bool, str | None, float | None]:
        """Hand on what comes. Whether the answer was in it, the last event's id, and how long to wait for more."""
        parser, last, retry = EventParser(self._frame_bytes), None, None
        with contextlib.suppress(httpx2.ReadError, httpx2.RemoteProtocolError):
            async for chunk in response.aiter_raw():
                for event in parser.feed(chunk):
                    last = event.id or last
                    retry = event.retry / 1000 if event.retry is not None else retry
                    if event.data:
                        self._arrived.put_nowait(event.data)
                        if answers(event.data, message.id):
                            return True, last, retry
        return False, last, retry

    async def _listen(self, message: Outgoing) -> None:
        """The stream of what belongs to no request. A server that has none says 405, and that is that."""
        last: str | None = None
        for _ in range(_ATTEMPTS):
            head = {**self._head(message), "accept": "text/event-stream"}
            if last is not None:
                head["last-event-id"] = last
            try:
                async with self._stream(self._http.build_request("GET", self._url, headers=head)) as response:
                    if not response.is_success:
                        return
                    _, seen, retry = await self._follow(message, response)
            except httpx2.HTTPError:
                seen, retry = None, None
            last = seen or last
            await asyncio.sleep(retry or 1.0)

    def _break(self, message: Outgoing, fault: Exception) -> None:
        if message.id is not None:
            self._arrived.put_nowait(Broken(message.id, fault))


def answers(data: str, id: int | None) -> bool:
    """Whether a frame answers request `id`: by its own members, since results may hold anything."""
    return id is not None and '"method"' not in data[:200] and re.search(rf'"id"\s*:\s*{id}\b', data) is not None


def header_text(value: str) -> str:
    """A value as a header can carry it: as it is, or in the base64 form that the protocol has for the rest."""
    if _PLAIN.fullmatch(value) and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def _refusal(status: int) -> Exception:
    if status in (401, 403):
        return ConnectError(f"The server refuses this client ({status}).", final=True, status=status)
    return CallError(status, f"The server refused the request with HTTP {status}.", {"status": status})


def _cause(fault: Exception) -> str:
    return f"The server could not be reached ({type(fault).__name__})."
