"""A server of a test's own: its tools can be watched, held and let go, since it runs on the test's loop."""

import asyncio
import time
from typing import Any

from fairlead import Context, Fairlead, ToolError
from fairlead.catalog import tool as tools

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}


class Boat:
    """A server, what its tools saw (`seen`), and what lets them go on (`go`)."""

    def __init__(self, **settings: Any) -> None:
        self.mcp = Fairlead("boat", version="1", **settings)
        self.seen: asyncio.Queue[str] = asyncio.Queue()
        self.go = asyncio.Event()
        for function in (add, fail, refuse, large, told, step, ask, ask_twice, ask_both, sample, whose, nap, leap):
            self.mcp.tool(function)
        self.mcp.tool(self._hold(), name="hold")
        self.mcp.tool(self._held_aloud(), name="hold_aloud")
        self.mcp.tool(self._released(), name="released")
        self.mcp.resource("notes://{name}")(note)
        self.mcp.prompt(explain)

    def _hold(self) -> Any:
        async def hold() -> str:
            """Wait until it is let go; says nothing meanwhile."""
            return await self._wait()

        return hold

    def _held_aloud(self) -> Any:
        async def hold_aloud(ctx: Context) -> str:
            """The same, after a word of progress."""
            await ctx.progress(1)
            return await self._wait()

        return hold_aloud

    def _released(self) -> Any:
        async def released(ctx: Context, words: int = 1) -> str:
            """Let the reader go, and say the rest behind its back."""
            await ctx.close_stream()
            self.seen.put_nowait("let go")
            await self.go.wait()
            for word in range(words):
                await ctx.info(f"word {word}")
            return "after all"

        return released

    async def _wait(self) -> str:
        self.seen.put_nowait("began")
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.seen.put_nowait("cancelled")
            raise
        return "let go"


async def add(a: int, b: int) -> int:
    return a + b


async def fail() -> None:
    raise RuntimeError("marker-1b77")


async def refuse() -> None:
    raise ToolError("no boats today")


async def large(size: int) -> str:
    return "x" * size


async def told(ctx: Context, times: int = 3, size: int = 0) -> str:
    """Tell a lot before the result."""
    for number in range(1, times + 1):
        await ctx.progress(number, times, "y" * size)
    return "told"


async def step() -> str:
    await asyncio.sleep(0)
    return "stepped"


async def ask(ctx: Context) -> str:
    answer = await ctx.elicit("How many?", NUMBER)
    return f"{answer.action} {answer.data}"


async def ask_twice(ctx: Context) -> str:
    first = await ctx.elicit("First?", NUMBER)
    second = await ctx.elicit("Second?", NUMBER)
    return f"{first.data} {second.data}"


async def ask_both(ctx: Context) -> str:
    first, second = await asyncio.gather(ctx.elicit("This?", NUMBER), ctx.elicit("That?", NUMBER))
    return f"{first.data} {second.data}"


async def sample(ctx: Context) -> str:
    return (await ctx.sample("a word", max_tokens=9)).text


async def whose(ctx: Context) -> str:
    return ctx.headers.get("x-boat", "nobody's")


def nap() -> str:
    time.sleep(0.12)
    return "slept"


async def leap() -> None:
    raise asyncio.CancelledError


def note(name: str) -> str:
    return f"note {name}"


def explain(topic: str) -> str:
    return f"Explain {topic}"


def mirrored(mcp: Fairlead, schema: dict[str, Any]) -> None:
    """A tool `mirror` whose arguments have a schema of the test's choice; it returns what came."""

    class Anything:
        wrapped = False

        def decode(self, raw: Any) -> dict[str, Any]:
            return {}

        def check_result(self, value: Any) -> Any:
            return value

    async def mirror() -> str:
        return "seen"

    made = tools.from_function(mirror)
    made.descriptor.input_schema = schema
    made.reading = Anything()
    mcp.add(made)
