"""Fairlead with the two tools every subject has. Run by `fairlead serve`."""

from fairlead import Fairlead

mcp = Fairlead("bench")


@mcp.tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool
async def blob(size: int) -> str:
    """A text of that many characters."""
    return "x" * size
