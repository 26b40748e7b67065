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
from fairlead.connect.credentials import Credentials
from fairlead.connect.line import ConnectError
from fairlead.errors import ConnectionLost, RequestTimeout

POLICY: Final = 1008
STOP: Final = frozenset({1002, 1003, 1007, 1010, 4001, 4003})
"""Close codes after which nobody comes back: what we send, or who we are, is not taken. 1008 is one of them, unless
other credentials can be had. After all others (1001, 1006, 1011, 1012, 1013, 4004, …) the line is opened again; after
1009 too, but what was in flight is not sent again: one of it was too large, or its answer."""

TOO_LARGE: Final = 1009


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

    def opened_for(self, seconds: float) -> bool:
        """A line was up for so long. Whether that was long enough."""
        if seconds >= self.held:
            self.tries = 0
            return True
        return False


class Lifeline:
    """The current conversation, and the task that sees to it that there is one."""

    def __init__(
        self,
        make: Callable[[], Awaitable[Conversation]],
        *,
        reconnect: bool,
        backoff: Backoff | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self._make = make
        self.reconnects = reconnect
        self._backoff = backoff or Backoff()
        self._credentials = credentials or Credentials()
        self._ready = asyncio.Event()
        self.current: Conversation | None = None
        self.ended: Exception | None = None
        """Why there will be no other conversation, once it is so."""

        self.trouble: Exception | None = None
        """Why the last attempt failed, while there is no line."""

        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """The first conversation. Raises ConnectError, ConnectionLost or RequestTimeout: it is not tried twice."""
        self.current = await self._make()
        self._ready.set()
        self._keeper = asyncio.create_task(self._keep())

    async def conversation(self) -> Conversation:
        """The conversation that is open, once one is. Raises ConnectionLost (`not_sent`) if there will be none."""
        while True:
            if self.ended is not None:
                code = getattr(self.ended, "code", None)
                raise ConnectionLost(str(self.ended), state="not_sent", code=code)
            if self.current is not None and not self.current.ended:
                return self.current
            self._ready.clear()
            await self._ready.wait()

    async def close(self) -> None:
        """End it all."""
        self._finish(ConnectionLost("The client was closed.", state="not_sent"))
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self.current is not None:
            await self.current.close()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while self.current is not None:
            since = loop.time()
            lost = await asyncio.shield(self.current.lost_for)
            if self._backoff.opened_for(loop.time() - since):
                self._credentials.accepted()
            self.trouble = lost
            stops = lost.code in STOP or (lost.code == POLICY and not self._credentials.refused())
            if not self.reconnects or stops:
                self._finish(lost)
            await self.current.close()
            if self.ended is not None:
                return
            self.current = await self._again()
            self._ready.set()

    async def _again(self) -> Conversation | None:
        while True:
            await asyncio.sleep(self._backoff.next())
            try:
                return await self._make()
            except ConnectError as fault:
                self.trouble = fault
                if fault.final:
                    self._finish(fault)
                    return None
            except (ConnectionLost, RequestTimeout) as fault:
                self.trouble = fault  # It broke again before anything was agreed.
                code = getattr(fault, "code", None)
                if code in STOP or (code == POLICY and not self._credentials.refused()):
                    self._finish(fault)
                    return None

    def _finish(self, why: Exception) -> None:
        if self.ended is None:
            self.ended = why
        self._ready.set()
