"""A server whose tools become tasks, the lines to it, and what its clients ask again and again."""

import asyncio
from contextlib import asynccontextmanager

from fairlead import Context, Fairlead
from fairlead.errors import RequestTimeout
from fairlead.serve.memory import MemoryLine
from fairlead.spec.tasks import ENDS, EXTENSION
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import Peer, connected

ABLE = {"extensions": {EXTENSION: {}}, "elicitation": {}}
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Yard:
    """A server with tools that are held and let go by the test, on its own loop."""

    def __init__(self, **settings):
        self.mcp = Fairlead("yard", task_poll=0.001, **settings)
        self.began, self.go, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.seen = []

        @self.mcp.tool(task="optional")
        async def build(what: str = "boat") -> str:
            """Build, once it may."""
            self.began.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.stopped.set()
                raise
            return f"a {what}"

        @self.mcp.tool(task="optional")
        async def ask(ctx: Context, within: float | None = None) -> str:
            """Ask for a number."""
            try:
                answer = await ctx.elicit("How many?", NUMBER, within=within)
            except RequestTimeout:
                await self.go.wait()
                return "nobody said"
            return f"{answer.action} {answer.data}"

        @self.mcp.tool(task="optional", task_at_once=False)
        async def order(ctx: Context) -> str:
            """Ask first, then become a task."""
            answer = await ctx.elicit("How many?", NUMBER)
            self.seen.append(await ctx.detach("under way"))
            self.seen.append(await ctx.detach())
            await self.go.wait()
            return f"ordered {answer.data['n']}"

        @self.mcp.tool(task="optional")
        async def walk(ctx: Context) -> str:
            """Tell how far it is."""
            await ctx.progress(1, 3)
            await ctx.progress(1, 3, "stood still")
            await ctx.info("a word")
            await self.go.wait()
            await ctx.progress(2, 3, "nearly there")
            return "arrived"


@asynccontextmanager
async def over_memory(yard):
    @asynccontextmanager
    async def another():
        async with MemoryLine(yard.mcp.station) as line:
            yield able(Peer(line.send, line.receive))

    try:
        yield another
    finally:
        yard.mcp.station.close()


@asynccontextmanager
async def over_websocket(yard):
    async with docked(yard.mcp) as address:

        @asynccontextmanager
        async def another():
            async with connected(address) as peer:
                yield able(peer)

        yield another


def able(peer):
    peer.capabilities = ABLE
    return peer


async def begin(peer, name, arguments=None, **more):
    """The id of a task that a call has become."""
    told = await peer.call(name, arguments, **more)
    assert told["resultType"] == "task", told
    return told["taskId"]


async def about(peer, method, id, **more):
    answer = await peer.ask(method, {"taskId": id, **more})
    assert "result" in answer, answer
    return answer["result"]


async def says(peer, id, message):
    """Ask until the task has this message."""
    async with asyncio.timeout(WAIT):
        while (await about(peer, "tasks/get", id)).get("statusMessage") != message:
            await asyncio.sleep(0)


async def until(peer, id, *statuses):
    """What the task is once it is in one of these states, as a listener hears it."""
    ear = await peer.begin("subscriptions/listen", {"notifications": {"taskIds": [id]}})
    while True:
        told = (await peer.hear("notifications/tasks"))["params"]
        if told["status"] in (statuses or ENDS):
            await peer.cancel(ear)
            return told
