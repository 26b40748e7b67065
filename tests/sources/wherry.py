"""A server of the official SDK, with something of everything that it can do. Knows nothing of Fairlead.

fairlead serve tests/sources/wherry.py
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp_types import Completion
from pydantic import BaseModel

counted: Counter[str] = Counter()
reached = asyncio.Event()
ended = asyncio.Event()


class Berth(BaseModel):
    """What a user is asked for."""

    name: str


@asynccontextmanager
async def lifespan(server: MCPServer) -> AsyncIterator[dict[str, str]]:
    """Counts how often it begins and ends."""
    counted["begun"] += 1
    print("cast off", flush=True)
    try:
        yield {"flag": "red"}
    finally:
        counted["ended"] += 1
        print("made fast", flush=True)


mcp = MCPServer("wherry", version="1.7", instructions="Mind the step.", lifespan=lifespan)


@mcp.tool(title="Add")
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool()
async def fail() -> str:
    """Fail by a defect."""
    raise ValueError("too much ballast")


@mcp.tool()
async def row(ctx: Context, strokes: int = 3) -> str:
    """Tell of every stroke."""
    for stroke in range(1, strokes + 1):
        await ctx.report_progress(stroke, strokes, f"stroke {stroke}")
    return "there"


@mcp.tool()
async def shout(ctx: Context) -> str:
    """Say it in the log."""
    await ctx.info("Ahoy!")
    return "shouted"


@mcp.tool()
async def moor(ctx: Context) -> str:
    """Ask in the middle of the call, as servers of the handshake era do."""
    answer = await ctx.elicit("Where to?", Berth)
    return f"{answer.action} {answer.data.name}" if answer.action == "accept" else answer.action


def where() -> Elicit[Berth]:
    """Asked in the way of the era."""
    return Elicit("Which berth?", Berth)


@mcp.tool()
async def tie(berth: Annotated[Berth, Resolve(where)]) -> str:
    """Ask before the call, in either era."""
    return f"tied at {berth.name}"


@mcp.tool()
async def drift(ctx: Context) -> str:
    """Begin, say so, and never return by itself."""
    await ctx.report_progress(1)
    reached.set()
    try:
        await asyncio.sleep(600)
    finally:
        ended.set()
    return "never"


@mcp.tool()
async def look(ctx: Context) -> dict[str, str | None]:
    """What the lifespan gave, and what the line says."""
    request = ctx.request_context.request
    header = None if request is None else request.headers.get("x-pilot")
    return {"flag": ctx.request_context.lifespan_context["flag"], "pilot": header}


@mcp.tool()
async def paint(ctx: Context) -> str:
    """Tell that the tools and the log book have changed."""
    await ctx.notify_tools_changed()
    await ctx.notify_resource_updated("wherry://book")
    return "painted"


@mcp.resource("wherry://book", mime_type="text/markdown")
def book() -> str:
    """The log book."""
    return "# Day one"


@mcp.resource("wherry://crew/{name}")
def crew(name: str) -> str:
    """One of the crew."""
    return f"{name} rows"


@mcp.prompt()
def hail(ship: str) -> str:
    """Hail a ship."""
    return f"Hail {ship}!"


@mcp.completion()
async def complete(ref: object, argument: object, context: object) -> Completion:
    """Ships that are known."""
    return Completion(values=[ship for ship in ("Argo", "Ariel") if ship.startswith(argument.value)])
