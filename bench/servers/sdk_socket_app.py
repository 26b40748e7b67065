"""The official SDK's kernel behind a WebSocket, as its users would write it since the SDK has none.

It does for a socket what the SDK's stdio line does for lines, and refuses to do anything smarter.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import mcp_types
from mcp.shared._context_streams import create_context_streams
from mcp.shared.message import SessionMessage
from sdk_app import server

Message = dict[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Serve one connection."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    kernel = server._lowlevel_server
    inward, incoming = create_context_streams[SessionMessage | Exception](0)
    outgoing, outward = create_context_streams[SessionMessage](0)

    async def read() -> None:
        async with inward:
            while (message := await receive())["type"] == "websocket.receive":
                parsed = mcp_types.jsonrpc_message_adapter.validate_json(message["text"], by_name=False)
                await inward.send(SessionMessage(parsed))

    async def write() -> None:
        async with outward:
            async for message in outward:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await send({"type": "websocket.send", "text": text})

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        group.start_soon(write)
        await kernel.run(incoming, outgoing, kernel.create_initialization_options())
        group.cancel_scope.cancel()
