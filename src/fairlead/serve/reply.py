"""The answer to one POST: JSON if the first thing to be said is the answer, else a stream of events.

Frames go in from the call's task; the request's own task takes them out, so that a slow reader holds only itself.
Refuses nothing: what the status is, and what becomes of a reader who left, is the endpoint's business.
"""

import asyncio
import re
from collections import deque
from typing import Final, NamedTuple

from fairlead.kernel import Call

BEAT: Final = 15.0
"""Seconds between comments on a silent stream: proxies give up at 30 and more."""

# The order of our own members is known: a notification or a request of ours has its method ahead of all else.
_ASIDE: Final = re.compile(rb'\{"jsonrpc":"2\.0",(?:"id":[0-9]+,)?"method":').match


class Event(NamedTuple):
    """A frame of a stream, and its number there; 0 where the stream cannot be resumed."""

    number: int
    frame: bytes


class Reply:
    """Frames on their way to one reader. `done` once the last one is in, `gone` once the reader left."""

    __slots__ = (
        "_frames",
        "_room",
        "_waiter",
        "call",
        "done",
        "gone",
        "journal",
        "queued",
        "released",
        "single",
        "store",
    )

    def __init__(self, store: "Store | None" = None, *, single: bool = False) -> None:
        self._frames: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self.store = store
        """Where a stream is kept for a reader who comes back; None where streams are not kept."""

        self.single = single
        """Whether its reader takes one frame alone, the answer."""

        self.journal: Journal | None = None
        self.call: Call | None = None
        """The call that is to run in the request's own task; None where calls run in tasks of their own."""

        self.queued = 0
        self.done = False
        self.gone = False
        self.released = False
        """Whether its call asked that the stream be closed early."""

    @property
    def settled(self) -> bool:
        """Whether the last frame is in. A reply that is kept in a journal may have lost its first reader before."""
        return self.done if self.journal is None else self.journal.closed

    def put(self, frame: bytes, *, last: bool) -> None:
        """One more frame; `last` ends the reply. A reply with a journal keeps it there for a reader who comes back."""
        if self.journal is not None:
            self.journal.put(frame, last=last)
        else:
            self.accept(Event(0, frame), last=last)

    def accept(self, event: Event, *, last: bool) -> None:
        """An event for the reader, as its journal numbered it."""
        if self.gone:
            return
        self._frames.append(event)
        self.queued += len(event.frame)
        self.done = self.done or last
        self._wake()

    def end(self) -> None:
        """Nothing more comes."""
        if self.journal is not None:
            self.journal.closed = True
        self.done = True
        self._wake()

    def release(self) -> None:
        """Let the reader go and come back for the rest; nothing happens where nothing is kept for it."""
        if self.journal is not None:
            if self.journal.reader is not None:
                self.journal.reader.finish()
        elif self.store is not None:
            self.released = True
            self._wake()

    def finish(self) -> None:
        """Nothing more comes to this reader, although its stream may go on."""
        self.done = True
        self._wake()

    def leave(self) -> None:
        """The reader is gone: what was to come is dropped here."""
        self.gone = True
        self._frames.clear()
        self.queued = 0
        self._release()
        self._wake()

    async def room(self, bound: int) -> None:
        """Wait until less than `bound` bytes are queued, or the reader is gone."""
        while self.queued > bound and not self.gone:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    def take(self) -> Event | None:
        """The next event that is here already."""
        if not self._frames:
            return None
        event = self._frames.popleft()
        self.queued -= len(event.frame)
        self._release()
        return event

    def only_answer(self) -> bytes | None:
        """The frame of a reply that has one frame and no more to come: such a reply needs no stream."""
        return self._frames[0].frame if self.done and len(self._frames) == 1 else None

    async def wait(self, seconds: float | None) -> bool:
        """Wait for a frame or the end. False if neither came in time, or if the reader is to be let go."""
        if self._frames or self.done or self.gone:
            return True
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, self._wake)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        return bool(self._frames) or self.done or self.gone

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _release(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None


class Journal:
    """One stream of a session, kept so that a reader can come back for what it missed.

    Keeps the newest events within the bounds of `Store`; what fell out is told to nobody, so a reader who comes back
    for it is refused rather than given a gap.
    """

    def __init__(self, key: int, store: "Store"):
        self.key = key
        self.events: deque[Event] = deque()
        self.reader: Reply | None = None
        self.closed = False
        self.last_sent = 0
        """The number of the last event that went out to a reader."""

        self.primed = store.primed
        self._store = store
        self._last = 0

    def begin(self, reply: Reply) -> None:
        """Keep a reply's stream from here on: what it holds already, and what is still to come."""
        held = []
        while (event := reply.take()) is not None:
            held.append(event.frame)
        done, reply.done = reply.done, False
        reply.journal, self.reader = self, reply
        for frame in held:
            self.put(frame, last=False)
        if done:
            reply.end()
        elif reply.released:
            reply.release()

    def put(self, frame: bytes, *, last: bool) -> None:
        """Number a frame, keep it, and hand it to the reader, if one is there."""
        self._last += 1
        event = Event(self._last, frame)
        self.events.append(event)
        self.closed = self.closed or last
        self._store.kept(self, len(frame))
        if self.reader is not None:
            self.reader.accept(event, last=last)

    def attach(self, after: int) -> Reply | None:
        """A new reader who saw everything up to event `after`; None if what came next is no longer kept."""
        if after > self._last or (self.events and self.events[0].number > after + 1):
            return None
        if not self.events and after < self._last:
            return None
        if self.reader is not None:
            self.reader.finish()
        reader = self.reader = Reply()
        reader.journal = self
        self.last_sent = after
        for event in self.events:
            if event.number > after:
                reader.accept(event, last=False)
        if self.closed:
            reader.finish()
        return reader

    def detach(self, reader: Reply) -> None:
        """A reader has left, unless another one took its place already."""
        reader.leave()
        if self.reader is reader:
            self.reader = None

    def unseen(self) -> int:
        """The number after which a new reader has seen nothing yet, as far as it is kept."""
        oldest = self.events[0].number - 1 if self.events else self._last
        return max(self.last_sent, oldest)

    def drop_oldest(self) -> int:
        """Forget the oldest event; returns its size."""
        return len(self.events.popleft().frame)


class Store:
    """The journals of one session, bounded together."""

    MOST_BYTES: Final = 1024 * 1024
    OVERHEAD: Final = 200
    """Counted for each event beside its frame, so that a great many small ones are bounded too."""

    MOST_JOURNALS: Final = 256
    """Streams of one session whose events are kept: four times what may be in flight."""

    def __init__(self, *, primed: bool = False) -> None:
        self.primed = primed
        """Whether streams begin with an event without data, so that a client can come back before anything was said."""

        self.journals: dict[int, Journal] = {}
        self._size = 0
        self._order: deque[Journal] = deque()
        self._next = 0

    def open(self) -> Journal:
        """A new stream."""
        self._next += 1
        journal = self.journals[self._next] = Journal(self._next, self)
        for key, old in list(self.journals.items())[: max(0, len(self.journals) - self.MOST_JOURNALS)]:
            if old.closed:
                del self.journals[key]
        return journal

    def find(self, event_id: str) -> tuple[Journal, int] | None:
        """The stream and the number in an event's id; None if it is not one of ours, or no longer kept."""
        key, _, number = event_id.partition("-")
        if not (key.isdecimal() and number.isdecimal() and event_id.isascii() and len(event_id) < 40):
            return None
        journal = self.journals.get(int(key))
        return None if journal is None else (journal, int(number))

    def kept(self, journal: Journal, size: int) -> None:
        """Count what was kept, and forget the oldest beyond the bound."""
        self._order.append(journal)
        self._size += size + self.OVERHEAD
        while self._size > self.MOST_BYTES and len(self._order) > 1:
            self._size -= self._order.popleft().drop_oldest() + self.OVERHEAD


def is_last(frame: bytes) -> bool:
    """Whether a frame answers its request, alone or as a batch: all else goes before the answer."""
    return _ASIDE(frame) is None
