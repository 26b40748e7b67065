"""Runs what a call asks for: awaits coroutines, gives plain functions to a thread, follows generators.

Refuses to interpret: it returns what the function returned and lets through what it raised.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from fairlead.catalog import Context, Progress
from fairlead.catalog.context import Port
from fairlead.kernel import Call


async def run(call: Call, port: Port, pool: Callable[[], Executor]) -> Any:
    """The value of the call's function. Raises what the function raises."""
    entry, arguments = call.entry, call.arguments or {}
    if entry is None:
        raise TypeError("a call without an entry runs nothing")
    context = Context(call, port)
    if entry.context is not None:
        arguments = {**arguments, entry.context: context}
    if entry.kind == "async":
        return await entry.function(**arguments)
    if entry.kind == "quick":
        return entry.function(**arguments)
    if entry.kind == "async_generator":
        return await _follow(entry.function(**arguments), context)
    if entry.kind == "generator":
        return await _in_thread(pool(), lambda: _drive(entry.function(**arguments), context))
    value = await _in_thread(pool(), lambda: entry.function(**arguments))
    # A plain function may hand back a coroutine (a lambda or partial around one).
    return await value if inspect.isawaitable(value) else value


async def _in_thread(pool: Executor, function: Callable[[], Any]) -> Any:
    variables = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(pool, variables.run, function)


async def _follow(steps: Any, context: Context) -> Any:
    """Each `Progress` is told; the last other value is the result, since async generators cannot return one."""
    last: Any = None
    try:
        async for step in steps:
            if isinstance(step, Progress):
                await context.progress(step.done, step.total, step.message)
            else:
                last = step
    finally:
        await steps.aclose()
    return last


def _drive(steps: Any, context: Context) -> Any:
    last: Any = None
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return last if stop.value is None else stop.value
        if context.cancelled:
            steps.close()
            return None
        if isinstance(step, Progress):
            context.wait(context.progress(step.done, step.total, step.message))
        else:
            last = step
