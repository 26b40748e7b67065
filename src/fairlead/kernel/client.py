"""The client's half of one conversation, without I/O: what to send, and what the server's frames mean.

Both eras: before a version is agreed nothing but the probe and the handshake goes out; after it, a stateless request
carries all of its metadata. Every request ends in exactly one answer, refusal or cancellation; a second answer, a late
one and one to nothing are dropped and counted. Refuses to decide what is repeated: that is the caller's business.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from fairlead.errors import METHOD_NOT_FOUND, CallError, PeerError
from fairlead.kernel.effects import Asked, ClientEffect, Heard, Send, Settle
from fairlead.spec import VERSIONS, Version
from fairlead.spec.descriptors import Implementation, describe
from fairlead.spec.methods import ASKED, METHODS
from fairlead.spec.params import CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION
from fairlead.wire import Failure, Limits, Notification, Request, Response, decode, encode

_anything: Final[Callable[[Any], Any]] = msgspec.json.Decoder().decode
_NOTHING: Final = b"{}"


def _read(raw: msgspec.Raw, otherwise: Any) -> Any:
    """What the bytes say. The decoder has seen that they are JSON, but not into every string of them."""
    try:
        return _anything(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return otherwise


def _members(raw: msgspec.Raw | None) -> dict[str, Any]:
    """Parameters by their names; nothing where they have none."""
    params = None if raw is None else _read(raw, None)
    return params if isinstance(params, dict) else {}


class Outgoing(msgspec.Struct, gc=False):
    """A message for the line. Lines that repeat parts of it in headers find them here."""

    frame: bytes
    id: int | None = None
    method: str = ""
    name: str | None = None
    version: Version | None = None
    headers: dict[str, str] = {}
    cancels: int | None = None
    """The request that this message cancels."""


class ClientSession:
    """One conversation with a server. Not safe for use from several threads."""

    def __init__(self, me: Implementation, capabilities: dict[str, Any], *, limits: Limits | None = None):
        self.me = me
        self.capabilities = capabilities
        self.version: Version | None = None
        """What is spoken; None until the probe or the handshake has found out."""

        self.server: Implementation | None = None
        self.offers: dict[str, Any] = {}
        """The server's capabilities."""

        self.instructions: str | None = None
        self.log_level: str | None = None
        self.strays = 0
        """Answers to nothing, and frames that could not be read."""

        self._limits = limits or Limits()
        self._last = -1
        self._open: dict[int, str] = {}
        self._told: tuple[tuple[str, str | None], msgspec.Raw] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, id: object) -> bool:
        return id in self._open

    # What goes out.

    def request(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        version: Version | None = None,
        progress: bool = False,
        meta: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Outgoing:
        """A new request. Its id counts up and is never used twice; progress comes under that id."""
        self._last += 1
        id, spoken = self._last, version or self.version
        sent = params or {}
        told = self._meta(spoken, meta, id if progress else None)
        if told is not None:
            sent = {**sent, "_meta": told}
        row = METHODS.get(method)
        name = None if row is None or row.named_by is None else str(sent.get(row.named_by, ""))
        # Methods without parameters are sent without them: some servers refuse an empty object, none its absence.
        frame = encode.request(id, method, sent) if sent else encode.request(id, method)
        self._open[id] = method
        return Outgoing(frame, id, method, name, spoken, headers or {})

    def notify(self, method: str, params: dict[str, Any] | None = None) -> Outgoing:
        """A notification."""
        frame = encode.notification(method, params) if params else encode.notification(method)
        return Outgoing(frame, None, method, None, self.version)

    def cancel(self, id: int, reason: str | None = None) -> Outgoing | None:
        """Wait no longer for an answer: the notification that says so, None if it is there already."""
        method = self._open.pop(id, None)
        if method is None or method == "initialize":
            return None
        params: dict[str, Any] = {"requestId": id}
        if reason:
            params["reason"] = reason
        out = self.notify("notifications/cancelled", params)
        out.cancels = id
        return out

    def answer(self, id: int | str, result: Any) -> Outgoing:
        """The answer to a request of the server's."""
        return Outgoing(encode.result(id, result), version=self.version)

    def refuse(self, id: int | str, refusal: PeerError) -> Outgoing:
        """The refusal of a request of the server's."""
        return Outgoing(encode.error(refusal, id), version=self.version)

    def _meta(self, version: Version | None, given: dict[str, Any] | None, progress: int | None) -> Any:
        """The metadata of a request, None where it has none."""
        stateless = version is not None and version.era == "stateless"
        if not given and progress is None:
            return self._usual(version) if stateless else None  # type: ignore[arg-type]
        told = {**(given or {}), **self._metadata(version)}
        if progress is not None:
            told["progressToken"] = progress
        return told

    def _usual(self, version: Version) -> msgspec.Raw:
        """The metadata that every request of one version has, as bytes: it is the larger part of a small call."""
        known = (version.date, self.log_level)
        if self._told is None or self._told[0] != known:
            self._told = known, msgspec.Raw(encode.encode(self._metadata(version)))
        return self._told[1]

    def _metadata(self, version: Version | None) -> dict[str, Any]:
        if version is None or version.era != "stateless":
            return {}
        told = {
            PROTOCOL_VERSION: version.date,
            CLIENT_CAPABILITIES: self.capabilities,
            CLIENT_INFO: describe(self.me, version),
        }
        if self.log_level is not None:
            told[LOG_LEVEL] = self.log_level
        return told

    # What comes in.

    def receive(self, frame: bytes | str) -> list[ClientEffect]:
        """What a frame means. Never raises: what cannot be read is counted, since there is nobody to tell."""
        try:
            message = decode(frame, self._limits)
        except PeerError:
            self.strays += 1
            return []
        if isinstance(message, list):
            return [effect for member in message for effect in self._one(member)]
        return self._one(message)

    def _one(self, message: Any) -> list[ClientEffect]:
        if isinstance(message, Response):
            return self._settle(message.id, Settle(0, value=message.result))
        if isinstance(message, Failure):
            data = None if message.data is None else _read(message.data, None)
            return self._settle(message.id, Settle(0, error=CallError(message.code, message.message, data)))
        if isinstance(message, Notification):
            return self._noticed(message)
        if isinstance(message, Request):
            return self._asked(message)
        self.strays += 1
        return []

    def _settle(self, id: int | str | None, settle: Settle) -> list[ClientEffect]:
        if type(id) is not int or self._open.pop(id, None) is None:
            self.strays += 1
            return []
        settle.id = id
        return [settle]

    def _noticed(self, notice: Notification) -> list[ClientEffect]:
        params = _members(notice.params)
        id = params.get("requestId")
        # The end of a listen request is told in one of two ways: by a result, or by a cancellation.
        if notice.method == "notifications/cancelled" and type(id) is int:
            if self._open.get(id) == "subscriptions/listen":
                return self._settle(id, Settle(0, value=msgspec.Raw(_NOTHING)))
        return [Heard(notice.method, params)]

    def _asked(self, request: Request) -> list[ClientEffect]:
        if request.method == "ping":
            return [Send(encode.result(request.id, {}))]
        if request.method not in ASKED:
            refusal = PeerError(METHOD_NOT_FOUND, f"A client answers no {request.method[:100]!r}.")
            return [Send(encode.error(refusal, request.id))]
        return [Asked(request.id, request.method, _members(request.params))]

    # The handshake and the probe.

    def handshaken(self, result: dict[str, Any]) -> None:
        """Take what the server answered to `initialize`. Raises PeerError for a version that is not known here."""
        date = result.get("protocolVersion")
        version = VERSIONS.get(date) if isinstance(date, str) else None
        if version is None or version.era != "handshake":
            raise PeerError(0, f"The server speaks MCP {str(date)[:40]!r}, which is not known here.")
        self._meet(version, result, result.get("serverInfo"))

    def discovered(self, result: dict[str, Any], version: Version, server: Any) -> None:
        """Take what the server answered to `server/discover`."""
        self._meet(version, result, server)

    def _meet(self, version: Version, result: dict[str, Any], server: Any) -> None:
        self.version = version
        capabilities, instructions = result.get("capabilities"), result.get("instructions")
        self.offers = capabilities if isinstance(capabilities, dict) else {}
        self.instructions = instructions if isinstance(instructions, str) else None
        try:
            self.server = msgspec.convert(server, Implementation)
        except msgspec.ValidationError:
            self.server = None  # Who it is decides nothing.
