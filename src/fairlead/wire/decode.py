"""Bytes to messages: one frame in, one message or a batch out, or a `PeerError` that can be answered.

The envelope is decoded once by type; `params` and `result` stay raw for whoever knows their type.
Refuses what JSON-RPC 2.0 does not allow, what is past the limits, and what JSON parsers
let through in silence: repeated keys of the envelope, numbers past the range of a double, nesting.
"""

import json
from typing import Any, Final

import msgspec

from fairlead.errors import INVALID_REQUEST, PARSE_ERROR, PeerError
from fairlead.wire import scan
from fairlead.wire.limits import DEFAULT, Limits
from fairlead.wire.message import Failure, Message, Notification, Request, Response

_UNSET: Final = msgspec.UNSET


class _Envelope(msgspec.Struct, gc=False):
    jsonrpc: str
    id: int | float | str | bool | None | msgspec.UnsetType = _UNSET
    method: str | msgspec.UnsetType = _UNSET
    params: msgspec.Raw | msgspec.UnsetType = _UNSET
    result: msgspec.Raw | msgspec.UnsetType = _UNSET
    error: msgspec.Raw | msgspec.UnsetType = _UNSET


class _Error(msgspec.Struct, gc=False):
    # Devices answer without a code and some peers send a float: read what can be read.
    code: int | float | None = None
    message: str = ""
    data: msgspec.Raw | msgspec.UnsetType = _UNSET


_envelope = msgspec.json.Decoder(_Envelope).decode
_members = msgspec.json.Decoder(list[msgspec.Raw]).decode
_anything = msgspec.json.Decoder().decode
_error = msgspec.json.Decoder(_Error).decode
_BLANK: Final = " \t\r\n"
# What msgspec raises for text that is no JSON (it recurses on its own stack, hence RecursionError).
_NOT_JSON: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_CONTAINERS: Final = b"{["
_BARE: Final = len('{"jsonrpc":"2.0","id":,"method":"","params":}')


def decode(frame: bytes | str, limits: Limits = DEFAULT) -> Message | list[Message | PeerError]:
    """One message, or the members of a batch, each a message or the error to answer for it.

    Raises PeerError where the frame as a whole cannot be read; its `id` is set where one can.
    """
    if len(frame) > limits.frame_bytes:
        raise PeerError(
            INVALID_REQUEST,
            f"A frame of {len(frame)} bytes is over the limit of {limits.frame_bytes}.",
            data={"limit": limits.frame_bytes},
        )
    text = frame if isinstance(frame, str) else _utf8(frame)
    if text[:1] == "[" or text.lstrip(_BLANK)[:1] == "[":
        return _batch(text, limits)
    return _message(text, limits)


def _utf8(frame: bytes) -> str:
    try:
        return frame.decode()
    except UnicodeDecodeError as fault:
        raise PeerError(
            PARSE_ERROR, f"The frame is not UTF-8 at byte {fault.start}.", id=find_id(frame.decode(errors="replace"))
        ) from None


def _batch(text: str, limits: Limits) -> list[Message | PeerError]:
    if scan.too_deep(text, limits.nesting + 1):
        raise PeerError(PARSE_ERROR, f"The frame nests deeper than {limits.nesting}.", data={"limit": limits.nesting})
    try:
        members = _members(text)
    except _NOT_JSON:
        raise PeerError(PARSE_ERROR, "The frame starts as a batch but is not JSON.") from None
    if not members:
        raise PeerError(INVALID_REQUEST, "A batch holds at least one message; this one is empty.")
    if len(members) > limits.batch:
        raise PeerError(
            INVALID_REQUEST,
            f"A batch of {len(members)} messages is over the limit of {limits.batch}.",
            data={"limit": limits.batch},
        )
    return [_member(bytes(raw).decode(), limits) for raw in members]


def _member(text: str, limits: Limits) -> Message | PeerError:
    try:
        return _message(text, limits)
    except PeerError as refusal:
        return refusal


def _message(text: str, limits: Limits) -> Message:
    if text.count("{") + text.count("[") > limits.nesting and scan.too_deep(text, limits.nesting):
        raise PeerError(
            PARSE_ERROR,
            f"The frame nests deeper than {limits.nesting}.",
            data={"limit": limits.nesting},
            id=find_id(text),
        )
    try:
        seen = _envelope(text)
    except _NOT_JSON as fault:
        raise _refuse(text, fault) from None
    if scan.may_overflow(text):
        _check_numbers(text, seen)
    inner = _inner(seen)
    known: Any = seen.id
    if type(known) is not int and type(known) is not str:
        known = None
    if seen.jsonrpc != "2.0":
        raise PeerError(INVALID_REQUEST, 'The member "jsonrpc" must be "2.0".', id=known)
    if len(text) != _length(seen, known, inner) and scan.may_repeat(text, inner):
        _check_keys(text, known)
    if seen.method is not _UNSET:
        return _asked(seen, known, inner)
    return _answered(seen, known)


def _inner(seen: _Envelope) -> bytes:
    """The value that may itself hold the envelope's keys; a message has one of them."""
    for value in (seen.params, seen.result, seen.error):
        if value is not _UNSET:
            return bytes(value)  # type: ignore[arg-type]
    return b""


def _length(seen: _Envelope, known: int | str | None, inner: bytes) -> int:
    """How long a request with just these members is, without blanks; 0 for other kinds.

    A frame of that length has no room for a second key, which spares nearly every frame the counting.
    (The value is measured in bytes, the frame in characters: beyond ASCII they differ, and counting settles it.)
    """
    if seen.method is _UNSET or known is None:
        return 0
    size = len(known) + 2 if type(known) is str else len(str(known))
    return _BARE + size + len(seen.method) + len(inner)


def _check_keys(text: str, known: int | str | None) -> None:
    key = scan.repeated_key(text)
    if key is not None:
        raise PeerError(
            INVALID_REQUEST, f'The member "{key}" stands twice in the envelope.', id=None if key == "id" else known
        )


def _asked(seen: _Envelope, known: int | str | None, inner: bytes) -> Message:
    params: msgspec.Raw | None = seen.params  # type: ignore[assignment]
    if seen.params is _UNSET or inner == b"null":
        params = None  # `"params": null` is what manager-api sends: as good as none.
    elif inner[0] not in _CONTAINERS:
        raise PeerError(INVALID_REQUEST, 'The member "params" must be an object.', id=known)
    if seen.result is not _UNSET or seen.error is not _UNSET:
        raise PeerError(INVALID_REQUEST, 'A message has either "method" or "result" or "error".', id=known)
    method: str = seen.method  # type: ignore[assignment]
    if seen.id is _UNSET:
        return Notification(method, params)
    if known is None:
        raise PeerError(INVALID_REQUEST, "The id of a request is a string or an integer.")
    return Request(known, method, params)


def _answered(seen: _Envelope, known: int | str | None) -> Message:
    if seen.id is not None and known is None:
        raise PeerError(INVALID_REQUEST, "A response carries the id of its request.")
    if seen.result is not _UNSET:
        # Peers add "error": null to a result; a real error beside it is a contradiction.
        if seen.error is not _UNSET and bytes(memoryview(seen.error)[:1]) != b"n":
            raise PeerError(INVALID_REQUEST, 'A response has "result" or "error", not both.')
        return Response(known, seen.result)
    if seen.error is _UNSET:
        raise PeerError(INVALID_REQUEST, 'A message has "method", "result" or "error".', id=known)
    try:
        fault = _error(seen.error)
    except _NOT_JSON:
        raise PeerError(INVALID_REQUEST, 'The member "error" must be an object with code and message.') from None
    code = fault.code if isinstance(fault.code, int) else 0
    return Failure(known, code, fault.message, None if fault.data is _UNSET else fault.data)


def _check_numbers(text: str, seen: _Envelope) -> None:
    try:
        _anything(text)
    except _NOT_JSON:
        known = seen.id if type(seen.id) in (int, str) else None
        raise PeerError(PARSE_ERROR, "A number in the frame is past the range of a double.", id=known) from None  # type: ignore[arg-type]


def _refuse(text: str, fault: Exception) -> PeerError:
    """The right error for a frame that is no envelope: not JSON, or JSON of another shape."""
    known = find_id(text)
    if isinstance(fault, msgspec.ValidationError):
        try:
            value = _anything(text)
        except _NOT_JSON:
            return PeerError(PARSE_ERROR, "A number in the frame is past the range of a double.", id=known)
        if not isinstance(value, dict):
            return PeerError(INVALID_REQUEST, "A message is a JSON object.")
        return PeerError(INVALID_REQUEST, f"Not a JSON-RPC 2.0 message: {fault}.", id=known)
    return PeerError(PARSE_ERROR, "The frame is not JSON.", id=known)


def find_id(text: str) -> int | str | None:
    """The id of a broken frame where it can still be read, else None. Never raises.

    Reads the top level only: an `"id"` inside `params` belongs to somebody else.
    """
    place = _top_level_id(text)
    if place is None:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text, place)
        if type(value) is int:
            return value
        if type(value) is str:
            value.encode()
            return value
    except (ValueError, RecursionError):
        return None  # Also a lone surrogate, which could not be sent back.
    return None


def _top_level_id(text: str) -> int | None:
    found: int | None = None
    depth = 0
    for token in scan.TOKEN.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif depth == 1 and token[1] is not None:
            if found is not None:
                return None  # Two ids: neither is sure.
            found = token.end()
    return found
