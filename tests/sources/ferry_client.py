"""FastMCP's client over a WebSocket, which it lacks: a program for the environment that has FastMCP.

Its argument is the URL; it writes what it found there as JSON.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp.client import Client
from fastmcp.client.transports import ClientTransport
from fastmcp.client.transports.base import TransportOptions

from fairlead.compat.sdk import websocket_client


class WebSocketTransport(ClientTransport):
    """The line that FastMCP's client has no transport for."""

    def __init__(self, url: str):
        self.url = url

    @asynccontextmanager
    async def connect_session(self, *, transport_options: Any = None, **options: Any) -> AsyncIterator[Any]:
        """A session on a socket."""
        async with websocket_client(self.url) as (read, write):
            make = (transport_options or TransportOptions()).session_class
            async with make(read, write, **options) as session:
                yield session


async def main(url: str) -> None:
    """Look, and call."""
    told: list[Any] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append([done, total, message])

    async with Client(WebSocketTransport(url), timeout=8, progress_handler=progress) as client:
        tools = [tool.name for tool in await client.list_tools()]
        crossed = await client.call_tool("cross")
        print(json.dumps({"tools": tools, "crossed": crossed.data, "progress": told}))


asyncio.run(main(sys.argv[-1]))
