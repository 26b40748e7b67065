"""The line to a server in the same process."""

from typing import Protocol

from fairlead.connect.line import Broken
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

    async def open(self) -> None:
        """It is open."""

    async def send(self, message: Outgoing) -> None:
        """Hand one message over."""
        await self._end.send(message.frame)

    async def receive(self) -> bytes | str | Broken:
        """The next frame. Raises ConnectionLost."""
        return await self._end.receive()

    async def close(self) -> None:
        """End the conversation."""
        self._end.close()
