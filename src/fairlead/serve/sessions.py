"""Sessions of the handshake era over HTTP: a conversation that outlives its requests, and its streams.

Bounded in number and in idle time. Refuses a session to anybody but the caller who opened it: knowing an id proves
nothing.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

from fairlead.kernel import Call, Resume, Run, Send, ServerSession, Stop
from fairlead.serve.conversation import Conversation
from fairlead.serve.reply import Journal, Reply, Store, is_last
from fairlead.serve.station import Station
from fairlead.serve.steps import noticed

_SWEEP: Final = 30.0
"""Seconds between two looks for idle sessions: one of 1,800 s may live 1,830."""

_PLAIN: Final = frozenset({"async", "sync", "quick"})
"""Kinds of functions that tell nothing while they run."""


class HttpConversation(Conversation):
    """A conversation whose frames go out as replies to requests; what belongs to no request goes aside."""

    def __init__(self, station: Station, session: ServerSession, *, bound: int):
        super().__init__(station, session, self._route)
        self._bound = bound
        self.store: Store | None = None
        """Where streams are kept; None where a stream that breaks off is lost."""

    def post(self, body: bytes, *, single: bool = False) -> Reply | None:
        """Act on the body of one POST. Returns the reply that will come, or None where nothing will.

        Where the reply has a `call`, that is for the caller to run, with `run`.
        """
        reply = Reply(None if single else self.store, single=single)
        effects = self.session.receive(body, self.station.now())
        expected = False
        if len(effects) == 1 and type(effects[0]) is Run and _is_plain(effects[0].call):
            reply.call = effects[0].call
            reply.call.route = reply
            reply.call.home = self
            return reply
        for effect in effects:
            if isinstance(effect, Run):
                expected = True
                effect.call.route = reply
                self.begin(effect.call)
            elif isinstance(effect, Resume):
                expected = True
                effect.call.route = reply
                self.act(effect)
            elif isinstance(effect, Send):
                expected = self._put(reply, effect) or expected
            else:
                self.act(effect)
        return reply if expected else None

    def _put(self, reply: Reply, told: Send) -> bool:
        """Whether the frame is for this reply: cancelling a member may complete the batch of another request."""
        call = told.about
        if call is not None and call.route is not None and call.route is not reply:
            call.route.put(told.frame, last=True)
            return False
        if call is not None:
            call.route = reply
        reply.put(told.frame, last=is_last(told.frame))
        return True

    def act(self, effect: Any) -> None:
        """Do what neither sends nor runs. A call that is stopped has no answer, so its reply ends."""
        if isinstance(effect, Stop):
            self.stopped(effect.call)
        super().act(effect)

    def stopped(self, call: Call) -> None:
        """Nobody waits for the call any more."""
        if call.route is not None and call.batch is None:
            call.route.end()

    def abandon(self, call: Call) -> None:
        """The reader of a call has left, and nobody can come back for the answer: end it."""
        if not call.ended:
            self.session.drop(call)
            self.act(Stop(call))

    def listens(self) -> bool:
        """Whether a listen request is open: its stream ends when the reader leaves, or the server."""
        return bool(self.session.listening.listeners)

    async def run(self, call: Call, paused: Callable[[], object]) -> bytes | None:
        """Run a call in the task that awaits this: no other task, unless the call has to wait. Then `paused` is called.

        Returns the frame that answers it; None if the call was stopped. Raises CancelledError when the task itself is.
        """
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        call.task = task
        frame: bytes | None = None
        try:
            frame = await noticed(self.outcome(call), paused)
        except asyncio.CancelledError:
            # One cancellation is the call's own if it was ended by us; any more are meant for the task.
            if task is None or not call.ended or task.cancelling() > before + 1:
                raise
        finally:
            call.task = None
        if task is not None and call.ended and task.cancelling() > before:
            task.uncancel()
        if self.station.closing:
            self.station.settled()
        return frame

    async def _route(self, frame: bytes, about: Call | None) -> None:
        reply: Reply | None = None if about is None else about.route
        last = is_last(frame)
        if reply is None or reply.settled or (reply.single and not last):
            self.aside(frame)
            return
        reader = reply if reply.journal is None else reply.journal.reader
        if reader is not None:
            await reader.room(self._bound)
        reply.put(frame, last=last)

    def aside(self, frame: bytes) -> None:
        """A frame that belongs to no request: nobody listens in the stateless era."""


def _is_plain(call: Call) -> bool:
    """Whether nothing can be said of the call before its answer, nor asked, and it cannot outlive its request."""
    entry = call.entry
    return (
        entry is not None
        and entry.context is None
        and entry.kind in _PLAIN
        and call.batch is None
        and getattr(entry, "task", None) is None
    )


class HttpSession(HttpConversation):
    """One session: kept streams, the stream of what belongs to no request, and when it was last used."""

    def __init__(self, station: Station, session: ServerSession, *, bound: int):
        super().__init__(station, session, bound=bound)
        self.id = ""
        self.store: Store = Store()
        self.used = self.loop.time()
        self._aside: Journal | None = None

    def aside(self, frame: bytes) -> None:
        """Keep it for the client's own stream; within its bounds, also while the client is not listening."""
        journal = self.standalone()
        journal.put(frame, last=False)
        if journal.reader is not None and journal.reader.queued > self._bound:
            # It does not read; what it missed is kept, as far as there is room, until it comes back.
            journal.reader.leave()

    def standalone(self) -> Journal:
        """The stream of what belongs to no request."""
        if self._aside is None:
            self._aside = self.store.open()
        return self._aside

    def is_idle(self, since: float) -> bool:
        """Whether nothing was asked since then, nothing runs, and nobody listens."""
        listening = any(journal.reader is not None for journal in self.store.journals.values())
        return self.used < since and not listening and not self.session.calls

    def part(self) -> None:
        """The server ends: let those who listen go."""
        for journal in self.store.journals.values():
            if journal.reader is not None:
                journal.reader.finish()

    def close(self) -> None:
        """End the session: its calls, its questions, its streams."""
        for call in self.session.calls.values():
            self.stopped(call)
        super().close()
        self.part()


class Sessions:
    """The open sessions of one server by their ids."""

    def __init__(self, *, most: int, idle: float, mint: Callable[[], str] | None = None):
        self._most = most
        self._idle = idle
        self._mint = mint or (lambda: secrets.token_urlsafe(24))
        self._open: dict[str, HttpSession] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether no more sessions can be opened."""
        return len(self._open) >= self._most

    def open(self, session: HttpSession) -> str:
        """Keep a session; returns the id it was given."""
        session.id = self._mint()
        self._open[session.id] = session
        if self._timer is None:
            self._timer = session.loop.call_later(min(_SWEEP, self._idle), self._sweep, session.loop)
        return session.id

    def find(self, id: str, principal: str | None) -> HttpSession | None:
        """The session, if it is open and was opened by this caller."""
        session = self._open.get(id)
        if session is None or session.session.principal != principal:
            return None
        session.used = session.loop.time()
        return session

    def end(self, session: HttpSession) -> None:
        """Close a session; its id is unknown from now on."""
        if self._open.pop(session.id, None) is not None:
            session.close()

    def close(self) -> None:
        """End all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for session in list(self._open.values()):
            self.end(session)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        since = loop.time() - self._idle
        for session in [one for one in self._open.values() if one.is_idle(since)]:
            self.end(session)
        self._timer = loop.call_later(min(_SWEEP, self._idle), self._sweep, loop) if self._open else None
