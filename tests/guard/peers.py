"""A real uvicorn server in a thread, and peers made of raw bytes that behave as badly as a test needs."""

import asyncio
import queue
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from fairlead.guard import protocol

HEAD = (
    b"GET /line?token=s3cret HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class App:
    """Echoes. What a test wants to know of its inside stands in `seen`; what it should wait for, in `go`."""

    def __init__(self) -> None:
        self.seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.go = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.http(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await self.socket(scope, receive, send)

    async def http(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                self.seen.put("http.disconnect")
                return
            body += event["body"]
            more = event["more_body"]
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def socket(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await self.message(event, send)
        self.seen.put(event)

    async def message(self, event: Any, send: Any) -> None:
        await send({**event, "type": "websocket.send"})

    async def next_seen(self) -> Any:
        return await asyncio.to_thread(self.seen.get, True, 5)

    async def held(self) -> None:
        """Wait for `go`, without holding up the loop."""
        assert await asyncio.to_thread(self.go.wait, 5)


@contextmanager
def served(app: Any, *, loop: str = "uvloop", limits: dict[str, Any] | None = None, **options: Any) -> Iterator[int]:
    """The port of a server that runs as long as the block."""
    http, ws = protocol.guarded_protocols(protocol.ProtocolLimits(**(limits or {})))
    with socket.socket() as listener:
        # Inherited by what is accepted: with room for megabytes in the system, no flood would reach our buffers.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        defaults: dict[str, Any] = {"ws_max_size": 65_536, "ws_per_message_deflate": False, "lifespan": "off"}
        config = uvicorn.Config(app, http=http, ws=ws, loop=loop, log_config=None, **(defaults | options))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="uvicorn")
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive(), "the server does not end"


class Peer:
    """Bytes out, bytes in; every wait bounded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        async with asyncio.timeout(8):
            await self.writer.drain()

    async def head(self) -> str:
        async with asyncio.timeout(5):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def body(self, head: str) -> bytes:
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        async with asyncio.timeout(5):
            return await self.reader.readexactly(length)

    async def get(self) -> str:
        await self.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return await self.head()

    async def upgrade(self, extra: bytes = b"") -> str:
        await self.send(HEAD + extra + b"\r\n")
        return await self.head()

    async def frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(5):
            first, length = await self.reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        """The code of the close frame that comes next, after which the stream has to end."""
        opcode, payload = await self.frame()
        assert opcode == CLOSE, (opcode, payload[:40])
        assert await self.rest() == b""
        return int.from_bytes(payload[:2])


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, length: int | None = None) -> bytes:
    """A masked frame (with a mask of zeroes); `length` may lie."""
    size = len(payload) if length is None else length
    first = opcode | (0x80 if fin else 0)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


@asynccontextmanager
async def connected(port: int, *, upgraded: bool = False, deaf: bool = False) -> AsyncIterator[Peer]:
    """A peer; `deaf`: with little room for what it does not read."""
    raw = socket.socket()
    raw.setblocking(False)
    if deaf:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=4_096 if deaf else 65_536)
    peer = Peer(reader, writer)
    try:
        if upgraded:
            assert (await peer.upgrade()).startswith("HTTP/1.1 101 ")
        yield peer
    finally:
        writer.transport.abort()
        await _gone(writer.wait_closed)


async def _gone(wait: Callable[[], Any]) -> None:
    try:
        async with asyncio.timeout(5):
            await wait()
    except OSError:
        pass
