"""Awaits that cost nothing where nothing has to be waited for: no task, and no timer.

Most of what a request awaits is there already: its body, room to write, a function that computes. Each helper takes
the first step by itself, and arranges for more only when that step did not settle it. Safe to cancel.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def noticed(awaitable: Awaitable[T], paused: Callable[[], object]) -> Generator[Any, Any, Any]:
    """Await, and call `paused` if there is something to wait for. It runs on in the same task."""
    steps = awaitable.__await__()
    try:
        waited = next(steps)
    except StopIteration as done:
        return done.value
    paused()
    return (yield from _rest(steps, waited))


@types.coroutine
def within(
    seconds: float, awaitable: Awaitable[T], unsent: Callable[[], int] | None = None
) -> Generator[Any, Any, Any]:
    """Await for so long at most. Raises TimeoutError.

    With `unsent`, the time begins anew as long as that figure falls: a slow reader is no reader that stopped.
    """
    steps = awaitable.__await__()
    try:
        waited = next(steps)
    except StopIteration as done:
        return done.value
    return (yield from _timed(seconds, _Rest(steps, waited), unsent).__await__())


async def _timed(seconds: float, rest: "_Rest", unsent: Callable[[], int] | None) -> Any:
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as limit:

        def look(before: int) -> None:
            nonlocal timer
            now = 0 if unsent is None else unsent()
            if now < before:
                timer = loop.call_later(seconds, look, now)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(seconds, look, 0 if unsent is None else unsent())
        try:
            return await rest
        finally:
            timer.cancel()


class _Rest:
    """What is left of an awaitable whose first step was taken."""

    __slots__ = ("_steps", "_waited")

    def __init__(self, steps: Any, waited: Any):
        self._steps = steps
        self._waited = waited

    def __await__(self) -> Generator[Any, Any, Any]:
        return _rest(self._steps, self._waited)


def _rest(steps: Any, waited: Any) -> Generator[Any, Any, Any]:
    # `yield from` would take the first step again; this is what it does from the second one on (PEP 380).
    while True:
        try:
            given = yield waited
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as fault:  # noqa: BLE001 - handed on to where it belongs, as `yield from` does
            step, argument = steps.throw, fault
        else:
            step, argument = steps.send, given
        try:
            waited = step(argument)
        except StopIteration as done:
            return done.value
