"""The floor: a WebSocket that answers each text with the shape of a tool's result, one by one.

It refuses everything a server needs beyond that: no tasks, no checks, no handshake.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

Message = dict[str, Any]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Serve one connection."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            answer = _encode(_answer(_decode(message["text"])))
            await send({"type": "websocket.send", "text": answer.decode()})


def _answer(request: Message) -> Message:
    arguments = request["params"]["arguments"]
    value: int | str
    if request["params"]["name"] == "add":
        value = arguments["a"] + arguments["b"]
    else:
        value = "x" * arguments["size"]
    return {
        "jsonrpc": "2.0",
        "id": request["id"],
        "result": {
            "content": [{"type": "text", "text": str(value)}],
            "structuredContent": {"result": value},
            "isError": False,
        },
    }


async def _live(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
