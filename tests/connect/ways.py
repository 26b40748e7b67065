"""Clients over every line, to servers of every era; and scripted servers that say what a test wants them to."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fairlead.client import Client
from fairlead.connect.conversation import Conversation
from fairlead.connect.handlers import Handlers
from fairlead.connect.lifeline import Backoff
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import ClientSession
from fairlead.sources import python
from fairlead.spec.descriptors import Implementation
from tests.serve.harbour import PIER, docked

LINES = ("memory", "websocket", "http", "sse", "stdio")
QUICK = Backoff(first=0.01, most=0.05, held=0.2)
"""For reconnections in tests: the same rules in less time."""

DISCOVER = {
    "resultType": "complete",
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "ttlMs": 0,
    "cacheScope": "public",
    "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "scripted", "version": "1"}},
}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "scripted", "version": "1"},
}


@asynccontextmanager
async def reached(line: str, mcp: Any = None, **options: Any) -> AsyncIterator[Client]:
    """A client of the pier, or of another server, over one of `LINES`."""
    if line == "stdio":
        words = [sys.executable, "-m", "fairlead", "serve", str(PIER), "--transport", "stdio"]
        async with Client(words, env={"PYTHONPATH": "src:."}, **options) as client:
            yield client
        return
    mcp = mcp or python.load(str(PIER))
    if line == "memory":
        async with Client(mcp, **options) as client:
            yield client
        return
    async with docked(mcp) as address:
        url = {"websocket": "ws://{}/mcp", "http": "http://{}/mcp", "sse": "http://{}/sse"}[line].format(address)
        async with Client(url, proxy=False, **options) as client:
            yield client


Said = dict[str, Any]
Script = Callable[["Scripted", Said], Any]


class Scripted:
    """A server in this process whose answers a function gives: a result, an exception to refuse with, or None.

    It is a target of `Client`: each line to it is one of these, and `lines` of the first one counts them.
    """

    def __init__(self, script: Script, *, first: "Scripted | None" = None) -> None:
        self.script = script
        self.first = first or self
        self.lines: list[Scripted] = []
        self.heard: list[Said] = [] if first is None else first.heard
        self._frames: asyncio.Queue[bytes | ConnectionLost] = asyncio.Queue()

    def dock(self) -> "Scripted":
        line = Scripted(self.script, first=self)
        self.lines.append(line)
        return line

    async def send(self, frame: bytes | str) -> None:
        said = json.loads(frame)
        self.heard.append(said)
        answer = self.first.script(self, said) if "id" in said else None
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer is None or "id" not in said:
            return
        failed = isinstance(answer, dict) and set(answer) >= {"code", "message"}
        key = "error" if failed else "result"
        self.say({"jsonrpc": "2.0", "id": said["id"], key: answer})

    def say(self, message: Said | bytes) -> None:
        """A frame of the server's own."""
        self._frames.put_nowait(message if isinstance(message, bytes) else json.dumps(message).encode())

    def notify(self, method: str, **params: Any) -> None:
        self.say({"jsonrpc": "2.0", "method": method, "params": params})

    def drop(self, code: int | None = None, text: str = "It broke.") -> None:
        """End the line, as a close code does."""
        self._frames.put_nowait(ConnectionLost(text, state="unknown_outcome", code=code))

    async def receive(self) -> bytes:
        frame = await self._frames.get()
        if isinstance(frame, ConnectionLost):
            raise frame
        return frame

    def close(self) -> None:
        self.drop()

    def methods(self) -> list[str]:
        return [said.get("method", "") for said in self.heard]


def refusal(code: int, message: str = "no", **data: Any) -> Said:
    return {"code": code, "message": message, **({"data": data} if data else {})}


def stateless(rest: Script) -> Script:
    """A script of the stateless era; `rest` answers what comes after the probe."""
    return lambda server, said: DISCOVER if said["method"] == "server/discover" else rest(server, said)


def handshake(rest: Script) -> Script:
    """A script of the handshake era."""

    def script(server: Scripted, said: Said) -> Any:
        if said["method"] == "server/discover":
            return refusal(-32601)
        return INITIALIZE if said["method"] == "initialize" else rest(server, said)

    return script


def tool(name: str = "t", **more: Any) -> Said:
    return {"name": name, "inputSchema": {"type": "object", "properties": {}}, **more}


def text(said: str) -> Said:
    """The complete result of a tool."""
    return {"resultType": "complete", "content": [{"type": "text", "text": said}]}


@asynccontextmanager
async def talking(
    server: Scripted, *, heed: Any = None, handlers: Handlers | None = None
) -> AsyncIterator[Conversation]:
    """A conversation with a scripted server, before any version is agreed."""
    from fairlead.connect.memory import Memory

    session = ClientSession(Implementation(name="test"), {})
    conversation = Conversation(session, Memory(server.dock()), handlers or Handlers(), heed or (lambda *_: None))
    await conversation.open()
    try:
        yield conversation
    finally:
        await conversation.close()


async def until(condition: Callable[[], Any]) -> None:
    """Turns of the loop until something is so; bounded by the test."""
    while not condition():
        await asyncio.sleep(0.005)
