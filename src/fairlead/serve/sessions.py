"""Sessions of the handshake era over HTTP: a conversation that outlives its requests, and its streams.

Bounded in number and in idle time. Refuses a session to anybody but the caller who opened it: knowing an id proves
nothing.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

from fairlead.kernel import Call, Resume, Run, Send, ServerSession
from fairlead.serve.conversation import Conversation
from fairlead.serve.reply import Journal, Reply, Store, is_last
from fairlead.serve.station import Station

_SWEEP: Final = 30.0
"""Seconds between two looks for idle sessions: one of 1,800 s may live 1,830."""


class HttpConversation(Conversation):
    """A conversation whose frames go out as replies to requests; what belongs to no request goes aside."""

    def __init__(self, station: Station, session: ServerSession, *, bound: int):
        super().__init__(station, session, self._route)
        self._bound = bound

    def post(self, body: bytes) -> Reply | None:
        """Act on the body of one POST. Returns the reply that will come, or None where nothing will."""
        reply = Reply()
        expected = False
        for effect in self.session.receive(body, self.station.now()):
            if isinstance(effect, Run):
                expected = True
                effect.call.route = reply
                self.begin(effect.call)
            elif isinstance(effect, Resume):
                expected = True
                effect.call.route = reply
                self.act(effect)
            elif isinstance(effect, Send):
                expected = True
                self._put(reply, effect)
            else:
                self.act(effect)
        return reply if expected else None

    def _put(self, reply: Reply, told: Send) -> None:
        call = told.about
        if call is not None and self.session.calls.get(call.id) is call:
            call.route = reply  # It stays open: a listen request was acknowledged.
            reply.put(told.frame, last=False)
        else:
            reply.put(told.frame, last=True)

    async def _route(self, frame: bytes, about: Call | None) -> None:
        reply: Reply | None = None if about is None else about.route
        if reply is None:
            self.aside(frame)
            return
        reader = reply if reply.journal is None else reply.journal.reader
        if reader is not None:
            await reader.room(self._bound)
        reply.put(frame, last=is_last(about))

    def aside(self, frame: bytes) -> None:
        """A frame that belongs to no request: nobody listens in the stateless era."""


class HttpSession(HttpConversation):
    """One session: kept streams, the stream of what belongs to no request, and when it was last used."""

    def __init__(self, station: Station, session: ServerSession, *, bound: int):
        super().__init__(station, session, bound=bound)
        self.id = ""
        self.store = Store()
        self.used = self.loop.time()
        self._aside: Journal | None = None

    def aside(self, frame: bytes) -> None:
        """Keep it for the client's own stream; within its bounds, also while the client is not listening."""
        self.standalone().put(frame, last=False)

    def standalone(self) -> Journal:
        """The stream of what belongs to no request."""
        if self._aside is None:
            self._aside = self.store.open()
        return self._aside

    def is_idle(self, since: float) -> bool:
        """Whether nothing was asked since then, nothing runs, and nobody listens."""
        listening = self._aside is not None and self._aside.reader is not None
        return self.used < since and not listening and not self.session.calls

    def close(self) -> None:
        """End the session: its calls, its questions, its streams."""
        super().close()
        for journal in self.store.journals.values():
            if journal.reader is not None:
                journal.reader.end()


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
