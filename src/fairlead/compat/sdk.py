"""The WebSocket transports that the official SDK had and has removed, for its sessions and servers of today.

    from fairlead.compat.sdk import websocket_client

    async with mcp.Client(websocket_client("ws://127.0.0.1:8000/mcp")) as client:
        ...

Each gives the SDK's pair of streams, and has the signature of its predecessor. Backpressure goes through: a side that
does not read is not read from. Refuses binary frames (1003); what is no message is handed to the session as an
exception, as over stdio. Needs the extra `sdk`.
"""

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from fairlead.connect.line import ConnectError
from fairlead.serve.websocket import BINARY, SUBPROTOCOL, Receive, Scope, Send

_FRAME_BYTES: Final = 16 * 1024 * 1024
_PING_SECONDS: Final = 15.0

Streams = tuple[Any, Any]
"""What the SDK calls read stream and write stream: the messages of the other side, and ours."""


@asynccontextmanager
async def websocket_client(
    url: str, headers: Mapping[str, str] | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Streams, None]:
    """A transport for `mcp.Client` and `mcp.ClientSession`. Raises ConnectError where nobody answers at the address."""
    options: dict[str, Any] = {} if tls is None else {"ssl": tls}
    try:
        socket = await connect(
            url,
            additional_headers=headers,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            max_size=_FRAME_BYTES,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PING_SECONDS,
            **options,
        )
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        raise ConnectError(f"The server refused the connection ({status}).", final=True, status=status) from None
    except (InvalidHandshake, InvalidURI, OSError, TimeoutError) as fault:
        # Its text may hold the address, and that a token.
        raise ConnectError(f"The server could not be reached ({type(fault).__name__}).") from None
    async with socket, _Joint() as joint:
        joint.tasks.start_soon(_receive, socket, joint)
        joint.tasks.start_soon(_send, socket, joint)
        yield joint.read, joint.write


async def _receive(socket: ClientConnection, joint: "_Joint") -> None:
    async with joint.inward:
        try:
            async for frame in socket:
                if isinstance(frame, bytes):
                    await socket.close(BINARY, "messages are text frames")
                    return
                await joint.inward.send(_message(frame))
        except (ConnectionClosed, anyio.BrokenResourceError):
            pass  # Either side has gone; the session sees the end of its stream.


async def _send(socket: ClientConnection, joint: "_Joint") -> None:
    async with joint.outward:
        try:
            async for message in joint.outward:
                await socket.send(_frame(message))
        except ConnectionClosed:
            pass  # Whoever sends on finds the stream closed, and the reader sees its end.


@asynccontextmanager
async def websocket_server(scope: Scope, receive: Receive, send: Send) -> AsyncGenerator[Streams, None]:
    """A transport for a server of the SDK's, inside an ASGI application: accepts the socket, and closes it at the end.

    `await server.run(read, write, server.create_initialization_options())` inside it serves the one client. Raises
    ConnectError for a scope that is no WebSocket, and for a client that left at once.
    """
    if scope["type"] != "websocket":
        raise ConnectError("This is no WebSocket.", final=True)
    if (await receive())["type"] != "websocket.connect":
        raise ConnectError("The client left before it was accepted.")
    offered = scope.get("subprotocols") or []
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if SUBPROTOCOL in offered else None})
    gone = anyio.Event()
    async with _Joint() as joint:
        joint.tasks.start_soon(_take, receive, send, joint, gone)
        joint.tasks.start_soon(_give, send, joint, gone)
        yield joint.read, joint.write
        await joint.flush()
    if not gone.is_set():
        await send({"type": "websocket.close", "code": 1000})


async def _take(receive: Receive, send: Send, joint: "_Joint", gone: anyio.Event) -> None:
    async with joint.inward:
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                gone.set()
                return
            text = event.get("text")
            if text is None:
                gone.set()
                await send({"type": "websocket.close", "code": BINARY, "reason": "messages are text frames"})
                return
            try:
                await joint.inward.send(_message(text))
            except anyio.BrokenResourceError:
                return  # The server has stopped to read.


async def _give(send: Send, joint: "_Joint", gone: anyio.Event) -> None:
    async with joint.outward:
        async for message in joint.outward:
            if gone.is_set():
                return
            try:
                await send({"type": "websocket.send", "text": _frame(message)})
            except OSError:
                gone.set()
                return
    joint.flushed.set()


class _Joint:
    """Two pairs of streams without a buffer, and the tasks that move messages between them and a socket."""

    def __init__(self) -> None:
        self.inward, self.read = anyio.create_memory_object_stream[Any](0)
        self.write, self.outward = anyio.create_memory_object_stream[Any](0)
        self.flushed = anyio.Event()
        self.tasks: TaskGroup = anyio.create_task_group()

    async def __aenter__(self) -> "_Joint":
        await self.tasks.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> Any:
        self.tasks.cancel_scope.cancel()
        # What the body raised goes on as it is, and not in a group.
        cancelled = exc[0] is not None and issubclass(exc[0], anyio.get_cancelled_exc_class())
        try:
            ended = await self.tasks.__aexit__(*(exc if cancelled else (None, None, None)))
            return ended if cancelled else None
        finally:
            for stream in (self.inward, self.read, self.write, self.outward):
                stream.close()

    async def flush(self) -> None:
        """Wait a moment until what was written is with the socket."""
        self.write.close()
        with anyio.move_on_after(1):
            await self.flushed.wait()


def _message(text: str) -> Any:
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValueError as fault:
        return fault


def _frame(message: Any) -> str:
    text: str = message.message.model_dump_json(by_alias=True, exclude_unset=True)
    return text
