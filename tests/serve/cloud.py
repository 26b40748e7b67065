"""The far side of a dial: what waits at the other end of an outbound socket, as clouds and relays do."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

from tests.serve.harbour import WAIT
from tests.serve.peer import Peer

TOKEN = "s3cret-token-77"


class Caller(Peer):
    """One tool that dialled in. Asks as a client, keeps the frames as they came."""

    def __init__(self, socket: ServerConnection) -> None:
        super().__init__(self._put, self._get, era="handshake")
        self.socket = socket
        self.frames: list[str] = []

    async def _put(self, text: str) -> None:
        await self.socket.send(text + "\n")  # As the official cloud's peers have it.

    async def _get(self) -> str:
        frame = await self.socket.recv()
        assert isinstance(frame, str)
        self.frames.append(frame)
        return frame

    async def gone(self) -> tuple[int, str]:
        """The code and the reason of its close, once it is there."""
        async with asyncio.timeout(WAIT):
            await self.socket.wait_closed()
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def official(self) -> list[str]:
        """The beginning of the official cloud: ids count from 0. Returns the names of the tools."""
        hello = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "xz", "version": "1"}}
        first = await self.ask("initialize", hello, id=0)
        assert first["id"] == 0 and "result" in first, first
        await self.notify("notifications/initialized")
        listed = await self.ask("tools/list", {}, id=1)
        return [tool["name"] for tool in listed["result"]["tools"]]


class Cloud:
    """A WebSocket server whose `arrival` is the next tool that dials in."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Caller] = asyncio.Queue()
        self.callers: list[Caller] = []
        self.paths: list[str] = []
        self.greet: Callable[[ServerConnection], Any] | None = None
        """What is done with a socket instead of keeping it."""

        self.refuse: Callable[[ServerConnection, Any], Any] | None = None
        """An HTTP answer instead of the upgrade, or None."""

        self.server: Server | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"ws://127.0.0.1:{self.port}/mcp_endpoint/mcp/?token={TOKEN}"

    @property
    def port(self) -> int:
        assert self.server is not None
        return next(iter(self.server.sockets)).getsockname()[1]

    async def arrival(self, within: float = WAIT) -> Caller:
        async with asyncio.timeout(within):
            return await self._arrived.get()

    async def handle(self, socket: ServerConnection) -> None:
        if self.greet is not None:
            await self.greet(socket)
            return
        caller = Caller(socket)
        self.callers.append(caller)
        self._arrived.put_nowait(caller)
        await socket.wait_closed()

    def process(self, connection: ServerConnection, request: Any) -> Any:
        self.paths.append(request.path)
        return None if self.refuse is None else self.refuse(connection, request)


@asynccontextmanager
async def cloud(**options: Any) -> AsyncIterator[Cloud]:
    """A far side on a free port, closed at the end with all that dialled in."""
    far = Cloud()
    options = {"compression": None, "ping_interval": None, "close_timeout": 0.2, **options}
    async with serve(far.handle, "127.0.0.1", 0, process_request=far.process, **options) as far.server:
        yield far
        for caller in far.callers:
            caller.socket.transport.abort()


def line(message: Any) -> str:
    """A frame as the far side sends it."""
    return json.dumps(message) + "\n"
