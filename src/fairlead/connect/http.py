"""The Streamable HTTP line: a POST for each message, answered with JSON or with events.

In the handshake era the session's id goes with every request, streams that break are taken up where they broke, and
a GET stream brings what belongs to no request. In the stateless era a request ends with its connection, and giving it
up means closing that. A server that knows neither, and refuses the handshake with a 4xx, is spoken to as one of
2024-11-05 (`connect.sse`).
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable, Coroutine
from typing import Any, Final

import httpx2

from fairlead.connect.credentials import Credentials
from fairlead.connect.exchange import Exchanges, content_type, events, is_events, lost, refusal, whole
from fairlead.connect.headers import header_text
from fairlead.connect.line import Broken, ConnectError, Sink
from fairlead.connect.sse import Sse
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import Outgoing
from fairlead.wire.events import EventLengthError

_ATTEMPTS: Final = 5
"""Times that a broken stream is taken up again without anything new on it."""

_FAREWELL_SECONDS: Final = 2.0
_GONE: Final = "The server has ended the session."
_FAULTS: Final = (httpx2.HTTPError, httpx2.InvalidURL, EventLengthError, ConnectError)
_OLD: Final = frozenset({400, 404, 405, 406, 415})
"""How servers of 2024-11-05 refuse a POST to their stream's address."""


class Http:
    """One client of one endpoint."""

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials | None = None,
        frame_bytes: int = 16 * 1024 * 1024,
        tls: ssl.SSLContext | None = None,
        proxy: bool | str = True,
        falls_back: bool = True,
    ):
        self._exchanges = Exchanges(url, credentials=credentials, tls=tls, proxy=proxy)
        self._frame_bytes = frame_bytes
        self._falls_back = falls_back
        self._session: str | None = None
        self._sink: Sink | None = None
        self._running: dict[int, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._older: Sse | None = None

    async def open(self, sink: Sink) -> None:
        """Nothing is sent before the first message. Raises ConnectError for what is no address."""
        self._sink = sink
        await self._exchanges.open()

    def put(self, message: Outgoing) -> Awaitable[None] | None:
        """POST one message; its answer arrives later. A cancelled request of the stateless era is hung up on."""
        if self._sink is None:
            raise ConnectionLost("The line is not open.", state="not_sent")
        if self._older is not None:
            return self._older.put(message)
        if message.cancels is not None and message.version is not None and message.version.era == "stateless":
            exchange = self._running.get(message.cancels)
            if exchange is not None:
                exchange.cancel()
            return None
        task = self._begin(self._exchange(message))
        if message.id is not None:
            id = message.id
            self._running[id] = task
            task.add_done_callback(lambda _: self._running.pop(id, None))
            return None
        return self._told(task, message)

    async def _told(self, task: asyncio.Task[None], message: Outgoing) -> None:
        """Wait until a notification is there, so that what is said next comes after it."""
        await asyncio.wait([task])
        if message.method == "notifications/initialized" and self._session is not None:
            self._begin(self._listen(message))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    async def close(self) -> None:
        """End the session and every stream."""
        self._sink = None
        tasks = tuple(self._others)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL_SECONDS)
        if self._older is not None:
            await self._older.close()
        if self._session is not None:
            # A courtesy: sessions that nobody ends expire by themselves.
            with contextlib.suppress(*_FAULTS, TimeoutError):
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    async with self._exchanges.ask("DELETE", {"mcp-session-id": self._session}):
                        pass
        await self._exchanges.close()

    # One message.

    async def _exchange(self, message: Outgoing) -> None:
        try:
            async with self._exchanges.ask("POST", self._head(message), message.frame) as response:
                older = await self._take(message, response)
            if older:
                await self._fall_back(message)
        except Exception as fault:  # noqa: BLE001 - the edge of a task: whatever ended it, somebody waits for the answer
            self._break(message, lost(fault))

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

    async def _take(self, message: Outgoing, response: httpx2.Response) -> bool:
        """Hand the response on. True where it shows a server of the oldest version."""
        session = response.headers.get("mcp-session-id")
        if session is not None and message.method == "initialize":
            self._session = session
        if response.status_code == 404 and self._session is not None and message.method != "initialize":
            self._end(message)
        elif is_events(response) and response.is_success:
            await self._events(message, response)
        elif content_type(response) == "application/json" and (response.is_success or message.id is not None):
            return await self._page(message, response)
        elif response.is_success:
            await whole(response, self._frame_bytes)
            if message.id is not None:
                self._break(message, refusal(response.status_code))
        else:
            return self._refuse(message, response.status_code)
        return False

    async def _page(self, message: Outgoing, response: httpx2.Response) -> bool:
        body = await whole(response, self._frame_bytes)
        # An HTTP error may come with a JSON-RPC error for this request, or with a page of its own.
        if response.is_success or (b'"jsonrpc"' in body[:4096] and b'"error"' in body):
            if not response.is_success and b'"id"' not in body:
                body = body.replace(
                    b"{", b'{"id":%d,' % (message.id or 0), 1
                )  # It could not be read there; we know it.
            self._arrive(body)
            return False
        return self._refuse(message, response.status_code)

    def _refuse(self, message: Outgoing, status: int) -> bool:
        if message.method == "initialize" and status in _OLD and self._falls_back:
            return True
        self._break(message, refusal(status))
        return False

    def _end(self, message: Outgoing) -> None:
        """The session is gone: this message was not taken, and of the others in flight nobody knows."""
        self._session = None
        self._break(message, ConnectionLost(_GONE, state="not_sent"))
        if self._sink is not None:
            self._sink.lost(ConnectionLost(_GONE, state="unknown_outcome"))

    async def _fall_back(self, message: Outgoing) -> None:
        if self._sink is None:
            return
        older = Sse.beside(self._exchanges, frame_bytes=self._frame_bytes)
        try:
            await older.open(self._sink)
        except ConnectError:
            await older.close()
            self._break(message, refusal(404))
            return
        self._older = older
        ready = older.put(message)
        if ready is not None:
            await ready

    async def _events(self, message: Outgoing, response: httpx2.Response) -> None:
        """The events of one stream, taken up again where it breaks, until the answer has come."""
        answered, last, wait = await self._follow(message, response)
        attempts = 0
        while not answered:
            if last is None or self._session is None or attempts > _ATTEMPTS:
                raise httpx2.ReadError("the stream ended before the answer")
            await asyncio.sleep(1.0 if wait is None else wait)
            head = {**self._head(message), "accept": "text/event-stream", "last-event-id": last}
            attempts += 1
            with contextlib.suppress(httpx2.NetworkError, httpx2.TimeoutException):
                async with self._exchanges.ask("GET", head) as again:
                    if not again.is_success:
                        raise httpx2.ProtocolError("the stream cannot be taken up again")
                    answered, seen, wait = await self._follow(message, again)
                    last, attempts = seen or last, 0 if seen else attempts

    async def _follow(self, message: Outgoing, response: httpx2.Response) -> tuple[bool, str | None, float | None]:
        """Hand on what comes. Whether the answer was in it, the last event's id, and how long to wait for more."""
        last: str | None = None
        wait: float | None = None
        with contextlib.suppress(httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ReadTimeout):
            async for event in events(response, self._frame_bytes):
                last = event.id or last
                wait = event.retry / 1000 if event.retry is not None else wait
                if event.data:
                    self._arrive(event.data)
                    if answers(event.data, message.id):
                        return True, last, wait
        return False, last, wait

    async def _listen(self, message: Outgoing) -> None:
        """The stream of what belongs to no request. A server that has none says 405, and that is that."""
        last: str | None = None
        wait: float | None = None
        failed = 0
        while failed < _ATTEMPTS and self._session is not None:
            head = {**self._head(message), "accept": "text/event-stream"}
            if last is not None:
                head["last-event-id"] = last
            failed += 1
            try:
                async with self._exchanges.ask("GET", head) as response:
                    if response.status_code == 400 and last is not None:
                        last = None  # What came after it is no longer kept there.
                        continue
                    if not response.is_success or not is_events(response):
                        return
                    failed = 0
                    _, seen, wait = await self._follow(message, response)
                    last = seen or last
            except _FAULTS:
                wait = None
            await asyncio.sleep(1.0 if wait is None else wait)

    def _arrive(self, frame: bytes | str) -> None:
        if self._sink is not None:
            self._sink.take(frame)

    def _break(self, message: Outgoing, fault: Exception) -> None:
        if message.id is not None and self._sink is not None:
            self._sink.take(Broken(message.id, fault))


def answers(data: str, id: int | None) -> bool:
    """Whether a frame answers request `id`: by its own members, since results may hold anything."""
    return id is not None and '"method"' not in data[:200] and re.search(rf'"id"\s*:\s*{id}\b', data) is not None
