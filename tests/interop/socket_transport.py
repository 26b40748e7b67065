"""The official SDK's client over our WebSocket line: its pair of streams on one side, text frames on the other.

It refuses a server that does not echo the subprotocol. As over stdio, what cannot be read is handed to the session as
an exception, and the end of the socket is the end of the stream.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("mcp")


def read(frame: str | bytes) -> SessionMessage | Exception:
    """A frame as the session takes it."""
    if isinstance(frame, bytes):
        return TypeError("a binary frame")
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(frame, by_name=False))
    except ValueError as fault:
        return fault


@asynccontextmanager
async def socket_transport(url: str, **options: Any) -> AsyncIterator[TransportStreams]:
    """A transport for `mcp.Client`. Further options are those of `websockets.connect`."""
    options = {"compression": None, "max_size": None, "proxy": None, **options}
    async with connect(url, subprotocols=[SUBPROTOCOL], **options) as socket:
        if socket.subprotocol != SUBPROTOCOL:
            raise ConnectionError(f"the server chose the subprotocol {socket.subprotocol!r}")
        async with joined(socket) as streams:
            yield streams


@asynccontextmanager
async def joined(socket: ClientConnection) -> AsyncIterator[TransportStreams]:
    """The streams of an open socket. What the session accepted is sent before the socket closes."""
    inward, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, outward = anyio.create_memory_object_stream[SessionMessage](0)

    async def receive() -> None:
        async with inward:
            try:
                async for frame in socket:
                    await inward.send(read(frame))
            except (ConnectionClosed, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass  # Either side has gone; the session sees the end of its stream.

    async def send() -> None:
        async with outward:
            try:
                async for message in outward:
                    await socket.send(message.message.model_dump_json(by_alias=True, exclude_unset=True))
            except ConnectionClosed:
                await inward.aclose()

    async with incoming, outgoing, anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        tasks.start_soon(send)
        try:
            yield incoming, outgoing
        finally:
            tasks.cancel_scope.cancel()
