"""The floor: each text, of a WebSocket or a POST, is answered with the shape of a tool's result.

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
    elif scope["type"] == "http":
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        answer = _encode(_answer(_decode(body)))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


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
