"""The HTTP+SSE line of 2024-11-05: one stream of events out, POSTs in.

`GET` opens the stream, whose first event (`endpoint`) says where to POST; each POST is taken with 202 and answered on
the stream. Whoever opens the stream is the peer: when it leaves, the conversation ends.
"""

import secrets
from collections.abc import Callable
from urllib.parse import parse_qs

from fairlead.kernel import Call, ServerSession
from fairlead.serve import headers as said
from fairlead.serve.body import read_body
from fairlead.serve.conversation import Conversation
from fairlead.serve.events import PageError, Responder
from fairlead.serve.headers import Headers
from fairlead.serve.reply import Event, Reply
from fairlead.serve.station import Station
from fairlead.serve.websocket import Receive, Scope, Send
from fairlead.settings import Settings


class _Out(Reply):
    """The frames of a stream; tells when the reader has taken the last of them, for a server that waits to end."""

    __slots__ = ("_emptied",)

    def __init__(self, emptied: Callable[[], None]) -> None:
        super().__init__()
        self._emptied = emptied

    def take(self) -> Event | None:
        event = super().take()
        if event is not None and not self.queued:
            self._emptied()
        return event


class SseLine:
    """One open stream and its conversation."""

    def __init__(self, station: Station, session: ServerSession, *, bound: int):
        self.out = _Out(station.settled)
        self._bound = bound
        self.conversation = _Talk(station, session, self._send)
        self.conversation.parted = self.out.finish
        self.conversation.waiting = lambda: self.out.queued

    async def _send(self, frame: bytes, about: Call | None) -> None:
        await self.room()
        self.out.put(frame, last=False)

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self.out.room(self._bound)

    def close(self) -> None:
        """End the stream and the conversation."""
        self.out.finish()
        self.conversation.close()


class _Talk(Conversation):
    """A conversation that ends its stream when the server does."""

    parted: Callable[[], None]

    def part(self) -> None:
        """The server ends: let the reader go."""
        self.parted()


class SseEndpoint:
    """The two endpoints of this line. Streams share the bound on sessions with the other lines over HTTP."""

    def __init__(self, station: Station, settings: Settings, *, mint: Callable[[], str] | None = None):
        self._station = station
        self._settings = settings
        self._mint = mint or (lambda: secrets.token_urlsafe(24))
        self._lines: dict[str, SseLine] = {}

    def __len__(self) -> int:
        return len(self._lines)

    async def open(self, scope: Scope, receive: Receive, send: Send, *, post_to: str) -> None:
        """GET: begin a stream. `post_to` is the path that its first event names."""
        headers = Headers.of(scope["headers"])
        respond = Responder(scope, receive, send, stall=self._settings.stall_seconds)
        try:
            if not said.accepts(headers.get("accept"))[1]:
                raise PageError(406, "NOT_ACCEPTABLE", "GET answers with a stream of events: accept text/event-stream.")
            if len(self._lines) >= self._settings.sessions:
                limit = self._settings.sessions
                raise PageError(503, "BUSY", f"{limit} streams are open already.", limit=limit, retry_after=1)
        except PageError as refusal:
            await respond.refuse(refusal)
            return
        session = self._station.session(principal=scope.get("fairlead.principal"), headers=headers)
        line = SseLine(self._station, session, bound=self._settings.queued_bytes)
        id = self._mint()
        self._lines[id] = line
        prefix: str = scope.get("root_path") or ""
        try:
            await respond.stream(
                line.out, None, first=f"event: endpoint\ndata: {prefix}{post_to}?session_id={id}\n\n".encode()
            )
        finally:
            del self._lines[id]
            line.close()

    def find(self, scope: Scope) -> SseLine | None:
        """The stream that a POST is for, by its query; None if the query names none that is open to this caller."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        ids = query.get("session_id") or query.get("sessionId") or []
        line = self._lines.get(ids[0]) if len(ids) == 1 else None
        if line is None or line.conversation.session.principal != scope.get("fairlead.principal"):
            return None
        return line

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST: take a message for an open stream."""
        headers = Headers.of(scope["headers"])
        respond = Responder(scope, receive, send, stall=self._settings.stall_seconds)
        try:
            if b"session" not in scope.get("query_string", b""):
                raise PageError(400, "SESSION_MISSING", "Open the stream first: its first event says where to POST.")
            line = self.find(scope)
            if line is None:
                raise PageError(404, "SESSION_NOT_FOUND", "This stream has ended, or never was. Open one with GET.")
            if not said.is_json(headers.get("content-type")):
                raise PageError(415, "UNSUPPORTED_MEDIA_TYPE", "Send content-type: application/json.")
            body = await read_body(
                receive, headers, most=self._settings.frame_bytes, within=self._settings.body_seconds
            )
            await line.room()
        except PageError as refusal:
            await respond.refuse(refusal)
            return
        await respond.accepted()
        await line.conversation.receive(body)

    def close(self) -> None:
        """End every stream."""
        for line in list(self._lines.values()):
            line.out.finish()
