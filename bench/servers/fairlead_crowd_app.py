"""Fairlead with a catalog of 1,000 tools, of which `add` is called. Run by `fairlead serve`."""

from collections.abc import Awaitable, Callable

from fairlead import Fairlead

mcp = Fairlead("bench")


def _stranger(number: int) -> Callable[[int, int], Awaitable[int]]:
    async def tool(a: int, b: int) -> int:
        """One of many that nobody calls."""
        return a * number + b

    tool.__name__ = tool.__qualname__ = f"stranger_{number:04}"
    return tool


for _number in range(999):
    mcp.tool(_stranger(_number))


@mcp.tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
