"""The way out to a peer that may read slowly, or not at all.

Counts what waits. While more waits than the bound, nothing further is read from that peer; if then nothing moves for
a while, the peer is given up. Its neighbours share nothing with it, so they feel nothing.
"""

import asyncio
from collections.abc import Callable


class Outlet:
    """The bytes between us and one peer. `unsent` tells what the transport still holds, `give_up` drops the peer."""

    __slots__ = ("_bound", "_give_up", "_loop", "_moved", "_room", "_stall", "_timer", "_unsent", "_waiting")

    def __init__(
        self,
        *,
        bound: int,
        stall: float,
        unsent: Callable[[], int],
        give_up: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ):
        self._bound = bound
        self._stall = stall
        self._unsent = unsent
        self._give_up = give_up
        self._loop = loop
        self._waiting = 0
        self._moved = 0
        self._room: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, size: int) -> None:
        """`size` bytes are about to be sent."""
        if self._timer is None and self.queued() > self._bound:
            self._watch()
        self._waiting += size

    def leave(self, size: int) -> None:
        """They were handed over, or could not be."""
        self._waiting -= size
        self._moved += size

    def queued(self) -> int:
        """Bytes that wait for this peer."""
        return self._waiting + self._unsent()

    def waiting(self) -> int:
        """Bytes that are not even with the transport yet."""
        return self._waiting

    async def room(self) -> None:
        """Returns at once unless the peer is behind; then when it has caught up."""
        if self._timer is None:
            return
        if self._room is None:
            self._room = self._loop.create_future()
        await asyncio.shield(self._room)

    def close(self) -> None:
        """Nothing goes out any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._release()

    def _watch(self) -> None:
        self._timer = self._loop.call_later(self._stall, self._look, self._moved, self._unsent())

    def _look(self, moved: int, unsent: int) -> None:
        self._timer = None
        if self.queued() <= self._bound:
            self._release()
        elif self._moved == moved and self._unsent() >= unsent:
            self._release()
            self._give_up()
        else:
            self._watch()

    def _release(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None
