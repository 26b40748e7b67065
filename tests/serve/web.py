"""An HTTP client that shows everything: each header, each event of a stream, the moment a connection ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fairlead import Fairlead
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import CAPABILITIES, HANDSHAKE, STATELESS, VERSION

Message = dict[str, Any]
BOTH = "application/json, text/event-stream"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class Event(NamedTuple):
    """One event of a stream."""

    id: str | None
    kind: str
    data: str

    @property
    def message(self) -> Any:
        return json.loads(self.data)


@dataclass
class Answer:
    """One response: whole, or with its events still to come."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    web: "Web | None" = field(default=None, repr=False)

    @property
    def streams(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> Any:
        """The JSON-RPC code, or the name, of an error."""
        return self.json["error"]["code"]

    async def event(self) -> Event | None:
        """The next event with data; None at the end of the stream."""
        assert self.web is not None and self.streams
        while (event := await self.web.next_event()) is not None:
            if event.data:
                return event
        return None

    async def any_event(self) -> Event | None:
        """The next event, also one without data."""
        assert self.web is not None
        return await self.web.next_event()

    async def message(self) -> Any:
        """The message of the next event."""
        event = await self.event()
        assert event is not None, "the stream ended"
        return event.message

    async def rest(self) -> list[Event]:
        """All events up to the end."""
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events


class Web:
    """One connection; every wait is bounded."""

    def __init__(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.address, self.reader, self.writer = address, reader, writer
        self.session: str | None = None
        self.version = HANDSHAKE
        self._buffer = b""
        self._next = 0

    async def write(self, data: bytes) -> None:
        """Raw bytes."""
        self.writer.write(data)
        async with asyncio.timeout(WAIT):
            await self.writer.drain()

    async def send(self, method: str, path: str = "/mcp", headers: Any = (), body: bytes | None = None) -> None:
        """A request. `headers`: a dictionary (None leaves one out), or pairs where one stands twice."""
        pairs: list[tuple[str, str | None]] = list(headers.items() if isinstance(headers, dict) else headers)
        named = {name.lower() for name, _ in pairs}
        defaults: dict[str, str] = {"host": self.address}
        if body is not None:
            defaults |= {"content-type": "application/json", "accept": BOTH, "content-length": str(len(body))}
        lines = [f"{name}: {value}" for name, value in defaults.items() if name not in named]
        lines += [f"{name}: {value}" for name, value in pairs if value is not None]
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
        await self.write(head.encode("latin-1") + (body or b""))

    async def answer(self, *, to: str = "") -> Answer:
        """The next response: with its body, but for a stream of events."""
        async with asyncio.timeout(WAIT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.strip().split("\r\n")
            headers: dict[str, str] = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = (
                    f"{headers[name.lower()]}, {value.strip()}" if name.lower() in headers else value.strip()
                )
            answer = Answer(int(status.split(" ")[1]), headers, web=self)
            if not answer.streams and to != "HEAD":
                answer.body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            self._buffer = b""
            return answer

    async def ask(self, method: str, path: str = "/mcp", headers: Any = (), body: bytes | None = None) -> Answer:
        """A request and its response."""
        await self.send(method, path, headers, body)
        return await self.answer(to=method)

    async def next_event(self) -> Event | None:
        """The next event, comments left out."""
        async with asyncio.timeout(WAIT):
            while True:
                while b"\n\n" not in self._buffer:
                    piece = await self._chunk()
                    if not piece:
                        return None
                    self._buffer += piece
                text, _, self._buffer = self._buffer.partition(b"\n\n")
                fields: dict[str, str] = {}
                for line in text.decode().split("\n"):
                    name, _, value = line.partition(":")
                    if name:
                        fields[name] = value.removeprefix(" ")
                if fields:
                    return Event(fields.get("id"), fields.get("event", "message"), fields.get("data", ""))

    async def _chunk(self) -> bytes:
        try:
            size = int(await self.reader.readline() or b"0", 16)
            data = await self.reader.readexactly(size + 2)
        except (ConnectionError, asyncio.IncompleteReadError):
            return b""
        return data[:-2]

    async def ended(self) -> bytes:
        """What still comes, once the server has ended the connection."""
        async with asyncio.timeout(WAIT):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    def drop(self) -> None:
        """Break off."""
        self.writer.transport.abort()

    # Messages.

    def stateless(
        self, method: str, params: Message | None = None, *, id: Any = 1, **meta: Any
    ) -> tuple[dict[str, str | None], bytes]:
        """The headers and the body of a stateless request."""
        given = dict(params or {})
        given["_meta"] = {VERSION: STATELESS, CAPABILITIES: {}, **given.get("_meta", {}), **meta}
        headers: dict[str, str | None] = {"mcp-protocol-version": STATELESS, "mcp-method": method}
        if method in NAMED:
            headers["mcp-name"] = given[NAMED[method]]
        return headers, json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": given}).encode()

    async def modern(
        self, method: str, params: Message | None = None, *, id: Any = 1, headers: Any = None, **meta: Any
    ) -> Answer:
        """A stateless request and its response; `headers` replace those that it would have."""
        own, body = self.stateless(method, params, id=id, **meta)
        return await self.ask("POST", headers={**own, **(headers or {})}, body=body)

    async def call(
        self, tool: str, arguments: Message | None = None, *, headers: Any = None, more: Any = None, **meta: Any
    ) -> Answer:
        """A stateless call of a tool."""
        params = {"name": tool, "arguments": arguments or {}, **(more or {})}
        return await self.modern("tools/call", params, headers=headers, **meta)

    async def post(self, message: Any, **headers: str | None) -> Answer:
        """A message of the handshake era, in this client's session."""
        await self.send_post(message, **headers)
        return await self.answer()

    async def send_post(self, message: Any, **headers: str | None) -> None:
        """The same, without waiting for the response."""
        named: dict[str, str | None] = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.session is not None:
            named = {"mcp-session-id": self.session, "mcp-protocol-version": self.version, **named}
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        await self.send("POST", headers=named, body=body)

    async def shake(self, version: str = HANDSHAKE, **capabilities: Any) -> Answer:
        """The handshake; from here on messages are of this session."""
        hello = await self.post(initialize(version, **capabilities))
        assert hello.status == 200, hello
        self.session, self.version = hello.headers.get("mcp-session-id"), version
        assert (await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).status == 202
        return hello

    async def listen(self, **headers: str | None) -> Answer:
        """GET of this session's own stream."""
        named: dict[str, str | None] = {"accept": "text/event-stream", "mcp-session-id": self.session}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("GET", headers={**named, "mcp-protocol-version": self.version})


def initialize(version: str = HANDSHAKE, **capabilities: Any) -> Message:
    params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def request(id: Any, method: str, params: Message | None = None) -> Message:
    return {"jsonrpc": "2.0", "id": id, "method": method, **({} if params is None else {"params": params})}


def called(id: Any, tool: str, arguments: Message | None = None, **more: Any) -> Message:
    return request(id, "tools/call", {"name": tool, "arguments": arguments or {}, **more})


@asynccontextmanager
async def web(address: str, like: Web | None = None, *, limit: int = 8 * 1024 * 1024) -> AsyncIterator[Web]:
    """A connection; with `like`, in the session of another one."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(WAIT):
        reader, writer = await asyncio.open_connection(host, int(port), limit=limit)
    one = Web(address, reader, writer)
    if like is not None:
        one.session, one.version = like.session, like.version
    try:
        yield one
    finally:
        writer.transport.abort()


@asynccontextmanager
async def served(mcp: Fairlead) -> AsyncIterator[Web]:
    """A connection to a server of its own, which leaves nothing behind: no task, no conversation."""
    app = mcp.asgi()
    async with docked(mcp, app) as address:
        tasks = len(asyncio.all_tasks())
        async with web(address) as one:
            yield one
        await settled(mcp, tasks, keeping=open_sessions(app))


def endpoint(app: Any) -> Any:
    """The application inside its guards."""
    while hasattr(app, "_app"):
        app = app._app
    return app


def open_sessions(app: Any) -> int:
    return len(endpoint(app)._http.sessions)


async def settled(mcp: Fairlead, tasks: int, *, keeping: int = 0) -> None:
    """Wait until no more tasks run than `tasks`, and no conversation is left but those of `keeping` sessions."""
    async with asyncio.timeout(WAIT):
        while len(asyncio.all_tasks()) > tasks or len(mcp.station.conversations) > keeping:
            await asyncio.sleep(0.01)
    assert mcp.station.in_flight() == 0
