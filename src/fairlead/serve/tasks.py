"""Tasks at work: calls that were answered with a task go on here, whatever becomes of the line they came on.

Tells those who listen when a task changes, and forgets tasks in time: a call that still runs then is ended. Keeps
everything in this process: another worker, or this one started again, knows none of them.
"""

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fairlead.kernel import Call, Job, Send, Tasks, Terms
from fairlead.kernel.deferral import detach

if TYPE_CHECKING:
    from fairlead.serve.conversation import Conversation


class TaskDesk:
    """The tasks of one server. Every method is for its event loop's thread."""

    def __init__(self, terms: Terms, now: Callable[[], float]):
        self.table = Tasks(most=terms.tasks, most_bytes=terms.task_bytes)
        self.table.listen(self._changed)
        self._now = now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def running(self) -> int:
        """Tasks that work."""
        return self.table.running()

    def detach(self, call: Call, message: str | None) -> bytes | None:
        """The frame that answers a call in flight with a task; None where it cannot become one."""
        if call.limit is not None and call.limit.expired():
            return None  # It is being given up at this moment.
        frame = detach(call, self._now(), message)
        if frame is not None and call.limit is not None:
            call.limit.reschedule(None)  # What a task may take, its time to live says.
            call.deadline = None
        return frame

    def progress(self, call: Call, done: float, total: float | None, message: str | None) -> None:
        """The function of a task tells how far it is."""
        last = call.last_progress
        if call.job is None or not math.isfinite(done) or (last is not None and done <= last):
            return
        call.last_progress = done
        self.table.note(call.job, message or _amount(done, total), self._now())

    def ask(self, call: Call) -> None:
        """The open questions of a task are others than before. Raises what an encoder raises."""
        if call.job is not None:
            self.table.ask(call.job, self._now())

    def settle(self, call: Call) -> None:
        """The function of a task has ended."""
        if call.job is not None:
            self.table.settle(call.job, self._now())

    def close(self) -> list[Call]:
        """Forget all. The calls that still run are returned, to be ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self.table.clear()

    def _changed(self, job: Job) -> None:
        for told in job.news():
            tell(told)
        self._arm(job.expires)

    def _arm(self, expires: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None and self._loop is loop:
            if self._due <= expires:
                return
            self._timer.cancel()
        self._loop, self._due = loop, expires
        self._timer = loop.call_later(max(0.0, expires - self._now()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        end(self.table.expire(self._now()))
        following = self.table.next_expiry()
        if following is not None:
            self._arm(following)


def tell(told: Send) -> None:
    """Give a frame to the conversation of the listen request it is about."""
    home: Conversation | None = None if told.about is None else told.about.home
    if home is not None:
        home.tell([told])


def deliver(call: Call, answers: dict[str, Any]) -> None:
    """Hand the answers to those who asked."""
    for key, answer in answers.items():
        waiter = call.waiters.get(key)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)


def end(calls: list[Call]) -> None:
    """End the asyncio tasks of calls nobody waits for."""
    for call in calls:
        call.ended = True
        task: asyncio.Task[None] | None = call.task
        if task is not None:
            task.cancel()


def _amount(done: float, total: float | None) -> str:
    return f"{done:g}" if total is None else f"{done:g} of {total:g}"
