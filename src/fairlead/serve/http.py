"""The Streamable HTTP line: POST, GET and DELETE on one path, in both eras.

A stateless request is answered by itself, and ends when its client leaves. A handshake opens a session, whose later
requests name it in `Mcp-Session-Id`; its streams can be taken up again where they broke off. Refuses, each with the
limit and the next step: other methods (405), bodies that are no JSON (415), too long (413) or too slow (408), clients
that take neither JSON nor events (406), unknown sessions (404).
"""

from collections.abc import Callable
from typing import Final

from fairlead.errors import (
    BUSY,
    CODES,
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_CAPABILITY,
    PARSE_ERROR,
    SHUTTING_DOWN,
    UNSUPPORTED_VERSION,
    PeerError,
)
from fairlead.kernel import ServerSession
from fairlead.serve import headers as said
from fairlead.serve.body import read_body
from fairlead.serve.events import RETRY, PageError, Responder
from fairlead.serve.headers import Headers
from fairlead.serve.sessions import HttpSession, Sessions
from fairlead.serve.station import Station
from fairlead.serve.websocket import Receive, Scope, Send
from fairlead.settings import Settings
from fairlead.spec import STATELESS, VERSIONS
from fairlead.wire import encode

_ALWAYS: Final = {PARSE_ERROR: 400, INVALID_REQUEST: 400, UNSUPPORTED_VERSION: 400, SHUTTING_DOWN: 503}
STATUS: Final = {
    **_ALWAYS,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    METHOD_NOT_FOUND: 404,
}
"""The HTTP status of a JSON-RPC error in the stateless era; in the handshake era all but `_ALWAYS` are 200."""

_SILENT_UNTIL_HEADER: Final = "2025-03-26"
"""The version of a client that names none, as the specification has it."""


class StreamableHttp:
    """The endpoint. One for all connections of a server."""

    def __init__(self, station: Station, settings: Settings, *, mint: Callable[[], str] | None = None):
        self.station = station
        self.sessions = Sessions(most=settings.sessions, idle=settings.session_idle, mint=mint)
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers.of(scope["headers"])
        respond = Responder(send, receive, bound=self._settings.queued_bytes)
        try:
            act = {"POST": self._post, "GET": self._get, "DELETE": self._delete}.get(scope["method"])
            if act is None:
                raise PageError(405, "METHOD_NOT_ALLOWED", "Use POST, GET or DELETE here.", allow="GET, POST, DELETE")
            await act(scope, headers, receive, respond)
        except PageError as refusal:
            await respond.refuse(refusal)

    # POST

    async def _post(self, scope: Scope, headers: Headers, receive: Receive, respond: Responder) -> None:
        takes_json, takes_events = said.accepts(headers.get("accept"))
        if not takes_json and not takes_events:
            raise PageError(406, "NOT_ACCEPTABLE", "The answer is JSON or a stream of events: accept both.")
        if not said.is_json(headers.get("content-type")):
            raise PageError(415, "UNSUPPORTED_MEDIA_TYPE", "Send content-type: application/json.")
        version = self._version(headers)
        body = await read_body(receive, headers, most=self._settings.frame_bytes, within=self._settings.body_seconds)
        respond.takes(json=takes_json, events=takes_events)
        known = headers.get(said.SESSION)
        if known is not None and version not in STATELESS:
            await self._in_session(self._find(scope, known), body, respond)
        else:
            await self._without_session(scope, headers, version, body, respond)

    def _version(self, headers: Headers) -> str | None:
        version = headers.get(said.VERSION)
        if version is not None and version not in VERSIONS and version not in STATELESS:
            refusal = PeerError(
                UNSUPPORTED_VERSION,
                f"This server does not speak MCP {version[:40]!r}.",
                data={"supported": list(VERSIONS), "requested": version[:40]},
            )
            raise PageError(400, CODES[UNSUPPORTED_VERSION].name, refusal.message, frame=encode.error(refusal))
        return version

    async def _in_session(self, session: HttpSession, body: bytes, respond: Responder) -> None:
        reply = session.post(body)
        if reply is None:
            await respond.accepted()
        else:
            await respond.reply(reply, status=_ALWAYS, store=session.store)

    async def _without_session(
        self, scope: Scope, headers: Headers, version: str | None, body: bytes, respond: Responder
    ) -> None:
        """A stateless request, or the handshake that opens a session; which of them, the body tells."""
        session = ServerSession(
            self.station.terms,
            self.station.parking,
            principal=scope.get("fairlead.principal"),
            headers=headers,
            check=lambda call: said.check(call, headers),
        )
        session.stateless_only = version in STATELESS
        if self._settings.stateless_http and version not in STATELESS:
            session.version, session.ready = VERSIONS[version or _SILENT_UNTIL_HEADER], True
        conversation = HttpSession(self.station, session, bound=self._settings.queued_bytes)
        kept = False
        try:
            reply = conversation.post(body)
            if session.version is not None and not self._settings.stateless_http:
                if self.sessions.full:
                    raise self._full()
                kept = True
                respond.session = self.sessions.open(conversation)
            if reply is None:
                await respond.accepted()
            elif session.version is not None:
                await respond.reply(reply, status=_ALWAYS)
            else:
                await respond.reply(reply, status=STATUS, ends_with_reader=True)
        finally:
            if not kept:
                conversation.close()

    def _full(self) -> PageError:
        limit = self._settings.sessions
        refusal = PeerError(BUSY, f"{limit} sessions are open already.", data={"limit": limit})
        return PageError(503, CODES[BUSY].name, refusal.message, frame=encode.error(refusal), retry_after=RETRY)

    def _find(self, scope: Scope, id: str) -> HttpSession:
        session = self.sessions.find(id, scope.get("fairlead.principal"))
        if session is None:
            raise PageError(404, "SESSION_NOT_FOUND", "This session has ended, or never was. Send initialize again.")
        return session

    # GET and DELETE

    async def _get(self, scope: Scope, headers: Headers, receive: Receive, respond: Responder) -> None:
        _, takes_events = said.accepts(headers.get("accept"))
        if not takes_events:
            raise PageError(406, "NOT_ACCEPTABLE", "GET answers with a stream of events: accept text/event-stream.")
        self._version(headers)
        known = headers.get(said.SESSION)
        if known is None:
            raise PageError(400, "SESSION_MISSING", "Send initialize first, then Mcp-Session-Id with every request.")
        session = self._find(scope, known)
        journal, after = session.standalone(), None
        last = headers.get("last-event-id")
        if last is not None:
            found = session.store.find(last)
            if found is None:
                raise PageError(
                    400, "EVENT_NOT_FOUND", "This event is no longer kept. Ask again without Last-Event-ID."
                )
            journal, after = found
        elif journal.reader is not None and not journal.reader.gone:
            raise PageError(409, "STREAM_TAKEN", "This session listens already; one stream is enough.")
        reader = journal.attach(journal.unseen() if after is None else after)
        if reader is None:
            raise PageError(400, "EVENT_NOT_FOUND", "What came after this event is no longer kept.")
        await respond.stream(reader, journal)

    async def _delete(self, scope: Scope, headers: Headers, receive: Receive, respond: Responder) -> None:
        known = headers.get(said.SESSION)
        if known is None:
            raise PageError(400, "SESSION_MISSING", "Name the session to end in Mcp-Session-Id.")
        self.sessions.end(self._find(scope, known))
        await respond.empty(204)

    def close(self) -> None:
        """End every session."""
        self.sessions.close()
