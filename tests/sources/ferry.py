"""A server of FastMCP's. Knows nothing of Fairlead, and is served in the environment that has FastMCP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_http_headers

begun = 0


@dataclass
class Fare:
    """What a passenger is asked for."""

    coins: int


@asynccontextmanager
async def lifespan(server: FastMCP) -> AsyncIterator[dict[str, int]]:
    """Counts how often it begins."""
    global begun
    begun += 1
    yield {"begun": begun}


mcp = FastMCP("ferry", version="4.2", instructions="Pay first.", lifespan=lifespan)


@mcp.tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool
async def cross(ctx: Context) -> str:
    """Tell how far it is."""
    await ctx.report_progress(1, 2, "midstream")
    await ctx.report_progress(2, 2, "landing")
    return "across"


@mcp.tool
async def pay(ctx: Context) -> str:
    """Ask for the fare."""
    answer = await ctx.elicit("How much?", Fare)
    return f"{answer.data.coins} coins" if answer.action == "accept" else answer.action


@mcp.tool
async def inside() -> dict[str, str | int]:
    """How often the lifespan began, and what the line says."""
    return {"begun": begun, "pilot": get_http_headers().get("x-pilot", "nobody")}


@mcp.resource("ferry://tide/{day}")
async def tide(day: str) -> str:
    """How high the water is."""
    return f"high on {day}"


@mcp.prompt
def hail(ship: str) -> str:
    """Hail a ship."""
    return f"Hail {ship}!"
