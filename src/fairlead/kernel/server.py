"""One peer's conversation, seen from the server, without I/O: frames and numbers in, effects and frames out.

Both eras, told apart per message: a request that carries its version in `_meta` is stateless; `initialize` begins
a handshake. Every request that is read ends in exactly one of an answer, a refusal, or its own cancellation.
Nothing is sent for a call after it ended. The session refuses to know sockets, tasks, or what time it is.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from fairlead.errors import (
    BUSY,
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    SHUTTING_DOWN,
    UNSUPPORTED_VERSION,
    PeerError,
)
from fairlead.kernel import answers, deferral, requests
from fairlead.kernel.batch import Batch
from fairlead.kernel.call import Call
from fairlead.kernel.effects import Effect, Send, Stop, Tell
from fairlead.kernel.listening import Listening
from fairlead.kernel.parking import Parking
from fairlead.kernel.questions import Questions
from fairlead.kernel.tasks import Tasks
from fairlead.kernel.terms import Terms
from fairlead.spec import STATELESS, VERSIONS, Version
from fairlead.spec.descriptors import Implementation
from fairlead.spec.methods import CLIENT_NOTICES, METHODS, Method
from fairlead.spec.params import CLIENT_CAPABILITIES, PROTOCOL_VERSION, UNSET, Cancelled, Params
from fairlead.wire import Notification, Request, Response, decode, encode

_DECODERS: Final[dict[str, Callable[[Any], Params]]] = {
    name: msgspec.json.Decoder(row.params).decode for name, row in METHODS.items()
}
_read_cancelled: Final = msgspec.json.Decoder(Cancelled).decode
_read_meta: Final = msgspec.json.Decoder(Params).decode
_NOTHING: Final = b"{}"


class ServerSession:
    """The server's half of one conversation. Not safe for use from several threads."""

    def __init__(
        self,
        terms: Terms,
        parking: Parking,
        *,
        principal: str | None = None,
        headers: Mapping[str, str] | None = None,
        check: Callable[[Call], None] | None = None,
    ):
        self.terms = terms
        self.parking = parking
        self.principal = principal
        self.headers: Mapping[str, str] = headers if headers is not None else {}
        self.check = check
        """What the line itself demands of a stateless request; raises the PeerError to answer with."""

        self.stateless_only = False
        """Whether the line has said that its requests are stateless (a header did), so that a handshake is none."""

        self.said_version: str | None = None
        """The version that the line's own headers name, where they do: no body may name another."""

        self.version: Version | None = None
        """What the handshake agreed on; None before it, and for peers that never shake hands."""

        self.ready = False
        """Whether the client said that it is initialized; before, nothing but answers is sent to it."""

        self.client: Implementation | None = None
        self.capabilities: dict[str, Any] = {}
        self.log_level: str | None = requests.DEFAULT_LEVEL
        self.state: dict[str, Any] = {}
        self.closing = False
        """Whether the server goes away: nothing new is begun."""

        self.tasks: Tasks | None = None
        """Where calls are kept that outlive this conversation; None: no call becomes a task here."""

        self.calls: dict[int | str, Call] = {}
        self.questions = Questions()
        self.listening = Listening()

    # What comes in.

    def receive(self, frame: bytes | str, now: float) -> list[Effect]:
        """What a frame means. Never raises: what cannot be read is answered with an error."""
        try:
            message = decode(frame, self.terms.limits)
        except PeerError as refusal:
            return [Send(encode.error(refusal))]
        if type(message) is Request:
            return self._request(message, now, None)
        if type(message) is list:
            return self._batch(message, now)
        return self._other(message)

    def _other(self, message: Any) -> list[Effect]:
        if type(message) is Notification:
            return self._notification(message)
        if type(message) is Response:
            return self.questions.settle(message)
        return self.questions.refuse(message)

    def _batch(self, members: list[Any], now: float) -> list[Effect]:
        version = VERSIONS[STATELESS[-1]] if self.stateless_only else self.version
        if version is not None and not version.batches:
            refusal = PeerError(
                INVALID_REQUEST,
                f"MCP {version.date} has no batches.",
                data={"next": "Send one message per frame."},
            )
            return [Send(encode.error(refusal))]
        batch = Batch()
        effects: list[Effect] = []
        for member in members:
            if type(member) is Request:
                batch.expect()
                effects += self._request(member, now, batch)
            elif isinstance(member, PeerError):
                batch.expect()
                batch.settle(encode.error(member))
            else:
                effects += self._other(member)
        frame = batch.settle(None)
        return [*effects, Send(frame)] if frame is not None else effects

    def _request(self, request: Request, now: float, batch: Batch | None) -> list[Effect]:
        call: Call | None = None
        try:
            row = METHODS.get(request.method)
            if row is None or (row.extension is not None and not deferral.offered(self)):
                _check_version(request, self.said_version)
                raise _no_method(request.method)
            params = _read_params(row, request, self.said_version)
            version = self._version(row, params)
            if version.date not in row.versions:
                raise _no_method(request.method)
            call = Call(self, request, params, version, request.id, batch)
            self._admit(row, call)
            if self.check is not None and call.stateless:
                self.check(call)
            return requests.HANDLERS[request.method](call, params, now)
        except PeerError as refusal:
            return self._say(encode.error(refusal, request.id), None, batch)
        except Exception as fault:  # noqa: BLE001 - the types of an author run while arguments are read: whatever they raise
            defect = PeerError(INTERNAL_ERROR, f"{request.method} failed before it began.")
            if call is not None:
                call.fault, call.ended = fault, True
            return self._say(encode.error(defect, request.id), call, batch)

    def _version(self, row: Method, params: Params) -> Version:
        """The version that this request speaks. Raises PeerError where none is agreed."""
        meta = params.meta
        if meta is not UNSET and meta.version is not UNSET:
            asked: str = meta.version
            if asked not in STATELESS:
                raise _no_version(asked, self.said_version)
            if meta.capabilities is UNSET:
                raise _missing_meta(CLIENT_CAPABILITIES)
            return VERSIONS[asked]
        if self.said_version is not None and self.said_version not in VERSIONS:
            raise _no_version(self.said_version, None, VERSIONS)
        if self.stateless_only:
            raise _missing_meta(PROTOCOL_VERSION)
        if self.version is not None:
            return self.version
        if row.before_handshake:
            return answers.FIRST
        if not row.versions.difference(STATELESS) or _half_stateless(meta):
            raise _missing_meta(PROTOCOL_VERSION)
        raise PeerError(
            INVALID_REQUEST,
            f"{row.name} came before a handshake.",
            data={
                "errorCode": "SESSION_NOT_INITIALIZED",
                "next": f"Send initialize first, or put {PROTOCOL_VERSION} and {CLIENT_CAPABILITIES} into _meta.",
            },
        )

    def _admit(self, row: Method, call: Call) -> None:
        """Whether the call may begin. Raises PeerError where the id is taken, or too much is in flight."""
        calls = self.calls
        if call.id in calls:
            raise PeerError(INVALID_REQUEST, f"The id {call.id!r} is that of a request still in flight.")
        if len(calls) >= self.terms.in_flight and row.name != "ping":
            limit = self.terms.in_flight
            raise PeerError(BUSY, f"{limit} requests of yours are already in flight.", data={"limit": limit})
        if self.closing and not row.while_draining and row.extension is None:
            raise PeerError(SHUTTING_DOWN, "This server is going away.")
        if row.capability == "completions" and not self.terms.catalog.completes:
            raise _no_method(row.name)
        if call.batch is not None and row.name == "initialize":
            raise PeerError(INVALID_REQUEST, "initialize must not be part of a batch.")
        if call.batch is not None and not call.version.batches:
            raise PeerError(INVALID_REQUEST, f"MCP {call.version.date} has no batches.")

    def _notification(self, notice: Notification) -> list[Effect]:
        row = CLIENT_NOTICES.get(notice.method)
        if row is None:
            return []  # Notifications are never answered, unknown ones included.
        if notice.method == "notifications/cancelled":
            return self._cancelled(notice)
        if notice.method == "notifications/initialized":
            self.ready = self.version is not None
        return [Tell(notice.method)]

    def _cancelled(self, notice: Notification) -> list[Effect]:
        try:
            asked = _read_cancelled(notice.params or _NOTHING)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return []  # A cancellation that names nothing cancels nothing, and may not be answered.
        call = self.calls.get(asked.request_id)
        if call is None:
            return []  # It has ended already: the two crossed on the way.
        return [Stop(call), *self.drop(call)]

    # What goes out.

    def finish(self, call: Call, value: Any) -> bytes | None:
        """The frame that answers `call` with what its function returned; None if nobody waits any more.

        Raises nothing: a value that no JSON can hold is a defect of the server, and is answered as one.
        """
        if call.ended:
            return None
        try:
            frame = encode.result(call.id, answers.conclude(call, value))
        except PeerError as refusal:
            frame = encode.error(refusal, call.id)
        except Exception as fault:  # noqa: BLE001 - foreign values write themselves, and raise whatever they like
            # What an encoder says of a foreign value may quote it: the peer reads only that it failed.
            call.fault = fault
            frame = answers.unfit(call)
        return self._end(call, frame)

    def fail(self, call: Call, error: Exception) -> bytes | None:
        """The frame that tells the caller that `call` failed, as much of it as the caller may know."""
        if call.ended:
            return None
        try:
            frame = answers.failed(call, error)
        except Exception as fault:  # noqa: BLE001 - a text or data that cannot be written must not leave the caller waiting
            call.fault = fault
            frame = answers.failed(call, fault)
        return self._end(call, frame)

    def suspend(self, call: Call, now: float) -> bytes | None:
        """The frame that puts the call's open questions to its caller; the call keeps, and its id is free again.

        None if nobody waits for it. Where too many are suspended already, the call fails as busy.
        """
        if call.ended or self.calls.get(call.id) is not call:
            return None
        try:
            questions = msgspec.Raw(encode.encode(call.questions or {}))
            state = self.parking.park(call, now)
        except (PeerError, TypeError, ValueError, RecursionError, OverflowError) as refusal:
            return self.fail(call, refusal)
        frame = encode.result(call.id, answers.input_required(call, questions, state))
        self.calls.pop(call.id, None)
        call.parked = True
        return frame if call.batch is None else call.batch.settle(frame)

    def answer(self, call: Call, result: Any) -> list[Effect]:
        """Answer at once, for requests that run nothing."""
        return self._say(encode.result(call.id, result), call, call.batch)

    def begin(self, call: Call) -> None:
        """Count the call as in flight, until it is answered or cancelled."""
        self.calls[call.id] = call

    def drop(self, call: Call) -> list[Effect]:
        """End a call without an answer. A batch that waited only for it goes out."""
        self.calls.pop(call.id, None)
        call.ended = True
        self.listening.remove(call.id)
        if call.batch is not None and (frame := call.batch.settle(None)) is not None:
            return [Send(frame, call)]
        return []

    def progress(self, call: Call, done: float, total: float | None, message: str | None) -> bytes | None:
        """A progress frame; None if the caller wants none or is away, the call ended, or `done` did not grow."""
        token = call.progress_token
        if token is None or call.ended or call.parked or call.job is not None or not math.isfinite(done):
            return None
        if call.last_progress is not None and done <= call.last_progress:
            return None
        call.last_progress = done
        if total is not None and not math.isfinite(total):
            total = None
        return encode.notification("notifications/progress", answers.progress(token, done, total, message))

    def log(self, call: Call, level: str, data: Any, logger: str | None) -> bytes | None:
        """A log frame; None if the caller does not want this level or is away, or the call ended."""
        if call.entry is None:
            return None  # Nothing runs for it: it is an open subscription, which carries no log.
        if call.ended or call.parked or call.job is not None or not answers.wanted(call.log_level, level):
            return None
        return encode.notification("notifications/message", answers.log(level, data, logger))

    def changed(self, kind: str) -> list[Send]:
        """Tell the peer that a list changed, if it wants to know."""
        return self.listening.changed(kind, handshake=self.ready)

    def updated(self, uri: str) -> list[Send]:
        """Tell the peer that a resource changed, if it subscribed to it."""
        return self.listening.updated(uri, handshake=self.ready)

    def farewell(self) -> list[Send]:
        """The server goes away: end what the peer listens to, each with the result of its listen request."""
        frames = []
        for listener in list(self.listening.listeners.values()):
            call = listener.call
            meta = {**msgspec.json.decode(self.terms.server_meta), **listener.meta()}
            frame = encode.result(call.id, {"resultType": "complete", "_meta": meta})
            self.drop(call)
            frames.append(Send(frame, call))
        return frames

    def close(self) -> list[Call]:
        """The line is gone: the calls whose tasks are to be ended. Suspended calls are not among them."""
        calls = list(self.calls.values())
        self.calls.clear()
        self.listening = Listening()
        self.ready = False
        for call in calls:
            call.ended = True
        return calls

    def _end(self, call: Call, frame: bytes) -> bytes | None:
        known = self.calls.pop(call.id, None)
        if known is not call:  # It is suspended: its id was answered, and may be another call's by now.
            if known is not None:
                self.calls[call.id] = known
            if call.job is not None:
                call.ended, call.job.frame = True, frame
            return None
        call.ended = True
        return frame if call.batch is None else call.batch.settle(frame)

    def _say(self, frame: bytes, call: Call | None, batch: Batch | None) -> list[Effect]:
        if batch is None:
            return [Send(frame, call)]
        whole = batch.settle(frame)
        return [] if whole is None else [Send(whole, call)]


def _read_params(row: Method, request: Request, said_version: str | None) -> Params:
    try:
        return _DECODERS[row.name](request.params or _NOTHING)
    except msgspec.ValidationError as fault:
        _check_version(request, said_version)
        # msgspec names the path and the types, never the value.
        raise PeerError(INVALID_PARAMS, f"The params of {row.name} do not fit: {fault}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PeerError(INTERNAL_ERROR, "The params could not be read.") from None


def _check_version(request: Request, said: str | None) -> None:
    """What comes before any fault of the params: that the version is not spoken here, or that it has no such method."""
    try:
        meta = _read_meta(request.params or _NOTHING).meta
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if meta is UNSET or meta.version is UNSET:
        return
    if meta.version not in STATELESS:
        raise _no_version(meta.version, said)
    row = METHODS.get(request.method)
    if row is not None and meta.version not in row.versions:
        raise _no_method(request.method)


def _half_stateless(meta: Any) -> bool:
    """Whether a request without a version has other members that only the stateless era knows."""
    return meta is not UNSET and not (meta.capabilities is meta.client is meta.log_level is UNSET)


def _no_version(asked: str, said: str | None, spoken: Iterable[str] = STATELESS) -> PeerError:
    if said is not None and said != asked:
        text = "The headers name another version than the body."
        return PeerError(HEADER_MISMATCH, text, data={"expected": asked[:40]})
    return PeerError(
        UNSUPPORTED_VERSION,
        f"This server does not speak MCP {asked[:40]!r} without a handshake.",
        data={"supported": list(spoken), "requested": asked},
    )


def _no_method(method: str) -> PeerError:
    data = {"method": method[:100]}
    if method.startswith(("sampling/", "elicitation/")):
        # Old clients ask these of a server, where they have nothing to find.
        kind = method.partition("/")[0]
        data["next"] = f"A server asks {kind} of its client; of a server, ask tools/list and tools/call."
    return PeerError(METHOD_NOT_FOUND, f"There is no method {method[:100]!r} here.", data=data)


def _missing_meta(member: str) -> PeerError:
    return PeerError(
        INVALID_PARAMS,
        f"params._meta lacks {member!r}.",
        data={"next": f"Put {member!r} into the _meta of each request."},
    )
