"""One session of ours joined to a line: the reader, the futures, the questions that the server asks.

A conversation lives as long as its line. When the reader ends, every waiter fails at once with `ConnectionLost`:
`not_sent` for what never left, `unknown_outcome` for what the server may have acted on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from fairlead.connect.handlers import Handlers
from fairlead.connect.line import Broken, Line
from fairlead.errors import ConnectionLost, PeerError, RequestTimeout
from fairlead.kernel.client import ClientSession, Outgoing
from fairlead.kernel.effects import Asked, Heard, Send, Settle
from fairlead.spec import Version

Heed = Callable[[str, Any], None]
Progressed = Callable[[float, float | None, str | None], Any]


class Conversation:
    """The client's side of one line."""

    def __init__(self, session: ClientSession, line: Line, handlers: Handlers, heed: Heed):
        self.session = session
        self.line = line
        self.lost: asyncio.Future[ConnectionLost] = asyncio.get_running_loop().create_future()
        """Why the line ended, once it has."""

        self._handlers = handlers
        self._heed = heed
        self._waiters: dict[int, asyncio.Future[Any]] = {}
        self._progress: dict[int, Progressed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and begin to read. Raises ConnectError."""
        await self.line.open()
        self._reader = asyncio.create_task(self._read())

    async def request(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        version: Version | None = None,
        progress: Progressed | None = None,
        meta: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        within: float | None = None,
    ) -> msgspec.Raw:
        """Ask, and wait for the answer.

        Raises CallError, ConnectionLost, or RequestTimeout after `within` seconds; a request that is given up, also by
        cancelling this, is cancelled at the server.
        """
        if self.lost.done():
            raise ConnectionLost(str(self.lost.result()), state="not_sent", code=self.lost.result().code)
        out = self.session.request(
            method, params, version=version, progress=progress is not None, meta=meta, headers=headers
        )
        id: int = out.id  # type: ignore[assignment]
        waiter = self._waiters[id] = asyncio.get_running_loop().create_future()
        if progress is not None:
            self._progress[id] = progress
        try:
            async with asyncio.timeout(within) as timer:
                await self.line.send(out)
                answer: msgspec.Raw = await waiter
                return answer
        except TimeoutError:
            if not timer.expired():
                raise
            raise RequestTimeout(f"{method} was not answered within {within} s.") from None
        finally:
            self._waiters.pop(id, None)
            self._progress.pop(id, None)
            given_up = self.session.cancel(id)
            if given_up is not None and not self.lost.done():
                self._later(self.line.send(given_up))

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Tell the server something. Raises ConnectionLost."""
        await self.line.send(self.session.notify(method, params))

    async def close(self) -> None:
        """End the line, and with it everything that waits."""
        if self._reader is not None:
            self._reader.cancel()
        self._end(ConnectionLost("The client was closed.", state="unknown_outcome"))
        await self.line.close()

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self.line.receive())
        except ConnectionLost as lost:
            self._end(lost)

    def _take(self, frame: bytes | str | Broken) -> None:
        if isinstance(frame, Broken):
            waiter = self._waiters.get(frame.id)
            if waiter is not None and not waiter.done():
                self.session.cancel(frame.id)
                waiter.set_exception(frame.error)
            return
        for effect in self.session.receive(frame):
            if isinstance(effect, Settle):
                self._settle(effect)
            elif isinstance(effect, Heard):
                self._hear(effect)
            elif isinstance(effect, Asked):
                self._later(self._answer(effect))
            elif isinstance(effect, Send):
                self._later(self.line.send(Outgoing(effect.frame, version=self.session.version)))

    def _settle(self, settled: Settle) -> None:
        waiter = self._waiters.get(settled.id)
        if waiter is None or waiter.done():
            return
        if settled.error is None:
            waiter.set_result(settled.value)
        else:
            waiter.set_exception(settled.error)

    def _hear(self, heard: Heard) -> None:
        if heard.method == "notifications/progress":
            params = heard.params
            listener = self._progress.get(params.get("progressToken"))
            if listener is not None:
                listener(params.get("progress", 0), params.get("total"), params.get("message"))
            return
        self._heed(heard.method, heard.params)

    async def _answer(self, asked: Asked) -> None:
        try:
            out = self.session.answer(asked.id, await self._handlers.answer(asked.method, asked.params))
        except PeerError as refusal:
            out = self.session.refuse(asked.id, refusal)
        await self.line.send(out)

    def _later(self, act: Awaitable[None]) -> None:
        async def attempt() -> None:
            try:
                await act
            except ConnectionLost:
                pass  # The reader sees the same, and ends the conversation.

        task = asyncio.get_running_loop().create_task(attempt())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self, lost: ConnectionLost) -> None:
        if self.lost.done():
            return
        self.lost.set_result(lost)
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(ConnectionLost(str(lost), state="unknown_outcome", code=lost.code))
        for task in tuple(self._tasks):
            task.cancel()
