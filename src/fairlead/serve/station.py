"""What all conversations of one server share: terms, suspended calls, threads, and who is connected.

Refuses nothing itself; it is where a change of the catalog finds everybody who wants to know, and where a server
that goes away waits for what is in flight.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fairlead.kernel import Parking, ServerSession, Terms
from fairlead.serve.budget import Budget
from fairlead.serve.company import Companion, Company
from fairlead.serve.tasks import TaskDesk, end
from fairlead.serve.threads import Threads

if TYPE_CHECKING:
    from fairlead.serve.conversation import Conversation


class Station:
    """The shared part of a server. Made once, before or after the event loop runs."""

    def __init__(
        self,
        terms: Terms,
        *,
        threads: int = 40,
        call_timeout: float | None = None,
        answer_within: float | None = None,
        companions: list[Companion] | None = None,
    ):
        self.terms = terms
        self.parking = Parking(terms.secret, most=terms.suspended, seconds=terms.suspend_for, mark=terms.mark)
        self.conversations: set[Conversation] = set()
        self.call_timeout = call_timeout
        self.budget = None if answer_within is None else Budget(answer_within, terms.catalog, self.settled)
        """Where calls go on that took too long to be answered in time; None: each is answered when it is done."""

        self.untimed = call_timeout is None and answer_within is None
        """Whether nobody looks at how long a call takes."""

        self.company = Company([] if companions is None else companions)
        self.closing = False
        self.carried = 0
        """Requests that another worker answers, and that we carry."""

        self._threads = threads
        self._pool: Threads | None = None
        # Monotonic, and yet comparable with another worker's: suspended calls expire by it.
        self._epoch = time.time() - time.monotonic()
        self._idle: asyncio.Event | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self.tasks = TaskDesk(terms, self.now)
        terms.catalog.listen(self._changed)

    def now(self) -> float:
        """The time, as sessions are told it."""
        return self._epoch + time.monotonic()

    def pool(self) -> Threads:
        """The threads for plain functions, made when the first one is called."""
        if self._pool is None:
            self._pool = Threads(self._threads, "fairlead-tool")
        return self._pool

    def session(self, **options: Any) -> ServerSession:
        """The server's half of a new conversation; the options are those of `ServerSession`."""
        return ServerSession(self.terms, self.parking, **options)

    def open(self) -> None:
        """Serve, or serve again after a drain: a server may run more than once."""
        self.closing = False
        self._idle = None
        self.company.look()

    def wake(self, by: str) -> None:
        """The event loop runs, as `by` shows: what goes along with the server sets out. Again, it means nothing."""
        self.company.wake(self, by)

    async def rest(self) -> None:
        """After the last call: what goes along with the server ends."""
        await self.company.rest()

    def join(self, conversation: "Conversation") -> None:
        """A conversation begins."""
        self.conversations.add(conversation)

    def leave(self, conversation: "Conversation") -> None:
        """A conversation has ended."""
        self.conversations.discard(conversation)
        for watcher in self.company.watchers:
            watcher.left(conversation)
        self.settled()

    def settled(self) -> None:
        """Something ended: a server that waits for the last call looks again."""
        if self._idle is not None and not self.in_flight():
            self._idle.set()

    def in_flight(self) -> int:
        """Calls that run, also as tasks and at other workers; no open listen requests, and no suspended calls."""
        late = 0 if self.budget is None else self.budget.running()
        in_line = sum(conversation.in_flight() for conversation in self.conversations)
        return in_line + late + self.tasks.running() + self.carried

    def updated(self, uri: str) -> None:
        """A resource changed: tell who subscribed to it."""
        self._everybody(lambda conversation: conversation.updated(uri))

    def _changed(self, kind: str) -> None:
        self._everybody(lambda conversation: conversation.changed(kind))

    def _everybody(self, act: "Callable[[Conversation], None]") -> None:
        # A tool in a thread may change the catalog: each conversation is told on its own loop.
        for conversation in tuple(self.conversations):
            if conversation.loop.is_closed():
                self.conversations.discard(conversation)  # Its line was never closed, and nobody is there any more.
            else:
                conversation.loop.call_soon_threadsafe(act, conversation)

    def watch_suspended(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that suspended calls nobody comes back for are ended."""
        if self._expiry is None and len(self.parking):
            self._expiry = loop.call_later(self.terms.suspend_for + 1, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._expiry = None
        end(self.parking.expire(self.now()))
        self.watch_suspended(loop)

    async def drain(self, within: float) -> bool:
        """Take no new requests, wait for those in flight. False if some were still running after `within` seconds."""
        self.closing = True
        for conversation in tuple(self.conversations):
            await conversation.announce_end()
        self._idle = asyncio.Event()
        self.settled()
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def part(self) -> None:
        """After the last call: end the streams that peers hold open to listen."""
        for conversation in tuple(self.conversations):
            conversation.part()

    def close(self) -> None:
        """End what is left: suspended calls, tasks and threads. Conversations end with their lines."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        end(self.parking.clear())
        end(self.tasks.close())
        if self.budget is not None:
            self.budget.close()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
