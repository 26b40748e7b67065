"""What other people's clients are tried against: something of every kind that a server can offer, a few to a page.

fairlead serve tests/interop/quay.py --transport stdio
"""

import asyncio
import os
import signal
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Annotated, Literal

from fairlead import Context, Fairlead, Image, Message, Text, ToolError

PIXEL = b"\x89PNG\r\n\x1a\n of one pixel"
SECRET = "marker-5c1d2"
"""Stands in the text of the one exception that nobody may read."""

mcp = Fairlead(
    "quay",
    version="3.1",
    title="The quay",
    instructions="Ask before you moor.",
    page_size=3,
    secret="of these tests alone",
    drain_seconds=8,
)
ended: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)
released = threading.Event()
book = ["The first page."]


@dataclass
class Cargo:
    """What lies on the quay."""

    tons: Annotated[int, "Its weight"]
    marks: list[str]


@dataclass
class Load:
    """What a user is asked for: flat, as forms are."""

    tons: int
    kind: Literal["grain", "coal"] = "grain"


@mcp.tool(title="Add", hints={"read_only_hint": True})
async def add(a: Annotated[int, "The first number"], b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool
def shout(text: str) -> str:
    """Say it loudly; prints it as well."""
    print(text)
    return text.upper()


@mcp.tool
async def load(tons: int, marks: list[str]) -> Cargo:
    """Put cargo on the quay."""
    return Cargo(tons, marks)


@mcp.tool
def paint() -> Image:
    """Paint a picture."""
    return Image.of(PIXEL, "image/png")


@mcp.tool
async def refuse() -> str:
    """Fail, and tell why."""
    raise ToolError("The quay is full.")


@mcp.tool
async def sink() -> str:
    """Fail by a defect."""
    raise RuntimeError(SECRET)


@mcp.tool
async def steps(ctx: Context, of: int = 3) -> str:
    """Tell how far it is, and log each step at two levels."""
    for step in range(1, of + 1):
        await ctx.progress(step, of, f"step {step}")
        await ctx.debug({"step": step})
        await ctx.warning(f"step {step}")
    return "done"


@mcp.tool
async def hang(mark: str, ctx: Context) -> str:
    """Begin, say so, and never return by itself."""
    await ctx.progress(1)
    try:
        await asyncio.sleep(600)
    finally:
        ended[mark].set()
    return "never"


@mcp.tool
async def gone(mark: str) -> bool:
    """Wait until a call that hangs was cancelled."""
    await ended[mark].wait()
    return True


@mcp.tool
async def meet(mark: str, parties: int) -> int:
    """Return once that many calls of this mark are in flight at the same time."""
    mine = asyncio.get_running_loop().create_future()
    waiting[mark].append(mine)
    if len(waiting[mark]) == parties:
        for one in waiting.pop(mark):
            one.set_result(None)
    await mine
    return parties


@mcp.tool
def block(ctx: Context) -> str:
    """Hold a thread until it is released."""
    ctx.wait(ctx.progress(1))
    return "released" if released.wait(30) else "forgotten"


@mcp.tool
async def release() -> None:
    """Let the thread go."""
    released.set()


@mcp.tool
async def linger(ctx: Context) -> str:
    """Answer after a moment in which a server can be told to stop."""
    await ctx.progress(1)
    await asyncio.sleep(0.5)
    return "finished"


@mcp.tool
async def founder() -> None:
    """End this process without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


@mcp.tool
async def hoist(name: str) -> None:
    """Offer one tool more."""

    @mcp.tool(name)
    async def hoisted() -> str:
        """A tool that was not there before."""
        return f"{name} flies"


@mcp.tool
async def lower(name: str) -> None:
    """Offer it no longer."""
    mcp.remove_tool(name)


@mcp.tool
async def write(text: str) -> int:
    """Write a page of the book."""
    book.append(text)
    mcp.notify_updated("quay://book")
    return len(book)


@mcp.tool
async def moor(ctx: Context) -> str:
    """Ask the user where to moor, twice."""
    first = await ctx.elicit("What is on board?", Load)
    if not first:
        return f"{first.action}, then"
    second = await ctx.elicit("Which berth?", {"type": "object", "properties": {"berth": {"type": "string"}}})
    return f"{first.data.tons} tons of {first.data.kind} at {second.data['berth']}"


@mcp.tool
async def advise(ctx: Context) -> str:
    """Ask the client's model."""
    answer = await ctx.sample("Which wind is good?", max_tokens=20, systemPrompt="Be short.")
    return f"{answer.model}: {answer.text}"


@mcp.tool
async def look(ctx: Context) -> list[str]:
    """Ask for the folders of the user."""
    return [f"{root.uri} {root.name}" for root in await ctx.roots()]


@mcp.tool
async def greet(ctx: Context) -> str:
    """Tell the caller who the caller is."""
    assert ctx.client is not None
    return f"{ctx.client.name} {ctx.client.version} {ctx.protocol_version}"


@mcp.resource("quay://book", mime_type="text/markdown")
def the_book() -> str:
    """All that was written."""
    return "\n".join(book)


@mcp.resource("quay://flag", mime_type="image/png")
def flag() -> bytes:
    """The flag."""
    return PIXEL


@mcp.resource("quay://tide")
def tide() -> dict[str, int]:
    """How high the water is."""
    return {"feet": 7}


@mcp.resource("quay://pilot")
async def pilot(ctx: Context) -> str:
    """Whoever the user names."""
    answer = await ctx.elicit("Who is the pilot?", {"type": "object", "properties": {"berth": {"type": "string"}}})
    return f"pilot of {answer.data['berth']}"


for count in range(4):

    @mcp.resource(f"quay://{count}/{{name}}", name=f"shed {count}")
    def shed(name: str, number: int = count) -> str:
        """What is in the shed."""
        return f"{name} in shed {number}"


@mcp.prompt
def hail(ship: str, mood: str = "friendly") -> list[Message]:
    """Hail a ship."""
    return [Message("user", Text(f"Hail {ship}, be {mood}.")), Message("assistant", Text("Ahoy!"))]


@mcp.prompt
async def order(ctx: Context) -> str:
    """An order to the berth that the user names."""
    answer = await ctx.elicit("Which berth?", {"type": "object", "properties": {"berth": {"type": "string"}}})
    return f"Go to {answer.data['berth']}."


@mcp.prompt("log")
def log_entry() -> str:
    """Write the log."""
    return "Write the log."


@mcp.prompt
def part() -> str:
    """Take leave."""
    return "Say farewell."


@mcp.completion("hail", "ship")
def ships(typed: str) -> list[str]:
    """The ships that begin so."""
    return [name for name in ("Argo", "Ariel", "Beagle") if name.startswith(typed)]


@mcp.completion("quay://0/{name}", "name")
async def goods(typed: str, settled: dict[str, str]) -> list[str]:
    """Goods by their number, and what was settled already."""
    return [f"{typed}{number}" for number in range(120)] if not settled else sorted(settled.values())
