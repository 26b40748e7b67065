"""A small HTTP server that says what a test tells it to, and keeps the requests as they came."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any


class Request:
    """One request, and the means to answer it."""

    def __init__(
        self, method: str, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        self.method, self.path, self.headers, self.body, self.writer = method, path, headers, body, writer

    @property
    def said(self) -> Any:
        return json.loads(self.body) if self.body else {}

    async def answer(self, status: int, body: Any = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\n{lines}\r\n".encode() + data)
        await self.writer.drain()

    async def result(self, result: Any, **headers: str) -> None:
        await self.answer(200, {"jsonrpc": "2.0", "id": self.said["id"], "result": result}, **headers)

    async def begin_events(self, **headers: str) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 200 X\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n{lines}\r\n"
        self.writer.write(head.encode())
        await self.writer.drain()

    async def event(self, data: Any = "", **fields: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
        self.writer.write(f"{lines}data: {text}\n\n".encode())
        await self.writer.drain()

    def hang_up(self) -> None:
        self.writer.transport.abort()

    def end(self) -> None:
        self.writer.close()


class Web:
    """The server. `act(request)` answers each of them."""

    def __init__(self, act: Callable[[Request], Any]) -> None:
        self.act = act
        self.requests: list[Request] = []
        self.address = ""
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def said(self, method: str = "POST") -> list[str]:
        """The JSON-RPC methods of the requests with this HTTP method."""
        return [one.said.get("method", "") for one in self.requests if one.method == method]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
                method, path, _ = head[0].split(" ")
                pairs = [line.partition(":") for line in head[1:]]
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(method, path, headers, body, writer)
                self.requests.append(request)
                await self.act(request)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            self.tasks.discard(asyncio.current_task())


@asynccontextmanager
async def web(act: Callable[[Request], Any]) -> AsyncIterator[Web]:
    """A server on a free port."""
    made = Web(act)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = "{}:{}".format(*server.sockets[0].getsockname()[:2])
    try:
        yield made
    finally:
        server.close()
        for task in tuple(made.tasks):
            task.cancel()
        if made.tasks:
            await asyncio.wait(tuple(made.tasks))
