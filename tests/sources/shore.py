"""A server to bridge to: made in this process with `make()`, or as a child, `fairlead serve tests/sources/shore.py`."""

import asyncio
import os

from fairlead import Context, Fairlead, ToolError

FORM = {"type": "object", "properties": {"n": {"type": "integer"}}}


def make() -> Fairlead:
    """A new one, which remembers nothing of another."""
    mcp = Fairlead("shore", version="3.1", instructions="Mind the tide.")
    seen = {"cancelled": 0, "calls": 0}

    @mcp.tool(hints={"read_only_hint": True})
    async def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @mcp.tool
    async def refuse() -> None:
        """Raise what the caller is to read."""
        raise ToolError("no boats today")

    @mcp.tool
    async def count(ctx: Context, to: int = 3) -> str:
        """Tell how far it is."""
        for step in range(1, to + 1):
            await ctx.progress(step, to, f"step {step}")
        return "counted"

    @mcp.tool
    async def later(seconds: float) -> str:
        """Answer after a while."""
        await asyncio.sleep(seconds)
        return "later"

    @mcp.tool
    async def hang(ctx: Context) -> None:
        """Never return by itself."""
        await ctx.progress(1)
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            seen["cancelled"] += 1
            raise

    @mcp.tool
    async def cancelled() -> int:
        """How often `hang` was cancelled here."""
        return seen["cancelled"]

    @mcp.tool
    async def ask(ctx: Context) -> str:
        """Ask the user for a number."""
        answer = await ctx.elicit("How many?", FORM)
        return f"{answer.action} {answer.data}"

    @mcp.tool
    async def think(ctx: Context) -> str:
        """Ask the client's model."""
        return (await ctx.sample("Say aye.")).text

    @mcp.tool
    async def folders(ctx: Context) -> list[str]:
        """Ask for the client's folders."""
        return [root.uri for root in await ctx.roots()]

    @mcp.tool
    async def abilities(ctx: Context) -> list[str]:
        """What the client said that it can be asked."""
        return sorted(ctx.capabilities)

    @mcp.tool
    async def warn(ctx: Context) -> str:
        """Write to the caller's log."""
        await ctx.warning({"tide": "high"})
        return "warned"

    @mcp.tool
    async def tally(ctx: Context) -> int:
        """Count the calls of this session."""
        ctx.session["calls"] = ctx.session.get("calls", 0) + 1
        return ctx.session["calls"]

    @mcp.tool
    async def process() -> int:
        """Which process this is."""
        return os.getpid()

    @mcp.tool
    async def build() -> str:
        """Offer a tool more."""

        def lamp() -> str:
            """Light the lamp."""
            return "lit"

        mcp.tool(lamp, quick=True) if "lamp" not in mcp.catalog.tools else None
        return "built"

    @mcp.tool
    async def tide() -> str:
        """Change what `sea://tide` holds."""
        mcp.notify_updated("sea://tide")
        return "turned"

    @mcp.resource("sea://tide", mime_type="text/plain")
    def tide_now() -> str:
        """The tide."""
        return "high"

    @mcp.resource("notes://{name}")
    def note(name: str) -> str:
        """A note."""
        return f"note {name}"

    @mcp.prompt
    def explain(topic: str) -> str:
        """Explain."""
        return f"Explain {topic}"

    @mcp.completion("explain", "topic")
    def topics(typed: str) -> list[str]:
        return [topic for topic in ("boats", "bays", "tides") if topic.startswith(typed)]

    @mcp.completion("notes://{name}", "name")
    def names(typed: str) -> list[str]:
        return [f"{typed}-1"]

    return mcp


mcp = make()
