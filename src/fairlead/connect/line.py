"""What every line that we open can do, and how it tells that it cannot any more.

A line opens once. Whoever wants another makes another: it keeps no state that a reconnection would need. What arrives
is pushed into a sink, in the turn of the loop in which it arrived: no task and no queue stand between.
"""

from collections.abc import Awaitable
from typing import Protocol

import msgspec

from fairlead.errors import ConnectionLost, LineError
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


Arrived = bytes | str | Broken


class Sink(Protocol):
    """Where a line puts what arrives. Neither method raises."""

    def take(self, arrived: Arrived) -> None:
        """A frame, or the news that one will not come."""

    def lost(self, why: ConnectionLost) -> None:
        """The line is gone; nothing more arrives. Told at most once, and not after `close`."""


class Line(Protocol):
    """One connection to a server."""

    async def open(self, sink: Sink) -> None:
        """Connect. Raises ConnectError. Cancelling it leaves nothing behind once `close` was called."""

    def put(self, message: Outgoing) -> Awaitable[None] | None:
        """Hand one message over; what is returned is to be awaited before it counts as handed over.

        Raises ConnectionLost (here, or where it is awaited), with `not_sent` if it did not leave this process.
        """

    async def close(self) -> None:
        """End the line. Safe to call twice, and on a line that never opened."""
