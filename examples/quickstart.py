"""The quick start: three tools, one resource, one prompt.

fairlead serve examples/quickstart.py
"""

from datetime import UTC, datetime
from typing import Annotated

from fairlead import Context, Fairlead

mcp = Fairlead("quickstart", instructions="Small things to try a connection with.")

NOTES = {"welcome": "# Welcome\n\nThis note is a resource."}


@mcp.tool(hints={"read_only_hint": True, "idempotent_hint": True})
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool(hints={"read_only_hint": True})
def now() -> datetime:
    """Tell the time of this machine, in UTC."""
    return datetime.now(UTC)


@mcp.tool
async def count_words(
    text: Annotated[str, "The text to count in"], ctx: Context, longest: int = 3
) -> dict[str, int | list[str]]:
    """Count the words of a text, and name its longest ones."""
    words = text.split()
    await ctx.progress(1, 1, f"{len(words)} words")
    return {"words": len(words), "longest": sorted(set(words), key=len, reverse=True)[:longest]}


@mcp.resource("notes://{name}", mime_type="text/markdown")
def note(name: str) -> str:
    """A note by its name."""
    return NOTES.get(name, "There is no such note.")


@mcp.prompt
def explain(topic: str, audience: str = "a curious child") -> str:
    """Ask for an explanation that fits its audience."""
    return f"Explain {topic} to {audience}. Use one everyday example."


if __name__ == "__main__":
    mcp.run()
