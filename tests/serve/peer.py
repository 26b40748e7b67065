"""A client of either era over any wire: it asks, answers what it is asked, and keeps all it hears, in order."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.serve.harbour import WAIT

STATELESS = "2026-07-28"
HANDSHAKE = "2025-11-25"
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"

Message = dict[str, Any]
Frames = Callable[[str], Awaitable[Any]]


class Peer:
    """One client. `answers` maps a method of the server's requests to the result (or error) to answer with."""

    def __init__(self, send: Frames, receive: Callable[[], Awaitable[Any]], *, era: str = "stateless") -> None:
        self._send, self._receive = send, receive
        self.era = era
        self.capabilities: Message = {}
        self.answers: dict[str, Any] = {}
        self.heard: list[Message] = []
        self._next = 0
        self._early: list[Message] = []

    async def send(self, message: Any) -> None:
        """A frame: text as it stands, all else as JSON."""
        async with asyncio.timeout(WAIT):
            await self._send(message if isinstance(message, str) else json.dumps(message))

    async def receive(self) -> Any:
        """The next frame, decoded."""
        async with asyncio.timeout(WAIT):
            return json.loads(await self._receive())

    async def begin(self, method: str, params: Message | None = None, *, id: int | str | None = None) -> int | str:
        """Send a request and do not wait; returns its id."""
        if id is None:
            self._next += 1
            id = self._next
        if self.era == "stateless":
            given = dict(params or {})
            meta = {VERSION: STATELESS, CAPABILITIES: self.capabilities, **given.get("_meta", {})}
            params = {**given, "_meta": meta}
        message = {"jsonrpc": "2.0", "id": id, "method": method}
        await self.send(message if params is None else {**message, "params": params})
        return id

    async def notify(self, method: str, params: Message | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method}
        await self.send(message if params is None else {**message, "params": params})

    async def cancel(self, id: int | str) -> None:
        await self.notify("notifications/cancelled", {"requestId": id})

    async def settle(self, id: int | str) -> Message:
        """The answer to a request; what comes before it is kept in `heard`, questions are answered."""
        for early in self._early:
            if early["id"] == id:
                self._early.remove(early)
                return early
        while True:
            message = await self.receive()
            if "method" not in message and message.get("id") == id:
                return message
            if "method" not in message:
                self._early.append(message)
                continue
            self.heard.append(message)
            await self._reply(message)

    async def _reply(self, message: Message) -> None:
        if "id" not in message or message["method"] not in self.answers:
            return
        answer = self.answers[message["method"]]
        body = answer if "error" in answer else {"result": answer}
        await self.send({"jsonrpc": "2.0", "id": message["id"], **body})

    async def hear(self, method: str) -> Message:
        """The next message of the server's own with this method."""
        while True:
            message = await self.receive()
            assert "method" in message, message
            self.heard.append(message)
            if message["method"] == method:
                return message

    async def ask(self, method: str, params: Message | None = None, *, id: int | str | None = None) -> Message:
        """A request and its answer."""
        return await self.settle(await self.begin(method, params, id=id))

    async def begin_call(self, name: str, arguments: Message | None = None, **more: Any) -> int | str:
        return await self.begin("tools/call", {"name": name, "arguments": arguments or {}, **more})

    async def call(self, name: str, arguments: Message | None = None, **more: Any) -> Message:
        """The result of a call; fails the test where there is an error instead."""
        answer = await self.settle(await self.begin_call(name, arguments, **more))
        assert "result" in answer, answer
        return answer["result"]

    async def shake(self, version: str = HANDSHAKE, **capabilities: Any) -> Message:
        """The handshake; from here on requests are of its era."""
        self.era = "handshake"
        params = {
            "protocolVersion": version,
            "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "1"},
        }
        answer = await self.ask("initialize", params)
        await self.notify("notifications/initialized")
        return answer["result"]

    async def greet(self) -> None:
        """Begin in this client's era: a handshake, or nothing."""
        if self.era == "handshake":
            await self.shake()


def text(result: Message) -> str:
    """The text of a tool's result."""
    return "".join(block["text"] for block in result["content"])


@asynccontextmanager
async def dialled(
    address: str, *, era: str = "stateless", path: str = "/mcp", **options: Any
) -> AsyncIterator[tuple[Peer, ClientConnection]]:
    """A peer on a WebSocket of its own, and that socket."""
    options = {"compression": None, "max_size": None, "open_timeout": WAIT, "proxy": None, **options}
    async with connect(f"ws://{address}{path}", **options) as socket:
        yield Peer(socket.send, socket.recv, era=era), socket


@asynccontextmanager
async def connected(address: str, *, era: str = "stateless", **options: Any) -> AsyncIterator[Peer]:
    """A peer on a WebSocket of its own, already greeted."""
    async with dialled(address, era=era, **options) as (peer, _):
        await peer.greet()
        yield peer
