"""HTTP in front, one WebSocket behind: so that a suite that speaks HTTP alone judges the WebSocket line.

    python tests/conformance/shim.py ws://127.0.0.1:8000/mcp

Stands for Streamable HTTP and knows of MCP only what that takes: a body becomes a frame, frames become JSON or a
stream of events, the end of a stateless request becomes `notifications/cancelled`. A handshake session has a socket
of its own, stateless requests share one; `Host` and `Origin` of the request are those of the upgrade. It leaves ids,
params and errors as they are, checks nothing, and keeps nothing: no header is compared with a body, no event can be
asked for again. Batches are not carried.
"""

import asyncio
import json
import socket
import sys
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

VERSION: Final = "io.modelcontextprotocol/protocolVersion"
SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
# What the binding of HTTP says of an answer whose status is still open; the handshake era answers errors with 200.
STATUS: Final = {-32700: 400, -32600: 400, -32602: 400, -32020: 400, -32021: 400, -32022: 400, -32601: 404}
ANY_ERA: Final = {-32700: 400, -32600: 400}


class LineLostError(Exception):
    """The socket closed while an answer was awaited."""


class Line:
    """One socket, and who waits for what comes out of it."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket
        self.waiting: dict[Any, asyncio.Queue[dict[str, Any] | None]] = {}
        self.listening: set[Any] = set()
        self.tokens: dict[Any, Any] = {}
        self.rest: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, host: str, origin: str | None) -> "Line":
        """Connect to where `url` says, with the Host and Origin of somebody else's request."""
        place = urlsplit(url)
        named = f"ws://{host}{place.path}"
        return cls(
            await connect(
                named,
                host=place.hostname,
                port=place.port,
                origin=origin,  # type: ignore[arg-type]
                subprotocols=["mcp"],  # type: ignore[list-item]
                compression=None,
                max_size=None,
                proxy=None,
            )
        )

    async def _read(self) -> None:
        try:
            async for frame in self.socket:
                message = json.loads(frame)
                self._place(message).put_nowait(message)
        except ConnectionClosed:
            pass
        for queue in (*self.waiting.values(), self.rest):
            queue.put_nowait(None)

    def _place(self, message: dict[str, Any]) -> asyncio.Queue[dict[str, Any] | None]:
        """Whose stream a frame belongs on: what it names, else the oldest request that waits, else nobody's."""
        params = message.get("params") or {}
        if "method" not in message:
            named = message.get("id")
        else:
            named = (params.get("_meta") or {}).get(SUBSCRIPTION, self.tokens.get(params.get("progressToken")))
        if named in self.waiting:
            return self.waiting[named]
        if "method" not in message and named is not None:
            return asyncio.Queue()  # Its client left, and the cancellation crossed the answer.
        return next((queue for id, queue in self.waiting.items() if id not in self.listening), self.rest)

    def expect(self, message: dict[str, Any]) -> asyncio.Queue[dict[str, Any] | None]:
        """Where the frames about a request will come."""
        id = message.get("id")
        queue = self.waiting[id] = asyncio.Queue()
        if message.get("method") == "subscriptions/listen":
            self.listening.add(id)
        params = message.get("params") or {}
        token = (params.get("_meta") or {}).get("progressToken")
        if token is not None:
            self.tokens[token] = id
        return queue

    def forget(self, id: Any) -> None:
        """Nobody waits for this any more."""
        self.waiting.pop(id, None)
        self.listening.discard(id)
        self.tokens = {token: owner for token, owner in self.tokens.items() if owner != id}

    async def close(self) -> None:
        """Close the socket and end the reader."""
        await self.socket.close()
        await self.reader


class Shim:
    """The ASGI application."""

    def __init__(self, url: str):
        self._url = url
        self._sessions: dict[str, Line] = {}
        self._shared: dict[tuple[str, str | None], Line] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode("latin-1").strip() for name, value in scope["headers"]}
        act = {"POST": self._post, "GET": self._get, "DELETE": self._delete}.get(scope["method"])
        try:
            if act is None:
                await answer(send, 405)
            else:
                await act(headers, receive, send)
        except InvalidStatus as refused:
            await answer(send, refused.response.status_code, refused.response.body or b"")
        except (LineLostError, ConnectionClosed):
            await answer(send, 502, b'{"error":"the socket closed"}')

    async def close(self) -> None:
        """Close every socket."""
        for line in (*self._sessions.values(), *self._shared.values()):
            await line.close()

    async def _post(self, headers: dict[str, str], receive: Receive, send: Send) -> None:
        body = await whole(receive)
        try:
            message = json.loads(body)
        except ValueError:
            message = {"method": ""}  # The server behind says what it thinks of it, without an id.
        params = message.get("params") or {}
        stateless = VERSION in (params.get("_meta") or {})
        known = headers.get("mcp-session-id")
        session: str | None = None
        if known is not None:
            line = self._sessions.get(known)
            if line is None:
                await answer(send, 404)
                return
        elif message.get("method") == "initialize" and not stateless:
            line = await self._open(headers)
            session = uuid.uuid4().hex
            self._sessions[session] = line
        else:
            line, stateless = await self._line(headers), True
        if "method" not in message or ("id" not in message and message["method"]):
            await line.socket.send(body.decode())
            await answer(send, 202)
            return
        await self._carry(line, message, body, stateless, session, receive, send)

    async def _line(self, headers: dict[str, str]) -> Line:
        key = headers.get("host", ""), headers.get("origin")
        line = self._shared.get(key)
        if line is None or line.reader.done():
            line = self._shared[key] = await self._open(headers)
        return line

    def _open(self, headers: dict[str, str]) -> Awaitable[Line]:
        return Line.open(self._url, headers.get("host", ""), headers.get("origin"))

    async def _carry(
        self,
        line: Line,
        message: dict[str, Any],
        body: bytes,
        stateless: bool,
        session: str | None,
        receive: Receive,
        send: Send,
    ) -> None:
        """One request to its end: JSON if the first frame about it is its answer, a stream of events otherwise."""
        frames = line.expect(message)
        gone = asyncio.ensure_future(left(receive))
        extra = [] if session is None else [(b"mcp-session-id", session.encode())]
        try:
            await line.socket.send(body.decode())
            first = await before(gone, frames)
            if first is not None and "method" not in first:
                code = first.get("error", {}).get("code")
                status = (STATUS if stateless else ANY_ERA).get(code, 200)
                await answer(send, status, json.dumps(first).encode(), extra)
            elif first is not None:
                await events(send, extra)
                while first is not None:
                    await event(send, first, more="method" in first)
                    first = await before(gone, frames) if "method" in first else None
            if gone.done() and stateless:
                told = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": message["id"]}}
                await line.socket.send(json.dumps(told))
        finally:
            gone.cancel()
            line.forget(message.get("id"))

    async def _get(self, headers: dict[str, str], receive: Receive, send: Send) -> None:
        known = headers.get("mcp-session-id")
        if known is None:
            await answer(send, 405)
            return
        line = self._sessions.get(known)
        if line is None:
            await answer(send, 404)
            return
        gone = asyncio.ensure_future(left(receive))
        await events(send)
        try:
            while (message := await before(gone, line.rest)) is not None:
                await event(send, message, more=True)
        except LineLostError:
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _delete(self, headers: dict[str, str], receive: Receive, send: Send) -> None:
        line = self._sessions.pop(headers.get("mcp-session-id", ""), None)
        if line is not None:
            await line.close()
        await answer(send, 404 if line is None else 204)


async def before(gone: "asyncio.Future[None]", frames: asyncio.Queue[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The next frame; None if the client left before it came. Raises LineLostError when the socket closed."""
    coming = asyncio.ensure_future(frames.get())
    await asyncio.wait((gone, coming), return_when=asyncio.FIRST_COMPLETED)
    if not coming.done():
        coming.cancel()
        return None
    message = coming.result()
    if message is None:
        raise LineLostError
    return message


async def whole(receive: Receive) -> bytes:
    """The body of a request."""
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return body


async def left(receive: Receive) -> None:
    """Wait until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(send: Send, status: int, body: bytes = b"", extra: list[tuple[bytes, bytes]] | None = None) -> None:
    """A whole answer, of JSON if it has a body."""
    headers = [(b"content-length", str(len(body)).encode()), *(extra or ())]
    if body:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def events(send: Send, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    """Begin a stream of events."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), *(extra or ())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b": shim\n\n", "more_body": True})


async def event(send: Send, message: dict[str, Any], *, more: bool) -> None:
    """One message on a stream of events."""
    data = f"event: message\ndata: {json.dumps(message)}\n\n".encode()
    await send({"type": "http.response.body", "body": data, "more_body": more})


def main() -> None:
    """Serve on a free port of this machine, and say which on standard output."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", 0))
    sys.stdout.write(f"http://localhost:{place.getsockname()[1]}/mcp\n")
    sys.stdout.flush()
    config = uvicorn.Config(Shim(sys.argv[1]), log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[place])


if __name__ == "__main__":
    main()
