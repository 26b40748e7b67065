"""What every line that we open can do, and how it tells that it cannot any more.

A line opens once. Whoever wants another makes another: it keeps no state that a reconnection would need.
"""

from typing import Protocol

import msgspec

from fairlead.errors import LineError
from fairlead.kernel.client import Outgoing


class ConnectError(LineError):
    """The line could not be opened. `final`: trying again changes nothing (credentials, address, protocol)."""

    def __init__(self, message: str, *, final: bool = False, status: int | None = None):
        super().__init__(message)
        self.final = final
        self.status = status


class Broken(msgspec.Struct):
    """Instead of a frame: the answer to one request will not come, while the line goes on."""

    id: int
    error: Exception


class Line(Protocol):
    """One connection to a server."""

    async def open(self) -> None:
        """Connect. Raises ConnectError. Cancelling it leaves nothing behind."""

    async def send(self, message: Outgoing) -> None:
        """Hand one message over. Raises ConnectionLost, with `not_sent` if it did not leave this process."""

    async def receive(self) -> bytes | str | Broken:
        """The next frame. Raises ConnectionLost when the line is gone. Safe to cancel."""

    async def close(self) -> None:
        """End the line. Safe to call twice, and on a line that never opened."""
