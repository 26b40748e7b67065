"""A tool that asks its user something before it goes on. It reads the same for every client and every line.

fairlead serve examples/asking.py
"""

from dataclasses import dataclass
from typing import Literal

from fairlead import Context, Fairlead, ToolError

mcp = Fairlead("asking")


@dataclass
class Seat:
    """What the user is asked for."""

    row: int
    side: Literal["window", "aisle"]


@mcp.tool
async def book(train: str, ctx: Context) -> str:
    """Book a seat on a train."""
    answer = await ctx.elicit(f"Where do you want to sit on {train}?", Seat)
    if not answer:
        raise ToolError("The user chose no seat, so nothing was booked.")
    await ctx.info(f"booking row {answer.data.row}")
    return f"Booked: {train}, row {answer.data.row}, {answer.data.side}."
