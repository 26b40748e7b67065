"""Keeps one conversation alive: opens it, sees it break, opens the next.

Waits between attempts with full jitter, from half a second to thirty, anew after a line that held. Stops
where trying again changes nothing: the server's policy, or credentials that it does not take.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from fairlead.connect.conversation import Conversation
from fairlead.connect.line import ConnectError
from fairlead.errors import ConnectionLost, RequestTimeout

STOP: Final = frozenset({1002, 1003, 1007, 1008, 1010, 4001, 4003})
"""Close codes after which nobody comes back: what we send, or who we are, is not taken."""


class Backoff(msgspec.Struct, kw_only=True):
    """How long to wait before the next attempt."""

    first: float = 0.5
    most: float = 30.0
    held: float = 5.0
    """Seconds after which a line counts as good, and the waiting begins anew."""

    tries: int = 0

    def next(self) -> float:
        """A random time up to a bound that doubles: many clients that lost one server come back one by one."""
        bound = min(self.most, self.first * 2.0**self.tries)
        self.tries = min(self.tries + 1, 16)
        return random.uniform(0, bound)

    def opened_for(self, seconds: float) -> None:
        """A line was up for so long."""
        if seconds >= self.held:
            self.tries = 0


class Lifeline:
    """The current conversation, and the task that sees to it that there is one."""

    def __init__(
        self, make: Callable[[], Awaitable[Conversation]], *, reconnect: bool, backoff: Backoff | None = None
    ) -> None:
        self._make = make
        self.reconnects = reconnect
        self._backoff = backoff or Backoff()
        self._ready = asyncio.Event()
        self.current: Conversation | None = None
        self._ended: Exception | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """The first conversation. Raises ConnectError, ConnectionLost or RequestTimeout: it is not tried twice."""
        self.current = await self._make()
        self._ready.set()
        self._keeper = asyncio.create_task(self._keep())

    async def conversation(self) -> Conversation:
        """The conversation that is open, once one is. Raises what ended the lifeline, if something did."""
        while True:
            if self._ended is not None:
                raise ConnectionLost(str(self._ended), state="not_sent")
            if self.current is not None and not self.current.lost.done():
                return self.current
            self._ready.clear()
            await self._ready.wait()

    async def close(self) -> None:
        """End it all."""
        self._finish(ConnectionLost("The client was closed.", state="not_sent"))
        if self._keeper is not None:
            self._keeper.cancel()
        if self.current is not None:
            await self.current.close()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while self.current is not None:
            since = loop.time()
            lost = await self.current.lost
            await self.current.close()
            self._backoff.opened_for(loop.time() - since)
            if not self.reconnects or lost.code in STOP:
                self._finish(lost)
                return
            self.current = await self._again()
            self._ready.set()

    async def _again(self) -> Conversation | None:
        while True:
            await asyncio.sleep(self._backoff.next())
            try:
                return await self._make()
            except ConnectError as fault:
                if fault.final:
                    self._finish(fault)
                    return None
            except (ConnectionLost, RequestTimeout):
                continue  # It broke again before anything was agreed.

    def _finish(self, why: Exception) -> None:
        if self._ended is None:
            self._ended = why
        self._ready.set()
