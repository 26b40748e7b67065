"""The tools that the suite's scenarios of the tasks extension call, by the names that they expect."""

import asyncio

from fairlead import Context, Fairlead, ToolError
from fairlead.errors import INTERNAL_ERROR, PeerError

CONFIRM = {"type": "object", "properties": {"confirm": {"type": "boolean"}}, "required": ["confirm"]}
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def register(mcp: Fairlead) -> None:
    """Offer them on a server."""
    for tool, task in ((greet, "forbidden"), (slow_compute, "optional"), (failing_job, "required")):
        mcp.tool(task=task)(tool)
    for tool in (protocol_error_job, confirm_delete, multi_input):
        mcp.tool(task="optional")(tool)
    mcp.tool(task="required", task_at_once=False)(test_tool_with_task)


async def greet(name: str) -> str:
    """Greet at once, never as a task."""
    return f"Hello, {name}!"


async def slow_compute(ctx: Context, seconds: float = 1.0, label: str = "") -> str:
    """Take a while."""
    await ctx.progress(0, seconds, "computing")
    await asyncio.sleep(seconds)
    return f"computed {label} in {seconds:g} s"


async def failing_job() -> str:
    """Fail as a tool does."""
    await asyncio.sleep(1)
    raise ToolError("This job always fails.")


async def protocol_error_job() -> str:
    """Fail as a server does."""
    await asyncio.sleep(0.2)
    raise PeerError(INTERNAL_ERROR, "This job ends in an error of the protocol.")


async def confirm_delete(ctx: Context, filename: str) -> str:
    """Delete what the user agrees to have deleted."""
    answer = await ctx.elicit(f"Delete {filename}?", CONFIRM)
    agreed = bool(answer) and answer.data["confirm"]
    return f"{filename} was deleted" if agreed else f"{filename} was kept"


async def multi_input(ctx: Context) -> str:
    """Ask two questions side by side."""
    names = await asyncio.gather(ctx.elicit("Your name?", NAME), ctx.elicit("Your friend's name?", NAME))
    return " and ".join(answer.data["name"] for answer in names)


async def test_tool_with_task(ctx: Context) -> str:
    """Ask first, with the call itself, and become a task then."""
    answer = await ctx.elicit("Who is it for?", NAME, key="user_name")
    await ctx.detach("under way")
    await asyncio.sleep(0.3)
    return f"done for {answer.data['name']}"
