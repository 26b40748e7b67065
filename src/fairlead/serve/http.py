"""The Streamable HTTP line: POST, GET and DELETE on one path, in both eras.

A stateless request is answered by itself, and ends when its client leaves. A handshake opens a session, whose later
requests name it in `Mcp-Session-Id`; its streams can be taken up again where they broke off. Refuses, each with the
limit and the next step: other methods (405), bodies that are no JSON (415), too long (413) or too slow (408), clients
that take neither JSON nor events (406), unknown versions (400), unknown sessions (404).
"""

from collections.abc import Awaitable, Callable, Mapping
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
from fairlead.kernel import Call, ServerSession
from fairlead.serve import headers as said
from fairlead.serve.body import read_body
from fairlead.serve.events import RETRY, PageError, Responder
from fairlead.serve.headers import Headers
from fairlead.serve.inline import Inline
from fairlead.serve.reply import Reply
from fairlead.serve.sessions import HttpConversation, HttpSession, Sessions
from fairlead.serve.station import Station
from fairlead.serve.websocket import Receive, Scope, Send
from fairlead.settings import Settings
from fairlead.spec import HANDSHAKE, VERSIONS
from fairlead.wire import encode

_ALWAYS: Final = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    UNSUPPORTED_VERSION: 400,
    HEADER_MISMATCH: 400,
    SHUTTING_DOWN: 503,
}
STATUS: Final = {
    **_ALWAYS,
    INVALID_PARAMS: 400,
    MISSING_CAPABILITY: 400,
    METHOD_NOT_FOUND: 404,
}
"""The HTTP status of a JSON-RPC error in the stateless era; in the handshake era all but `_ALWAYS` are 200."""

_SILENT_UNTIL_HEADER: Final = "2025-03-26"
"""The version of a client that names none, as the specification has it."""


class StreamableHttp:
    """The endpoint. One for all connections of a server."""

    def __init__(
        self,
        station: Station,
        settings: Settings,
        *,
        mint: Callable[[], str] | None = None,
        elsewhere: Callable[[Scope, Receive, Send, bytes], Awaitable[bool]] | None = None,
    ):
        """`elsewhere` answers a stateless request that another worker has to answer; False for all others."""
        self.station = station
        self._elsewhere = elsewhere
        self.sessions = Sessions(most=settings.sessions, idle=settings.session_idle, mint=mint)
        self._settings = settings
        self._acts = {"POST": self._post}
        if not settings.stateless_http:
            self._acts |= {"GET": self._get, "DELETE": self._delete}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers.of(scope["headers"])
        respond = Responder(scope, receive, send, stall=self._settings.stall_seconds)
        try:
            act = self._acts.get(scope["method"])
            if act is None:
                known = ", ".join(self._acts)
                raise PageError(405, "METHOD_NOT_ALLOWED", f"Use {known} here.", allow=known)
            await act(scope, headers, receive, respond)
        except PageError as refusal:
            await respond.refuse(refusal)

    # POST

    async def _post(self, scope: Scope, headers: Headers, receive: Receive, respond: Responder) -> None:
        respond.takes_json, respond.takes_events = said.accepts(headers.get("accept"))
        if not respond.takes_json and not respond.takes_events:
            raise PageError(406, "NOT_ACCEPTABLE", "The answer is JSON or a stream of events: accept both.")
        if not said.is_json(headers.get("content-type")):
            raise PageError(415, "UNSUPPORTED_MEDIA_TYPE", "Send content-type: application/json.")
        version = headers.get(said.VERSION)
        chosen = self._settings
        body = await read_body(receive, headers, most=chosen.frame_bytes, within=chosen.body_seconds)
        if version is not None and version not in HANDSHAKE:  # One that nobody knows is refused under the body's id.
            if self._elsewhere is not None and await respond.leave_to(self._elsewhere, body):
                return
            await self._stateless(scope, headers, body, respond)
        elif said.SESSION in headers:
            await self._in_session(self._find(scope, headers), headers, body, respond)
        else:
            await self._without_session(scope, headers, version, body, respond)

    def _version(self, headers: Headers) -> str | None:
        version = headers.get(said.VERSION)
        if version is not None and version not in VERSIONS:
            refusal = PeerError(
                UNSUPPORTED_VERSION,
                f"This server does not speak MCP {version[:40]!r}.",
                data={"supported": list(VERSIONS), "requested": version[:40]},
            )
            raise PageError(400, CODES[UNSUPPORTED_VERSION].name, refusal.message, frame=encode.error(refusal))
        return version

    async def _stateless(self, scope: Scope, headers: Headers, body: bytes, respond: Responder) -> None:
        session = self._new(scope, headers)
        session.stateless_only = True
        conversation = HttpConversation(self.station, session, bound=self._settings.queued_bytes)
        try:
            await self._answer(conversation, self._reply(conversation, body, respond), respond, STATUS)
        finally:
            conversation.close()

    async def _in_session(self, session: HttpSession, headers: Headers, body: bytes, respond: Responder) -> None:
        session.session.headers = headers
        try:
            await self._answer(session, self._reply(session, body, respond), respond, _ALWAYS)
        finally:
            session.used = session.loop.time()

    async def _without_session(
        self, scope: Scope, headers: Headers, version: str | None, body: bytes, respond: Responder
    ) -> None:
        """The handshake that opens a session, most of the time; the body tells."""
        session = self._new(scope, headers)
        apart = self._settings.stateless_http
        if apart:
            session.version, session.ready = VERSIONS[version or _SILENT_UNTIL_HEADER], True
        conversation = HttpSession(self.station, session, bound=self._settings.queued_bytes)
        kept = False
        try:
            reply = self._reply(conversation, body, respond)
            if session.version is None:
                if reply is None:
                    raise _no_session()
                await self._answer(conversation, reply, respond, STATUS)
                return
            if not apart:
                respond.session, kept = self._open(conversation), True
            await self._answer(conversation, reply, respond, _ALWAYS)
        finally:
            if not kept:
                conversation.close()

    def _new(self, scope: Scope, headers: Headers) -> ServerSession:
        session = self.station.session(principal=scope.get("fairlead.principal"), headers=headers)
        # Of a session, the headers are those of its newest request.
        session.check = _checked
        session.said_version = headers.get(said.VERSION)
        return session

    def _open(self, conversation: HttpSession) -> str:
        if self.sessions.full:
            limit = self._settings.sessions
            refusal = PeerError(BUSY, f"{limit} sessions are open already.", data={"limit": limit})
            raise PageError(503, CODES[BUSY].name, refusal.message, frame=encode.error(refusal), retry_after=RETRY)
        version = conversation.session.version
        conversation.store.primed = version is not None and version.polled_streams
        return self.sessions.open(conversation)

    def _reply(self, conversation: HttpConversation, body: bytes, respond: Responder) -> Reply | None:
        reply = conversation.post(body, single=not respond.takes_events)
        if reply is not None and reply.single and conversation.listens():
            raise PageError(406, "NOT_ACCEPTABLE", "What is listened to comes as a stream: accept text/event-stream.")
        return reply

    async def _answer(
        self, conversation: HttpConversation, reply: Reply | None, respond: Responder, status: Mapping[int, int]
    ) -> None:
        """Run what the reply waits for, if that is left to us, and send the reply."""
        if reply is None:
            await respond.accepted()
        elif reply.call is None:
            await respond.reply(reply, status=status)
        else:
            await Inline(conversation, reply.call, reply, respond, status).run()

    def _find(self, scope: Scope, headers: Headers) -> HttpSession:
        if said.SESSION in headers.repeated:
            raise PageError(400, "SESSION_AMBIGUOUS", "Send one Mcp-Session-Id.")
        known = headers.get(said.SESSION)
        if known is None:
            raise _no_session()
        session = self.sessions.find(known, scope.get("fairlead.principal"))
        if session is None:
            raise PageError(404, "SESSION_NOT_FOUND", "This session has ended, or never was. Send initialize again.")
        return session

    # GET and DELETE

    async def _get(self, scope: Scope, headers: Headers, receive: Receive, respond: Responder) -> None:
        if not said.accepts(headers.get("accept"))[1]:
            raise PageError(406, "NOT_ACCEPTABLE", "GET answers with a stream of events: accept text/event-stream.")
        self._version(headers)
        session = self._find(scope, headers)
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
        self._version(headers)
        self.sessions.end(self._find(scope, headers))
        await respond.empty(204)

    def close(self) -> None:
        """End every session."""
        self.sessions.close()


def _checked(call: Call) -> None:
    headers = call.session.headers
    if isinstance(headers, Headers):
        said.check(call, headers)


def _no_session() -> PageError:
    return PageError(400, "SESSION_MISSING", "Send initialize first, then Mcp-Session-Id with every request.")
