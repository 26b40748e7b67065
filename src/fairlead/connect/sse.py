"""The HTTP+SSE line of 2024-11-05: one stream of events in, a POST for each message out.

The stream's first event (`endpoint`) says where to POST. Refuses an endpoint at another origin than the stream's: the
credentials would go there.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import Any, Final
from urllib.parse import urljoin

import httpx2

from fairlead.connect.credentials import Credentials
from fairlead.connect.exchange import Exchanges, events, is_events, lost, origin, refusal, whole
from fairlead.connect.line import Broken, ConnectError, Sink
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import Outgoing
from fairlead.wire.events import EventLengthError, ServerEvent

_OPEN_SECONDS: Final = 10.0
_FAREWELL_SECONDS: Final = 2.0
_FAULTS: Final = (httpx2.HTTPError, httpx2.InvalidURL, EventLengthError, ConnectError)


class Sse:
    """One stream and its endpoint."""

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials | None = None,
        frame_bytes: int = 16 * 1024 * 1024,
        tls: ssl.SSLContext | None = None,
        proxy: bool | str = True,
    ):
        self._exchanges = Exchanges(url, credentials=credentials, tls=tls, proxy=proxy)
        self._owned = True
        self._frame_bytes = frame_bytes
        self._sink: Sink | None = None
        self._endpoint: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def beside(cls, exchanges: Exchanges, *, frame_bytes: int) -> "Sse":
        """A line over what another one has opened already."""
        line = cls(exchanges.url, frame_bytes=frame_bytes)
        line._exchanges, line._owned = exchanges, False
        return line

    async def open(self, sink: Sink) -> None:
        """Open the stream and hear where to POST. Raises ConnectError."""
        if self._owned:
            await self._exchanges.open()
        self._sink = sink
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._begin(self._stream(found))
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                self._endpoint = await found
        except TimeoutError:
            raise ConnectError("The stream did not say where to POST.") from None

    def put(self, message: Outgoing) -> Awaitable[None] | None:
        """POST one message; its answer arrives on the stream. Raises ConnectionLost."""
        if self._sink is None or self._endpoint is None:
            raise ConnectionLost("The stream has ended.", state="not_sent")
        task = self._begin(self._post(message, self._endpoint))
        return None if message.id is not None else self._told(task)

    async def _told(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait([task])

    async def close(self) -> None:
        """End the stream."""
        self._sink = None
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL_SECONDS)
        if self._owned:
            await self._exchanges.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _stream(self, found: asyncio.Future[str]) -> None:
        fault: Exception = ConnectionLost("The stream ended.", state="unknown_outcome")
        try:
            async with self._exchanges.ask("GET", {"accept": "text/event-stream"}) as response:
                if response.is_success and is_events(response):
                    async with contextlib.aclosing(events(response, self._frame_bytes)) as coming:
                        await self._read(coming, found)
                else:
                    fault = _no_stream(response.status_code)
        except _FAULTS as broken:
            fault = lost(broken)
        if not found.done():
            known = isinstance(fault, ConnectError)
            found.set_exception(fault if known else ConnectError(str(fault)))
            found.exception()  # Whoever waited may be gone.
        sink, self._sink = self._sink, None
        if sink is not None and self._endpoint is not None:
            sink.lost(ConnectionLost(str(fault), state="unknown_outcome"))

    async def _read(self, coming: AsyncIterator[ServerEvent], found: asyncio.Future[str]) -> None:
        async for event in coming:
            if event.event == "endpoint":
                if not found.done():
                    found.set_result(self._checked(event.data.strip()))
            elif event.data and self._sink is not None:
                self._sink.take(event.data)

    def _checked(self, endpoint: str) -> str:
        there = urljoin(self._exchanges.url, endpoint)
        if origin(there) != origin(self._exchanges.url):
            raise ConnectError("The stream names an endpoint at another host, which gets no credentials.", final=True)
        return there

    async def _post(self, message: Outgoing, endpoint: str) -> None:
        head = {"content-type": "application/json", "accept": "application/json, text/event-stream", **message.headers}
        if message.version is not None and message.version.version_header:
            head["mcp-protocol-version"] = message.version.date
        try:
            async with self._exchanges.ask("POST", head, message.frame, url=endpoint) as response:
                await whole(response, self._frame_bytes)
                if not response.is_success:
                    self._break(message, _unposted(response.status_code))
        except Exception as fault:  # noqa: BLE001 - the edge of a task: whatever ended it, somebody waits for the answer
            self._break(message, lost(fault))

    def _break(self, message: Outgoing, fault: Exception) -> None:
        if message.id is not None and self._sink is not None:
            self._sink.take(Broken(message.id, fault))


def _no_stream(status: int) -> ConnectError:
    known = refusal(status)
    if isinstance(known, ConnectError):
        return known
    return ConnectError(f"There is no stream of events here ({status}).", final=400 <= status < 500, status=status)


def _unposted(status: int) -> Exception:
    # The stream is gone, and with it the one who would have answered: nothing was done with the message.
    return ConnectionLost(f"The stream was gone ({status}).", state="not_sent") if status == 404 else refusal(status)
