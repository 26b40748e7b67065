"""A Context's way to the line: progress, log messages, and questions to the client in either era.

A suspended call may come back on another line, so each step asks the call where it is at home now.
"""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from fairlead.errors import RequestTimeout, UsageError
from fairlead.kernel import Call
from fairlead.kernel.asking import check
from fairlead.spec.params import LogLevel

if TYPE_CHECKING:
    from fairlead.serve.conversation import Conversation

T = TypeVar("T")


class CallPort:
    """Fulfils `catalog.context.Port` for all calls of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop

    async def progress(self, call: Any, done: float, total: float | None, message: str | None) -> None:
        """Send a progress frame, if the caller wants one."""
        if call.parked:
            return  # Its caller is away, to answer a question.
        if call.job is not None:
            call.home.station.tasks.progress(call, done, total, message)
            return
        frame = call.session.progress(call, done, total, message)
        if frame is not None:
            await call.home.send(frame, call)

    async def log(self, call: Any, level: LogLevel, data: Any, logger: str | None) -> None:
        """Send a log frame, if the caller wants the level."""
        if call.parked:
            return
        frame = call.session.log(call, level, data, logger)
        if frame is not None:
            await call.home.send(frame, call)

    async def ask(self, call: Any, method: str, params: dict[str, Any], within: float | None) -> Any:
        """Ask the client. Raises CallError, RequestTimeout, PeerError or ToolError."""
        check(call, method, params)
        home: Conversation = call.home
        if call.stateless:
            return await self._ask_inline(call, method, params, within)
        return await home.question(call, method, params, within)

    async def _ask_inline(self, call: Call, method: str, params: dict[str, Any], within: float | None) -> Any:
        """Stateless era: the question goes out as the call's result, the answer comes with its retry."""
        key, recorded = call.question(method, params)
        if recorded is not None:
            return recorded
        waiter: asyncio.Future[Any] = self._loop.create_future()
        call.waiters[key] = waiter
        try:
            if call.job is not None:
                call.home.station.tasks.ask(call)
            else:
                # At the next turn of the loop, so that questions asked side by side travel together.
                self._loop.call_soon(call.home.suspend, call)
            async with asyncio.timeout(within):
                return await waiter
        except TimeoutError:
            raise RequestTimeout(f"The client did not come back with an answer to {method} in {within} s.") from None
        finally:
            call.waiters.pop(key, None)
            # Nobody waits for it any more, so that it is asked no more.
            if call.questions and call.questions.pop(key, None) is not None:
                call.home.station.tasks.ask(call)

    async def detach(self, call: Any, message: str | None) -> bool:
        """Answer the call with a task."""
        if call.job is None:
            frame = call.home.station.tasks.detach(call, message)
            if frame is None:
                return False
            try:
                await call.home.send(frame, call)
            except OSError:
                pass  # The line went away under the answer: the work goes on, as it does for any task.
        return True

    async def close_stream(self, call: Any) -> None:
        """End the reader of a reply that is kept in a journal."""
        if call.route is not None:
            call.route.release()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """From a worker thread: run on the loop and wait. Raises UsageError on the loop's own thread."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is not None:
            raise UsageError("ctx.wait() is for plain functions in threads; here, write await instead.")

        async def settle() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(settle(), self._loop).result()
