"""The line to a server in the same process."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from fairlead.connect.line import Sink
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import Outgoing


class End(Protocol):
    """The client's end of a line inside the process (`serve.memory.MemoryLine` is one)."""

    async def send(self, frame: bytes | str) -> None:
        """Hand a frame to the server."""

    async def receive(self) -> bytes:
        """The server's next frame; raises ConnectionLost once closed."""

    def close(self) -> None:
        """End the conversation."""


class Memory:
    """A line over such an end."""

    def __init__(self, end: End):
        self._end = end
        self._reader: asyncio.Task[None] | None = None

    async def open(self, sink: Sink) -> None:
        """It is open; from here on it is read."""
        self._reader = asyncio.create_task(self._read(sink))

    async def _read(self, sink: Sink) -> None:
        try:
            while True:
                sink.take(await self._end.receive())
        except ConnectionLost as lost:
            sink.lost(lost)

    def put(self, message: Outgoing) -> Awaitable[None]:
        """Hand one message over."""
        return self._end.send(message.frame)

    async def close(self) -> None:
        """End the conversation."""
        if self._reader is not None:
            self._reader.cancel()
        self._end.close()
