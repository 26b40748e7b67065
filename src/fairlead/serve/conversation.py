"""One peer's session joined to a line: the tasks, the futures, and the one way out.

The line calls `receive` with each frame and `close` when it is gone; it gives `send`. A reading task that ends fails
every waiter. A task per request, so that `asyncio.timeout`, task groups and context variables behave.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fairlead.errors import TIMED_OUT, ConnectionLost, FairleadError, PeerError
from fairlead.kernel import Call, Deliver, Resume, Run, Send, ServerSession, Settle, Stop, Tell, Watch
from fairlead.serve.port import CallPort
from fairlead.serve.runner import run
from fairlead.serve.station import Station
from fairlead.serve.tasks import deliver

logger = logging.getLogger("fairlead")


class Conversation:
    """The server's side of one line. `send(frame, call)` may wait while the peer reads slowly."""

    def __init__(
        self,
        station: Station,
        session: ServerSession,
        send: Callable[[bytes, Call | None], Awaitable[None]],
    ):
        self.station = station
        self.session = session
        self.send = send
        self.loop = asyncio.get_running_loop()
        self.port = CallPort(self.loop)
        self._waiters: dict[int, asyncio.Future[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.waiting: Callable[[], int] = _nothing
        """How much waits for a slow peer; the line knows. Answers among it are as good as in flight."""

        self._closed = False
        self._tellers: set[asyncio.Task[None]] = set()
        session.closing = station.closing
        session.tasks = station.tasks.table
        station.join(self)

    # What comes in.

    async def receive(self, frame: bytes | str) -> None:
        """Act on one frame. Waits while direct answers cannot be sent: the peer is then read no further."""
        for effect in self.session.receive(frame, self.station.now()):
            kind = type(effect)
            if kind is Run:
                self.begin(effect.call)  # type: ignore[union-attr]
            elif kind is Send:
                about = effect.about  # type: ignore[union-attr]
                if about is not None and about.fault is not None:
                    report(about, about.fault)  # It ended before it began: an author's type raised.
                await self.send(effect.frame, effect.about)  # type: ignore[union-attr]
            else:
                self.act(effect)

    def begin(self, call: Call) -> None:
        """Run a call in a task of its own."""
        call.home = self
        call.task = self.loop.create_task(self.answer(call))

    def act(self, effect: Any) -> None:
        """Do what neither sends nor runs."""
        match effect:
            case Stop(call=call):
                if call.task is not None:
                    call.task.cancel()
                self.station.settled()
            case Resume(call=call, answers=answers):
                self._resume(call, answers)
            case Deliver(call=call, answers=answers):
                deliver(call, answers)
            case Watch(call=call):
                call.home = self
            case Settle():
                self._settle(effect)
            case Tell(notice=notice):
                for watcher in self.station.company.watchers:
                    watcher.heard(self, notice)

    def _settle(self, settled: Settle) -> None:
        """A question of ours has its answer, or will have none."""
        waiter = self._waiters.get(settled.id)
        if waiter is None or waiter.done():
            return
        if settled.error is None:
            waiter.set_result(settled.value)
        else:
            waiter.set_exception(settled.error)

    # A call's way.

    async def answer(self, call: Call) -> None:
        """The task of one call: run it, and send what became of it."""
        frame = await self.outcome(call)
        if frame is not None:
            try:
                await call.home.send(frame, call)
            except OSError:
                pass  # The line went away under the answer: its own reader ends the conversation.
        elif call.job is not None:
            self.station.tasks.settle(call)
        if self.station.closing:
            self.station.settled()

    async def outcome(self, call: Call) -> bytes | None:
        """Run a call. Returns the frame that answers it, None if there is nobody to answer."""
        try:
            return await self._outcome(call)
        except asyncio.CancelledError:
            if call.ended or _cancelled_from_outside():
                raise
            # The function raised it by itself: nobody cancelled this task.
            return call.session.fail(call, RuntimeError())

    async def _outcome(self, call: Call) -> bytes | None:
        try:
            entry = call.entry
            if entry.kind == "async" and entry.context is None and self.station.untimed:  # type: ignore[union-attr]
                value = await entry.function(**call.arguments)  # type: ignore[union-attr,arg-type]
            else:
                value = await self._run(call)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge of the task: the author's fault becomes an answer
            if not isinstance(error, FairleadError):
                report(call, error)
            if call.parked:
                await self._return(call)
            return call.session.fail(call, error if isinstance(error, Exception) else RuntimeError())
        if call.parked:
            await self._return(call)
        frame = call.session.finish(call, value)
        if call.fault is not None:
            report(call, call.fault)
        return frame

    async def _run(self, call: Call) -> Any:
        budget = self.station.budget
        return await (self._bounded(call) if budget is None else budget.run(call, lambda: self._bounded(call)))

    async def _bounded(self, call: Call) -> Any:
        limit = self.station.call_timeout
        if limit is None or call.job is not None:
            return await run(call, self.port, self.station.pool)
        call.deadline = self.loop.time() + limit
        try:
            async with asyncio.timeout(limit) as timer:
                call.limit = timer
                return await run(call, self.port, self.station.pool)
        except TimeoutError:
            if not timer.expired():
                raise
            raise PeerError(TIMED_OUT, f"{call.name!r} took longer than {limit} s.", data={"limit": limit}) from None

    # Questions to the client.

    async def question(self, call: Call, method: str, params: dict[str, Any], within: float | None) -> Any:
        """Handshake era: send a request of ours and wait for its answer."""
        questions = self.session.questions
        seconds = self.session.terms.ask_timeout if within is None else within
        id, frame = questions.ask(method, params, self.station.now() + seconds)
        waiter = self._waiters[id] = self.loop.create_future()
        self._arm()
        try:
            await self.send(frame, call)
            return await waiter
        finally:
            del self._waiters[id]
            withdrawn = questions.withdraw(id)
            if withdrawn is not None and not self._closed:
                self._later(withdrawn, call)

    def _arm(self) -> None:
        deadline = self.session.questions.next_deadline()
        if deadline is None or (self._timer is not None and self._due <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()  # This question has less time than those before it.
        self._due = deadline
        self._timer = self.loop.call_later(max(0.0, deadline - self.station.now()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        for effect in self.session.questions.expire(self.station.now()):
            self.act(effect)
        self._arm()

    def suspend(self, call: Call) -> None:
        """Stateless era: give the call's open questions to its caller, unless that happened a moment ago."""
        if call.parked or call.ended or not call.questions:
            return
        frame = call.session.suspend(call, self.station.now())
        if frame is None:
            return
        if call.ended:
            call.task.cancel()  # Too many are suspended: it was refused.
        else:
            call.parked = True
            self.station.watch_suspended(self.loop)
        self._later(frame, call)

    def _resume(self, call: Call, answers: dict[str, Any]) -> None:
        call.home, call.parked = self, False
        deliver(call, call.answered(answers))
        if call.returned is not None and not call.returned.done():
            call.returned.set_result(None)
        if call.questions:
            self.loop.call_soon(self.suspend, call)

    async def _return(self, call: Call) -> None:
        """The call ended while its caller was away: wait until it is asked for again, or expires."""
        call.returned = self.loop.create_future()
        await call.returned

    # What the server says by itself.

    def changed(self, kind: str) -> None:
        """A list of the catalog changed."""
        self.tell(self.session.changed(kind))

    def updated(self, uri: str) -> None:
        """A resource changed."""
        self.tell(self.session.updated(uri))

    def tell(self, frames: list[Send]) -> None:
        """Send frames that nobody waits for, each as soon as the line takes it."""
        for told in frames:
            self._later(told.frame, told.about)

    def _later(self, frame: bytes, about: Call | None) -> None:
        async def attempt() -> None:
            try:
                await self.send(frame, about)
            except OSError:
                pass  # The line went away: its own reader ends the conversation.

        task = self.loop.create_task(attempt())
        self._tellers.add(task)
        task.add_done_callback(self._tellers.discard)

    def in_flight(self) -> int:
        """Calls that run for this peer, and one more while answers wait for it to read."""
        return sum(call.entry is not None for call in self.session.calls.values()) + bool(self.waiting())

    async def announce_end(self) -> None:
        """The server goes away: refuse new requests, and end what the peer listens to."""
        self.session.closing = True
        self.tell(self.session.farewell())

    def part(self) -> None:
        """The server ends: end what would be open for as long as the peer likes. Sockets end with their server."""

    def close(self) -> None:
        """The line is gone: end every task and fail every waiter. Suspended calls stay for their callers."""
        self._closed = True
        self.station.leave(self)
        if self._timer is not None:
            self._timer.cancel()
        for call in self.session.close():
            if call.task is not None:
                call.task.cancel()
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(ConnectionLost("The client went away.", state="unknown_outcome"))
        for task in tuple(self._tellers):
            task.cancel()


def report(call: Call, error: BaseException) -> None:
    """Log a defect of the author's: what kind, and where. Never its text, which may hold anything."""
    trace, where = error.__traceback__, []
    while trace is not None:
        code = trace.tb_frame.f_code
        where.append(f"{code.co_name} ({code.co_filename}:{trace.tb_lineno})")
        trace = trace.tb_next
    logger.error("%s %r failed: %s at %s", call.request.method, call.name, type(error).__name__, " > ".join(where[-6:]))


def _nothing() -> int:
    return 0


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
