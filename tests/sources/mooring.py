"""Bridges on the test's own loop, to servers over each line, and what a client of either era does with them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fairlead import Fairlead
from fairlead.sources.config import Upstream
from fairlead.sources.remote import bridge
from tests.serve.harbour import ROOT, WAIT, docked
from tests.serve.peer import Peer, connected
from tests.sources import shore

SHORE = Path(shore.__file__)
ODDITY = Path(__file__).with_name("oddity.py")
LINES = ("stdio", "ws", "http")
ERAS = ("stateless", "handshake")
ASKABLE: dict[str, Any] = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}


def python(name: str, *words: str) -> Upstream:
    """A child in Python."""
    env = {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "default"}
    return Upstream(name=name, kind="stdio", command=sys.executable, args=words, env=env)


def shore_child(name: str = "shore") -> Upstream:
    return python(name, "-m", "fairlead", "serve", str(SHORE), "--transport", "stdio")


def odd_child(name: str = "oddity") -> Upstream:
    return python(name, str(ODDITY), name)


@asynccontextmanager
async def bridged(source: Any, *, mcp: Fairlead | None = None, **options: Any) -> AsyncIterator[str]:
    """The address of a bridge."""
    mcp = mcp or bridge(source, **options)
    async with docked(mcp) as address:
        try:
            yield address
        finally:
            async with asyncio.timeout(WAIT):
                await mcp.station.rest()


@asynccontextmanager
async def reached(line: str, era: str, **options: Any) -> AsyncIterator[str]:
    """The address of a bridge to a new shore, over that line, in that era."""
    async with AsyncExitStack() as stack:
        source: Any = [shore_child()]
        if line != "stdio":
            address = await stack.enter_async_context(docked(shore.make()))
            source = f"{line}://{address}/mcp"
        yield await stack.enter_async_context(bridged(source, era=era, **options))


@asynccontextmanager
async def able(address: str, era: str, **options: Any) -> AsyncIterator[Peer]:
    """A client that can be asked everything."""
    capabilities = options.pop("capabilities", ASKABLE)
    if era == "stateless":
        async with connected(address, era=era, **options) as peer:
            peer.capabilities = capabilities
            yield peer
        return
    async with connected(address, era="stateless", **options) as peer:
        await peer.shake(**capabilities)
        yield peer


async def call(peer: Peer, name: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
    """The result of a call; questions are answered from `peer.answers`, in the way of its era."""
    result = await peer.call(name, arguments, **more)
    while result.get("resultType") == "input_required":
        asked = result["inputRequests"]
        answers = {key: peer.answers[question["method"]] for key, question in asked.items()}
        more |= {"inputResponses": answers, "requestState": result["requestState"]}
        result = await peer.call(name, arguments, **more)
    return result


async def names(peer: Peer) -> list[str]:
    """The names of the tools."""
    answer = await peer.ask("tools/list")
    return [tool["name"] for tool in answer["result"]["tools"]]


async def until(true: Callable[[], Any], *, within: float = WAIT) -> Any:
    """The value, once it is true: for what tells nobody that it happened."""
    async with asyncio.timeout(within):
        while True:
            value = true()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.02)
