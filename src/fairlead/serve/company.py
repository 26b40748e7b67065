"""What goes along with a server while it runs, beside the lines that it accepts: outbound sockets, servers it asks.

It sets out when the event loop runs: with `run()`, with the start of the application that the server is mounted in,
or, where that tells nobody, with the first request.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fairlead.serve.station import Station

logger = logging.getLogger("fairlead")


class Companion(Protocol):
    """One thing that goes along."""

    def begin(self, station: "Station") -> None:
        """The server runs. Called on its loop; raises nothing, and waits for nothing."""

    async def end(self) -> None:
        """The server ends. Bounded in time."""


class Company:
    """All that goes along with one server. The list may grow before it sets out."""

    def __init__(self, members: list[Companion]):
        self._members = members
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def awake(self) -> bool:
        """Whether it has set out, and has not ended."""
        return self._loop is not None

    def joined(self, station: "Station", member: Companion) -> None:
        """One more came: it sets out now, if the others have. Safe from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(member.begin, station)

    def look(self) -> None:
        """A loop that was closed under it has taken it along: it may set out anew."""
        if self._loop is not None and self._loop.is_closed():
            self._loop = None

    def wake(self, station: "Station", by: str) -> None:
        """Set out, if that has not happened."""
        if self.awake or station.closing:
            return
        self._loop = asyncio.get_running_loop()
        for member in self._members:
            member.begin(station)
        if self._members:
            logger.info("What goes along with %r begins with %s.", station.terms.server.name, by)

    async def rest(self) -> None:
        """End, the last one first."""
        if not self.awake:
            return
        self._loop = None
        for member in reversed(self._members):
            await member.end()
