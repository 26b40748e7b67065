"""What several workers serve, for tests: each tool says in its own way at which worker it runs."""

import asyncio
import os
import sys

from fairlead import Context, Fairlead

mcp = Fairlead("fleet", drain_seconds=6)
go = asyncio.Event()


@mcp.tool
async def where() -> int:
    """The process that this runs in."""
    return os.getpid()


@mcp.tool
async def steps(ctx: Context, count: int = 3, seconds: float = 0.05) -> int:
    """Tell how far it is, step by step."""
    for step in range(1, count + 1):
        await ctx.progress(step, count)
        await asyncio.sleep(seconds)
    return os.getpid()


@mcp.tool
async def later(ctx: Context, seconds: float) -> int:
    """Answer after a while; says on standard error when it began."""
    sys.stderr.write("later began\n")
    await asyncio.sleep(seconds)
    return os.getpid()


@mcp.tool
async def hang(ctx: Context) -> None:
    """Never return by itself; says on standard error how it ended."""
    await ctx.progress(1)
    sys.stderr.write("hang began\n")
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        sys.stderr.write("hang was cancelled\n")
        raise


@mcp.tool
async def wait_for_go() -> int:
    """Wait until `give` is called at the same worker."""
    await go.wait()
    return os.getpid()


@mcp.tool
async def give() -> int:
    """Let `wait_for_go` return."""
    go.set()
    return os.getpid()


@mcp.tool
async def ask(ctx: Context) -> str:
    """Ask the user for a number."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    answer = await ctx.elicit("How many?", schema)
    return f"{answer.action} {answer.data} at {os.getpid()}"


@mcp.tool(replayable=True)
async def ask_again(ctx: Context) -> str:
    """Ask, and allow to be run again."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    answer = await ctx.elicit("How many?", schema)
    return f"{answer.action} {answer.data} at {os.getpid()}"


@mcp.tool
async def change() -> int:
    """Change the list of tools."""
    mcp.disable("give")
    mcp.enable("give")
    return os.getpid()


@mcp.tool
async def length(text: str) -> int:
    """The length of a text."""
    return len(text)


@mcp.tool(task="required")
async def job() -> int:
    """Run as a task."""
    return os.getpid()
