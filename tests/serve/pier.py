"""A server to talk to over every line, also as a process of its own: `fairlead serve tests/serve/pier.py`."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator

from fairlead import Context, Fairlead, Progress, ToolError

SECRET = "marker-7f3a9"
"""Stands in the text of every exception here: it must be found nowhere else."""

mcp = Fairlead("pier", version="9.9", secret="of the tests alone", drain_seconds=6)
released = threading.Event()


@mcp.tool
async def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@mcp.tool
async def hang(ctx: Context) -> None:
    """Never return by itself; says on standard error when it began and how it ended."""
    await ctx.progress(1)
    try:
        sys.stderr.write("hang began\n")
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        sys.stderr.write("hang was cancelled\n")
        raise


@mcp.tool
def block(ctx: Context, seconds: float = 600) -> str:
    """Hold a thread."""
    ctx.wait(ctx.progress(1))
    released.wait(seconds)
    return "released"


@mcp.tool
async def block_elsewhere(ctx: Context) -> None:
    """Hold a thread of the loop's own."""
    await ctx.progress(1)
    await asyncio.to_thread(released.wait, 600)


@mcp.tool
async def stubborn(ctx: Context) -> None:
    """Refuse to be cancelled."""
    await ctx.progress(1)
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass


@mcp.tool
async def later(ctx: Context, seconds: float = 0.3) -> str:
    """Answer after a while."""
    await ctx.progress(1)
    await asyncio.sleep(seconds)
    return "later"


@mcp.tool
async def large(size: int) -> str:
    """Return that many characters."""
    return "x" * size


@mcp.tool
async def fail() -> None:
    """Raise what nobody may read."""
    raise RuntimeError(SECRET)


@mcp.tool
async def refuse() -> None:
    """Raise what the caller is to read."""
    raise ToolError("no boats today")


@mcp.tool
async def chatter(ctx: Context) -> str:
    """Tell a lot before the result."""
    for step in range(1, 4):
        await ctx.progress(step, 3)
        await ctx.warning(f"step {step}")
    return "told"


@mcp.tool
async def count(to: int) -> AsyncIterator[Progress | str]:
    """Count, step by step."""
    for step in range(1, to + 1):
        yield Progress(step, to)
    yield "counted"


@mcp.tool
def loud() -> str:
    """Write to standard output in every way there is."""
    print("from print")
    sys.stdout.flush()
    os.write(1, b"from the descriptor\n")
    subprocess.run(["echo", "from a child"], check=True)
    return "was loud"


@mcp.tool
def read_input() -> str:
    """Read standard input."""
    return repr(sys.stdin.read())


@mcp.tool
async def ask(ctx: Context, within: float | None = None) -> str:
    """Ask the user for a number."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    answer = await ctx.elicit("How many?", schema, within=within)
    return f"{answer.action} {answer.data}"


@mcp.tool(replayable=True)
async def ask_again(ctx: Context) -> str:
    """Ask, and allow to be run again."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    first = await ctx.elicit("First?", schema)
    second = await ctx.elicit("Second?", schema)
    return f"{first.data} {second.data}"


@mcp.tool
async def hold_the_loop() -> None:
    """What no tool should do: block the loop itself."""
    sys.stderr.write("holding the loop\n")
    time.sleep(600)


@mcp.resource("notes://{name}")
def note(name: str) -> str:
    """A note."""
    return f"note {name}"


@mcp.prompt
def explain(topic: str) -> str:
    """Explain."""
    return f"Explain {topic}"
