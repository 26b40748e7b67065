"""A line inside the process: for tests, and for calls of a server by its own program."""

import asyncio

from fairlead.errors import ConnectionLost
from fairlead.kernel import Call
from fairlead.serve.conversation import Conversation
from fairlead.serve.station import Station


class MemoryLine:
    """Both ends of a line: `send` a client's frame, `receive` the server's. Close it, or use it in `async with`."""

    def __init__(self, station: Station):
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._closed = False
        self._conversation = Conversation(station, station.session(), self._put)

    async def __aenter__(self) -> "MemoryLine":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    async def send(self, frame: bytes | str) -> None:
        """Hand a frame to the server. Raises ConnectionLost once the line is closed."""
        if self._closed:
            raise ConnectionLost("The line was closed.", state="not_sent")
        await self._conversation.receive(frame)

    async def receive(self) -> bytes:
        """The server's next frame. Raises ConnectionLost once the line is closed."""
        frame = await self._frames.get()
        if frame is None:
            self._frames.put_nowait(None)  # For whoever asks next.
            raise ConnectionLost("The line was closed.", state="unknown_outcome")
        return frame

    def close(self) -> None:
        """End the conversation. Closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._conversation.close()
            self._frames.put_nowait(None)

    async def _put(self, frame: bytes, about: Call | None) -> None:
        self._frames.put_nowait(frame)
