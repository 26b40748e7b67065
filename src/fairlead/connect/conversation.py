"""One session of ours joined to a line: the futures, the times, the questions that the server asks.

A conversation lives as long as its line. When the line is lost, every waiter fails at once with `ConnectionLost`:
`not_sent` for what never left, `unknown_outcome` for what the server may have acted on.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from fairlead.connect.handlers import Handlers
from fairlead.connect.line import Arrived, Broken, Line
from fairlead.errors import BUSY, INTERNAL_ERROR, ConnectionLost, PeerError, RequestTimeout
from fairlead.kernel.client import ClientSession, Outgoing
from fairlead.kernel.effects import Asked, Heard, Send, Settle
from fairlead.spec import Version
from fairlead.spec.params import SUBSCRIPTION_ID

Heed = Callable[[str, dict[str, Any]], Any]
Progressed = Callable[[float, float | None, str | None], Any]

_QUESTIONS: Final = 64
"""Questions of the server's that may wait for our program at once."""

logger = logging.getLogger("fairlead")


class Conversation:
    """The client's side of one line."""

    def __init__(self, session: ClientSession, line: Line, handlers: Handlers, heed: Heed):
        self.session = session
        self.line = line
        self.lost_for: asyncio.Future[ConnectionLost] = asyncio.get_running_loop().create_future()
        """Why the line ended, once it has."""

        self._loop = asyncio.get_running_loop()
        self._handlers = handlers
        self._heed = heed
        self._waiters: dict[int, asyncio.Future[Any]] = {}
        self._progress: dict[int, Progressed] = {}
        self._acknowledged: dict[int, Callable[[], None]] = {}
        self._asked: dict[int | str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()

    @property
    def ended(self) -> bool:
        """Whether its line is gone."""
        return self.lost_for.done()

    async def open(self) -> None:
        """Connect. Raises ConnectError."""
        await self.line.open(self)

    async def request(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        version: Version | None = None,
        progress: Progressed | None = None,
        acknowledged: Callable[[], None] | None = None,
        meta: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        within: float | None = None,
    ) -> msgspec.Raw:
        """Ask, and wait for the answer.

        Raises CallError, ConnectionLost, or RequestTimeout after `within` seconds; a request that is given up, also by
        cancelling this, is cancelled at the server. `acknowledged` is called when a listen request is.
        """
        if self.lost_for.done():
            raise _never_sent(self.lost_for.result())
        out = self.session.request(
            method, params, version=version, progress=progress is not None, meta=meta, headers=headers
        )
        id: int = out.id  # type: ignore[assignment]
        waiter = self._waiters[id] = self._loop.create_future()
        if progress is not None:
            self._progress[id] = progress
        if acknowledged is not None:
            self._acknowledged[id] = acknowledged
        timer = None if within is None else self._loop.call_later(within, _give_up, waiter, method, within)
        try:
            ready = self.line.put(out)
            if ready is not None:
                await self._handed_over(ready, method, within)
            answer: msgspec.Raw = await waiter
            return answer
        finally:
            if timer is not None:
                timer.cancel()
            del self._waiters[id]
            self._progress.pop(id, None)
            self._acknowledged.pop(id, None)
            if waiter.done() and not waiter.cancelled():
                waiter.exception()  # It may have ended while the message still waited to be handed over.
            self._withdraw(id)

    async def _handed_over(self, ready: Awaitable[None], method: str, within: float | None) -> None:
        try:
            async with asyncio.timeout(within) as timer:
                await ready
        except TimeoutError:
            if not timer.expired():
                raise
            raise RequestTimeout(f"{method} could not be sent within {within} s.") from None

    def _withdraw(self, id: int) -> None:
        """Tell the server that nobody waits any more, if somebody did."""
        given_up = self.session.cancel(id) if id in self.session else None
        if given_up is not None and not self.lost_for.done():
            self._post(given_up)

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Tell the server something. Raises ConnectionLost."""
        ready = self.line.put(self.session.notify(method, params))
        if ready is not None:
            await ready

    async def close(self) -> None:
        """End the line, and with it everything that waits."""
        self.lost(ConnectionLost("The client was closed.", state="unknown_outcome"))
        await self.line.close()

    # What the line brings.

    def take(self, arrived: Arrived) -> None:
        """A frame, or the news that one will not come. Never raises."""
        if isinstance(arrived, Broken):
            waiter = self._waiters.get(arrived.id)
            if waiter is not None and not waiter.done():
                self.session.cancel(arrived.id)
                waiter.set_exception(arrived.error)
            return
        for effect in self.session.receive(arrived):
            if isinstance(effect, Settle):
                self._settle(effect)
            elif isinstance(effect, Heard):
                self._hear(effect.method, effect.params)
            elif isinstance(effect, Asked):
                self._question(effect)
            elif isinstance(effect, Send):
                self._post(Outgoing(effect.frame, version=self.session.version))

    def lost(self, why: ConnectionLost) -> None:
        """The line is gone: everything that waits for an answer fails."""
        if self.lost_for.done():
            return
        self.lost_for.set_result(why)
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(ConnectionLost(str(why), state="unknown_outcome", code=why.code))
        for task in (*self._tasks, *self._asked.values()):
            task.cancel()

    def _settle(self, settled: Settle) -> None:
        waiter = self._waiters.get(settled.id)
        if waiter is None or waiter.done():
            return
        if settled.error is None:
            waiter.set_result(settled.value)
        else:
            waiter.set_exception(settled.error)

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "notifications/progress":
            self._advance(params)
        elif method == "notifications/cancelled":
            task = self._asked.get(_key(params.get("requestId")))
            if task is not None:
                task.cancel()
        elif method == "notifications/subscriptions/acknowledged":
            meta = params.get("_meta")
            told = self._acknowledged.get(_key(meta.get(SUBSCRIPTION_ID)) if isinstance(meta, dict) else -1)  # type: ignore[arg-type]
            if told is not None:
                told()
        else:
            self.tell(self._heed, method, params)

    def _advance(self, params: dict[str, Any]) -> None:
        listener = self._progress.get(_key(params.get("progressToken")))  # type: ignore[arg-type]
        done = params.get("progress")
        if listener is not None and isinstance(done, int | float):
            self.tell(listener, done, params.get("total"), params.get("message"))

    def tell(self, listener: Callable[..., Any], *heard: Any) -> None:
        """Call a function of the program's, plain or not. Its defects are logged, and end nothing."""
        try:
            got = listener(*heard)
        except Exception as fault:  # noqa: BLE001 - the program's own code, called from the line's reader
            logger.error("A listener failed: %s.", type(fault).__name__)
            return
        if inspect.isawaitable(got):
            self._later(got)

    def _question(self, asked: Asked) -> None:
        if len(self._asked) >= _QUESTIONS or asked.id in self._asked:
            refusal = PeerError(BUSY, f"{_QUESTIONS} questions wait for this client already.")
            self._post(self.session.refuse(asked.id, refusal))
            return
        task = self._asked[asked.id] = self._loop.create_task(self._answer(asked))
        task.add_done_callback(lambda _: self._asked.pop(asked.id, None))

    async def _answer(self, asked: Asked) -> None:
        try:
            out = self.session.answer(asked.id, await self._handlers.answer(asked.method, asked.params))
        except PeerError as refusal:
            out = self.session.refuse(asked.id, refusal)
        except (TypeError, UnicodeError):
            logger.error("The handler of %s gave what is no JSON.", asked.method)
            out = self.session.refuse(asked.id, PeerError(INTERNAL_ERROR, "The client's handler failed."))
        self._post(out)

    def _post(self, message: Outgoing) -> None:
        """Hand over what nobody waits for. That the line is lost is told elsewhere."""
        try:
            ready = self.line.put(message)
        except ConnectionLost:
            return
        if ready is not None:
            self._later(ready)

    def _later(self, act: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(act, loop=self._loop)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        # Of a lost line the line itself tells, and ends the conversation.
        if fault is not None and not isinstance(fault, ConnectionLost):
            logger.error("A listener failed: %s.", type(fault).__name__)


def _never_sent(lost: ConnectionLost) -> ConnectionLost:
    return ConnectionLost(str(lost), state="not_sent", code=lost.code)


def _give_up(waiter: asyncio.Future[Any], method: str, within: float) -> None:
    if not waiter.done():
        waiter.set_exception(RequestTimeout(f"{method} was not answered within {within:g} s."))


def _key(value: Any) -> int | str:
    """A value that may be looked up: ids and tokens are numbers or text, and peers send what they like."""
    return value if type(value) is int or type(value) is str else ""
