"""What goes along with a server while it runs, beside the lines that it accepts: outbound sockets, servers it asks.

It sets out when the event loop runs: with `run()`, with the start of the application that the server is mounted in,
or, where that tells nobody, with the first request.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from fairlead.serve.conversation import Conversation
    from fairlead.serve.station import Station

PATIENCE: Final = 10.0
"""Seconds that a server waits for what it goes along with, before it says that it is there."""

logger = logging.getLogger("fairlead")


class Companion(Protocol):
    """One thing that goes along."""

    def begin(self, station: "Station") -> None:
        """The server runs. Called on its loop; raises nothing, and waits for nothing."""

    async def end(self) -> None:
        """The server ends. Bounded in time."""


class Watcher(Protocol):
    """A companion that keeps something for each peer."""

    def left(self, conversation: "Conversation") -> None:
        """A conversation has ended."""

    def heard(self, conversation: "Conversation", notice: str) -> None:
        """A peer notified us of something."""


class Company:
    """All that goes along with one server. The list may grow before it sets out."""

    def __init__(self, members: list[Companion]):
        self._members = members
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awaited: set[asyncio.Future[Any]] = set()
        self._until = 0.0
        self.watchers: list[Watcher] = []
        """Who wants to know of conversations. A companion adds itself when it begins, and goes when it ends."""

    @property
    def ready(self) -> bool:
        """Whether nothing is waited for any more."""
        return not self._awaited

    def await_for(self, future: "asyncio.Future[Any]") -> None:
        """Nobody is answered before this is done, or `PATIENCE` has passed. For `Companion.begin`."""
        self._awaited.add(future)
        future.add_done_callback(self._awaited.discard)

    def hurry(self) -> None:
        """Wait for nothing any more: the server is to end before it began. Safe in the handler of a signal."""
        loop = self._loop
        if loop is not None and self._awaited:
            loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        for future in tuple(self._awaited):
            if not future.done():
                future.cancel()

    async def prepared(self) -> None:
        """Returns when all that is awaited is there, or will not be waited for any longer. Safe to cancel."""
        if self._awaited:
            left = self._until - asyncio.get_running_loop().time()
            await asyncio.wait(tuple(self._awaited), timeout=max(0.0, left))
            self._awaited.clear()

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
        self._until = self._loop.time() + PATIENCE
        for member in self._members:
            member.begin(station)
        if self._members:
            logger.info("What goes along with %r begins with %s.", station.terms.server.name, by)

    async def rest(self) -> None:
        """End, the last one first."""
        loop, self._loop = self._loop, None
        if loop is asyncio.get_running_loop():
            await self._end()
        elif loop is not None and loop.is_running():
            # It set out on another thread: something was dialled there before the server ran.
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._end(), loop))

    async def _end(self) -> None:
        self._awaited.clear()
        for member in reversed(self._members):
            await member.end()
