"""Passing a request on to the worker that keeps what it is about: a session, a suspended call, a task.

The whole HTTP request goes there, and the answer comes back as it grows; a client that leaves, leaves there too.
Refuses to look into requests further than to find whose they are; where that worker is gone, the request is answered
here, as one about something that is no longer kept.
"""

from typing import Final
from urllib.parse import parse_qs

import msgspec

from fairlead.serve import headers as said
from fairlead.serve.channel import MOST, Channel
from fairlead.serve.events import PageError, Responder
from fairlead.serve.handover import PASSED, Handover
from fairlead.serve.place import Place
from fairlead.serve.station import Station
from fairlead.serve.websocket import Receive, Scope, Send
from fairlead.settings import Settings

_METHODS: Final = frozenset({"GET", "POST", "DELETE"})


class _Wanted(msgspec.Struct, rename="camel", frozen=True):
    task_ids: list[str] = []


class _Params(msgspec.Struct, rename="camel", frozen=True):
    request_state: str | None = None
    notifications: _Wanted = _Wanted()


class _Peek(msgspec.Struct, frozen=True):
    params: _Params = _Params()


_peek: Final = msgspec.json.Decoder(_Peek).decode


class Passing:
    """What one worker passes on to the others."""

    def __init__(self, place: Place, station: Station, settings: Settings):
        self.place = place
        self._station = station
        self._settings = settings
        self._channels = {index: Channel(place.door(index)) for index in range(place.count) if index != place.index}

    async def by_head(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Have a request answered by the worker that its head names. False where it is to be answered here.

        Raises ConnectionError where the client or the worker leaves in the middle of the answer.
        """
        worker = self._keeper(scope)
        return worker is not None and await self._pass_on(worker, scope, receive, send, None)

    async def by_body(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> bool:
        """The same for a stateless request whose body was read, and names the worker."""
        worker = self._keeper_of(scope, body)
        return worker is not None and await self._pass_on(worker, scope, receive, send, body)

    def close(self) -> None:
        """End the connections to the other workers."""
        for channel in self._channels.values():
            channel.close()

    def _keeper(self, scope: Scope) -> int | None:
        """The other worker that a request is for, as its head says; None where it is for this one, or does not say."""
        if PASSED in scope or scope["method"] not in _METHODS:
            return None
        query: bytes = scope.get("query_string") or b""
        named = _session_in(query) if b"session" in query else None
        if named is not None:
            return self.place.keeper(named)
        told = {name: value for name, value in scope["headers"] if name in _TELLING}
        session = told.get(_SESSION)
        if session is not None:
            return self.place.keeper(session.decode("latin-1").strip())
        if told.get(_METHOD, b"").strip().startswith(b"tasks/"):
            return self.place.marked(told.get(_NAME, b"").decode("latin-1").strip())
        return None

    def _keeper_of(self, scope: Scope, body: bytes) -> int | None:
        """The other worker that a stateless request is for, as its body says: a retry, or a watch of tasks.

        A watch of tasks at several workers goes to that of the first; its acknowledgement leaves out the others.
        """
        if PASSED in scope or not (b'"requestState"' in body or b'"taskIds"' in body):
            return None
        try:
            params = _peek(body).params
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # It is refused here, with the reason.
        if params.request_state is not None:
            key = self._station.parking.key(params.request_state)
            return None if key is None else self.place.marked(key)
        return next((self.place.marked(id) for id in params.notifications.task_ids), None)

    async def _pass_on(self, worker: int, scope: Scope, receive: Receive, send: Send, body: bytes | None) -> bool:
        """False where that worker is gone: nothing was read or sent then. `body` is what was read: all, or None."""
        chosen = self._settings
        respond = Responder(scope, receive, send, stall=chosen.stall_seconds)
        channel = self._channels[worker]
        try:
            line = await channel.open()
        except BlockingIOError:
            busy = PageError(503, "BUSY", f"{MOST} requests wait for this worker already.", limit=MOST, retry_after=1)
            await respond.refuse(busy)
            return True
        if line is None:
            return False
        # A server that stops waits for it, as for a call of its own; who listens with GET is not waited for.
        waits = scope["method"] == "POST"
        self._station.carried += waits
        try:
            await Handover(line, scope, receive, send, chosen).run(body)
        except PageError as refusal:
            await respond.refuse(refusal)
        finally:
            channel.release(line)
            self._station.carried -= waits
            self._station.settled()
        return True


_SESSION: Final = said.SESSION.encode()
_METHOD: Final = said.METHOD.encode()
_NAME: Final = said.NAME.encode()
_TELLING: Final = frozenset({_SESSION, _METHOD, _NAME})


def _session_in(query: bytes) -> str | None:
    found = parse_qs(query.decode("latin-1"))
    ids = found.get("session_id") or found.get("sessionId") or []
    return ids[0] if len(ids) == 1 else None
