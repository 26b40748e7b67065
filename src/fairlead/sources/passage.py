"""A conversation that is passed on: our line on one side, the kernel of a foreign server on the other.

Decides by a frame's envelope alone what it is and which call it is about; params, results and errors pass as they are,
ids and progress tokens too. Each era has a run of their kernel of its own, so that one line may carry both, as ours do.
Refuses what no server could take: broken JSON, ids in flight twice, too much in flight, headers against the body.
"""

import asyncio
from functools import partial
from typing import Any, Final

import msgspec

from fairlead.catalog.entry import Entry
from fairlead.errors import INVALID_PARAMS, PeerError
from fairlead.kernel import Call, Effect, Parking, Run, Send, ServerSession, Terms
from fairlead.kernel.batch import Batch
from fairlead.kernel.listening import Listener
from fairlead.sources.guest import Guest, Talk, metadata
from fairlead.spec import NEWEST_HANDSHAKE, VERSIONS
from fairlead.spec.methods import METHODS, Method
from fairlead.spec.params import Initialize, Params, Wanted
from fairlead.wire import Failure, Notification, Request, Response, encode

_LISTEN: Final = "subscriptions/listen"
_NOTHING: Final = b"{}"
_HANDSHAKE_ID: Final = "fairlead-handshake"
_anything: Final = msgspec.json.Decoder().decode
_ROWS: Final = {name: msgspec.structs.replace(row, capability=None) for name, row in METHODS.items()}
"""The methods, each without the capability that it needs: what there is, their server knows."""

_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(row.params) for name, row in METHODS.items()
}
_plain: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Params)


class Passage(ServerSession):
    """The server's half of one conversation, as far as it is ours: what it is asked, the guest answers."""

    def __init__(self, guest: Guest, terms: Terms, parking: Parking, **options: Any):
        super().__init__(terms, parking, **options)
        self._guest = guest
        self._talks: dict[str, Talk] = {}
        self._waiting: dict[int | str, tuple[asyncio.Future[bytes], Talk]] = {}
        self._last: Call | None = None

    # From the client to their server.

    def _request(self, request: Request, now: float, batch: Batch | None) -> list[Effect]:
        try:
            call = self._take(request, batch)
        except PeerError as refusal:
            return self._say(encode.error(refusal, request.id), None, batch)
        self.begin(call)
        # It has a context, so that the line expects more of it than its answer.
        call.entry = Entry(request.method, partial(self._outcome, call), "async", context="context")
        self._hand_over(call)
        return [Run(call)]

    def _take(self, request: Request, batch: Batch | None) -> Call:
        row = _ROWS.get(request.method) or Method(name=request.method, versions=frozenset(VERSIONS), params=Params)
        try:
            params = _DECODERS.get(request.method, _plain).decode(request.params or _NOTHING)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            told = f": {fault}" if isinstance(fault, msgspec.ValidationError) else ""
            raise PeerError(INVALID_PARAMS, f"The params of {request.method[:100]} do not fit{told}.") from None
        call = Call(self, request, params, self._version(row, params), request.id, batch)
        self._admit(row, call)
        call.name = str(getattr(params, row.named_by, "")) if row.named_by is not None else ""
        if self.check is not None and call.stateless and request.method in METHODS:
            self.check(call)
        return call

    def _hand_over(self, call: Call) -> None:
        """Now, and not when the call's task first runs: what comes behind it must not overtake it."""
        if isinstance(call.params, Initialize):
            self._greet(call.params)
        elif call.request.method == _LISTEN:
            self.listening.listeners[call.id] = Listener(call, Wanted())
        self._last = call
        talk = self._talk(call)
        self._waiting[call.id] = asyncio.get_running_loop().create_future(), talk
        params = None if call.request.params is None else _anything(call.request.params)
        talk.request(call.id, call.request.method, params, metadata(self.headers, partial(_release, call)))

    def _greet(self, params: Initialize) -> None:
        """What they will agree on is known before they say it, as the line wants: their versions are ours."""
        asked = VERSIONS.get(params.protocol_version)
        self.version = asked if asked is not None and asked.era == "handshake" else NEWEST_HANDSHAKE
        self.ready = False
        self.capabilities = params.capabilities
        self.client = params.client if isinstance(params.client, msgspec.Struct) else None

    def _talk(self, call: Call) -> Talk:
        era = call.version.era
        talk = self._talks.get(era)
        if talk is None:
            talk = self._talks[era] = Talk(self._guest, self._put, partial(self._lost, era))
            if era == "handshake" and call.request.method not in ("initialize", "ping") and self.ready:
                self._shake_hands(talk)  # The line keeps no sessions, so that the client has done so elsewhere.
        return talk

    def _shake_hands(self, talk: Talk) -> None:
        version = self.version or NEWEST_HANDSHAKE
        told = {"name": "fairlead", "version": "0"}
        params = {"protocolVersion": version.date, "capabilities": {}, "clientInfo": told}
        talk.request(_HANDSHAKE_ID, "initialize", params)
        talk.notify("notifications/initialized", None)

    def _notification(self, notice: Notification) -> list[Effect]:
        # A cancellation is told where the call ends, whatever ended it.
        if notice.method != "notifications/cancelled":
            params = None if notice.params is None else _anything(notice.params)
            for talk in self._talks.values():
                talk.notify(notice.method, params)
        return super()._notification(notice)

    def _other(self, message: Any) -> list[Effect]:
        if isinstance(message, Notification):
            return self._notification(message)
        talk = self._talks.get("handshake")  # The stateless era has no questions that travel as requests.
        if talk is not None and message.id is not None:
            talk.answer(_answer(message))
        return []

    # From their server to the client.

    async def _outcome(self, call: Call, context: Any) -> bytes:
        """The frame with which they answer a call."""
        if call.request.method == _LISTEN:
            call.entry = None  # An open subscription is no call that a server would wait for before it ends.
        waiting = self._waiting.get(call.id)
        if waiting is None:
            raise asyncio.CancelledError  # It was ended before its task began.
        try:
            return await waiting[0]
        finally:
            self._withdraw(call)

    async def _put(self, told: Any) -> None:
        message = told.message
        method = getattr(message, "method", None)
        if method is None:
            self._settle(message)
            return
        id, params = getattr(message, "id", msgspec.UNSET), message.params
        frame = encode.encode(_Told("2.0", id, method, msgspec.UNSET if params is None else params))
        related = getattr(told.metadata, "related_request_id", None)
        about = None if related is None else self.calls.get(related)
        if related is not None and about is None and method != "notifications/cancelled":
            return  # Nothing is sent for a call after its end, but that a question of it is taken back.
        line = about or self._last
        if line is not None and line.home is not None:
            try:
                await line.home.send(frame, about)
            except OSError:
                pass  # The line went away: its own reader ends the conversation.

    def _settle(self, message: Any) -> None:
        waiting = self._waiting.get(message.id)
        if waiting is None or waiting[0].done():
            return
        error = getattr(message, "error", None)
        if error is None:
            waiting[0].set_result(encode.result(message.id, message.result))
            return
        refusal = error.model_dump(mode="json", by_alias=True, exclude_none=True)
        waiting[0].set_result(encode.encode({"jsonrpc": "2.0", "id": message.id, "error": refusal}))

    def finish(self, call: Call, value: Any) -> bytes | None:
        """The frame that answers `call`, as their server made it."""
        self.listening.remove(call.id)
        return None if call.ended else self._end(call, value)

    # How it ends.

    def drop(self, call: Call) -> list[Effect]:
        """End a call without an answer; their server is told."""
        self._withdraw(call)
        return super().drop(call)

    def farewell(self) -> list[Send]:
        """The server goes away: end what the peer listens to."""
        calls = [listener.call for listener in self.listening.listeners.values()]
        frames = super().farewell()
        for call in calls:
            if call.task is not None:
                call.task.cancel()
        return frames

    def close(self) -> list[Call]:
        """The line is gone, and so are the runs of their kernel."""
        talks, self._talks = self._talks, {}
        for talk in talks.values():
            talk.close()
        return super().close()

    def _withdraw(self, call: Call) -> None:
        """Nobody waits for the call any more; they are told, unless they have answered."""
        waiting = self._waiting.pop(call.id, None)
        if waiting is not None and not waiting[0].done() and call.request.method != "initialize":
            waiting[1].notify("notifications/cancelled", {"requestId": call.id})

    def _lost(self, era: str, why: PeerError) -> None:
        talk = self._talks.pop(era, None)
        for waiter, asked in self._waiting.values():
            if asked is talk and not waiter.done():
                waiter.set_exception(why)


class _Told(msgspec.Struct, gc=False):
    jsonrpc: str
    id: Any
    method: str
    params: Any


def _answer(message: Response | Failure) -> dict[str, Any]:
    if isinstance(message, Response):
        return {"id": message.id, "result": _anything(message.result)}
    error: dict[str, Any] = {"code": message.code, "message": message.message}
    if message.data is not None:
        error["data"] = _anything(message.data)
    return {"id": message.id, "error": error}


def _release(call: Call) -> None:
    if call.route is not None:
        call.route.release()
