"""The bare echo, except that every sum is wrong by one: what a check of answers must find out."""

from collections.abc import Awaitable, Callable
from typing import Any

from bench.servers.echo_app import app as honest

Message = dict[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve one connection."""

    async def lie() -> Message:
        message = await receive()
        return {**message, "text": message["text"].replace('"b":7', '"b":8')} if "text" in message else message

    await honest(scope, lie, send)
