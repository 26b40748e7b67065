"""Bytes to messages: one frame in, one message or a batch out, or a `PeerError` that can be answered.

The envelope is decoded once by type; `params` and `result` stay raw for whoever knows their type.
Refuses what JSON-RPC 2.0 does not allow, what is past the limits, and what JSON parsers
let through in silence: repeated keys of the envelope, numbers past the range of a double, nesting.
A compact request, as nearly every frame is, needs no more than its length to show that it hides nothing.
"""

import json
from collections.abc import Callable
from functools import lru_cache
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
_anything = msgspec.json.Decoder().decode
_error = msgspec.json.Decoder(_Error).decode
_json = json.JSONDecoder()
_BLANK: Final = " \t\r\n"
# What msgspec raises for text that is no JSON (it recurses on its own stack, hence RecursionError; a str may
# hold half a surrogate pair, hence UnicodeError).
_NOT_JSON: Final = (msgspec.DecodeError, RecursionError, UnicodeError)
_CONTAINERS: Final = b"{["
_ID_BEGINS: Final = frozenset('"-0123456789')
_ID_ENDS: Final = frozenset(",}")
_LONGEST_CHARACTER: Final = 4
_BARE: Final = len('{"jsonrpc":"2.0","id":,"method":"","params":}')
_LONG_ID: Final = 1_000_000
# Beside an id of one digit: a second `"id":1,` has seven characters, and no key of the envelope is shorter.
_TOO_NARROW: Final = len('1"id":1,')


def decode(frame: bytes | str, limits: Limits = DEFAULT) -> Message | list[Message | PeerError]:
    """One message, or the members of a batch, each a message or the error to answer for it.

    Raises PeerError where the frame as a whole cannot be read; its `id` is set where one can.
    """
    size = len(frame)
    if size * _LONGEST_CHARACTER > limits.frame_bytes:
        _check_size(frame, limits.frame_bytes)
    text = frame if isinstance(frame, str) else _utf8(frame)
    # No text of this length nests deeper: each level has a beginning and an end.
    if size > 2 * limits.nesting and text.count("{") + text.count("[") > limits.nesting:
        _check_nesting(text, limits.nesting)
    try:
        seen = _envelope(text)
    except _NOT_JSON as fault:
        return _unlike(text, fault, limits)
    id, method, params = seen.id, seen.method, seen.params
    if params is _UNSET or method is _UNSET:
        return _sort(text, seen)
    value = bytes(params)
    room = size - _BARE - len(method) - len(value)
    if type(id) is str:
        room -= len(id)
    elif type(id) is not int:
        return _sort(text, seen)
    elif id >= _LONG_ID:
        room -= len(str(id)) - 1
    # What is left is the id and blanks: neither a key that stands twice, nor another member. Escapes only shorten
    # what was decoded; beyond ASCII, bytes and characters can't be set against each other.
    if room < _TOO_NARROW and text.isascii() and seen.jsonrpc == "2.0" and value[0] in _CONTAINERS:
        if scan.may_overflow(value):
            _check_numbers(text)
        return Request(id, method, params)
    return _sort(text, seen)


def _check_size(frame: bytes | str, limit: int) -> None:
    size = len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode(errors="replace"))
    if size > limit:
        raise PeerError(
            INVALID_REQUEST, f"A frame of {size} bytes is over the limit of {limit}.", data={"limit": limit}
        )


def _utf8(frame: bytes) -> str:
    try:
        return frame.decode()
    except UnicodeDecodeError as fault:
        # What could not be decoded becomes half a surrogate, which no id may hold.
        known = find_id(frame.decode(errors="surrogateescape"))
        raise PeerError(PARSE_ERROR, f"The frame is not UTF-8 at byte {fault.start}.", id=known) from None


def _check_nesting(text: str, limit: int) -> None:
    batch = text.lstrip(_BLANK)[:1] == "["
    if scan.too_deep(text, limit + batch):
        raise PeerError(PARSE_ERROR, f"The frame nests deeper than {limit}.", data={"limit": limit}, id=find_id(text))


def _unlike(text: str, fault: Exception, limits: Limits) -> list[Message | PeerError]:
    """The members of a batch; raises the right error for what is neither a batch nor a message."""
    if text.lstrip(_BLANK)[:1] == "[":
        return _batch(text, limits)
    raise _refuse(text, fault) from None


def _batch(text: str, limits: Limits) -> list[Message | PeerError]:
    try:
        members = _members(limits.batch)(text)
    except _NOT_JSON:
        raise PeerError(PARSE_ERROR, "The frame starts as a batch but is not JSON.") from None
    found = [raw for raw in msgspec.structs.astuple(members) if raw is not _UNSET]
    if not found:
        raise PeerError(INVALID_REQUEST, "A batch holds at least one message; this one is empty.")
    if len(found) > limits.batch:
        raise PeerError(
            INVALID_REQUEST,
            f"A batch of more than {limits.batch} messages is over the limit.",
            data={"limit": limits.batch},
        )
    return [_member(bytes(raw).decode(), limits) for raw in found]


@lru_cache(maxsize=8)
def _members(limit: int) -> Callable[[str], msgspec.Struct]:
    """Decodes an array of at most `limit` members and one too many; the others are passed over, not kept."""
    fields: list[Any] = [(f"m{place}", msgspec.Raw | msgspec.UnsetType, _UNSET) for place in range(limit + 1)]
    return msgspec.json.Decoder(msgspec.defstruct("_Members", fields, array_like=True)).decode


def _member(text: str, limits: Limits) -> Message | PeerError:
    if text[:1] == "[":
        return PeerError(INVALID_REQUEST, "A message is a JSON object.")
    try:
        return decode(text, limits)  # type: ignore[return-value]
    except PeerError as refusal:
        return refusal


def _sort(text: str, seen: _Envelope) -> Message:
    """The message in an envelope of any shape, with every check made in full."""
    known: Any = seen.id
    if type(known) is not int and type(known) is not str:
        known = None
    if scan.may_overflow(text.encode()):
        _check_numbers(text)
    inner = _inner(seen)
    if scan.may_repeat(text, inner, _quotes(seen)):
        _check_keys(text)
    if seen.jsonrpc != "2.0":
        raise PeerError(INVALID_REQUEST, 'The member "jsonrpc" must be "2.0".', id=known)
    if seen.method is not _UNSET:
        return _asked(seen, known, inner)
    return _answered(seen, known)


def _inner(seen: _Envelope) -> bytes:
    """The value that may itself hold the envelope's keys; a message has one of them."""
    for value in (seen.params, seen.result, seen.error):
        if value is not _UNSET:
            return bytes(value)
    return b""


def _quotes(seen: _Envelope) -> int:
    """How many quotes the keys and the short values of the envelope have."""
    count = 4  # "jsonrpc" and "2.0"
    for value in (seen.id, seen.params, seen.result, seen.error):
        if value is not _UNSET:
            count += 2
    if seen.method is not _UNSET:
        count += 4
    return count + 2 if isinstance(seen.id, str) else count


def _check_numbers(text: str) -> None:
    try:
        _anything(text)
    except _NOT_JSON:
        raise PeerError(PARSE_ERROR, "A number in the frame is past the range of a double.", id=find_id(text)) from None


def _check_keys(text: str) -> None:
    key = scan.repeated_key(text)
    if key is not None:
        # Of two ids neither is sure, also where another key is named first.
        raise PeerError(INVALID_REQUEST, f'The member "{key}" stands twice in the envelope.', id=find_id(text))


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
    if seen.result is _UNSET and seen.error is _UNSET:
        raise PeerError(INVALID_REQUEST, 'A message has "method", "result" or "error".', id=known)
    if seen.id is not None and known is None:
        raise PeerError(INVALID_REQUEST, "A response carries the id of its request.")
    if seen.result is not _UNSET:
        # Peers add "error": null to a result; a real error beside it is a contradiction.
        if seen.error is not _UNSET and bytes(seen.error) != b"null":
            raise PeerError(INVALID_REQUEST, 'A response has "result" or "error", not both.')
        return Response(known, seen.result)
    return _failed(seen, known)


def _failed(seen: _Envelope, known: int | str | None) -> Failure:
    try:
        fault = _error(seen.error)  # type: ignore[arg-type]
    except _NOT_JSON:
        raise PeerError(INVALID_REQUEST, 'The member "error" must be an object with code and message.') from None
    code = fault.code
    if isinstance(code, float):
        code = int(code) if code.is_integer() else 0
    return Failure(known, code or 0, fault.message, None if fault.data is _UNSET else fault.data)


def _refuse(text: str, fault: Exception) -> PeerError:
    """The right error for a frame that is no envelope: not JSON, or JSON of another shape."""
    known = find_id(text)
    if not isinstance(fault, msgspec.ValidationError):
        return PeerError(PARSE_ERROR, "The frame is not JSON.", id=known)
    try:
        value = _anything(text)
    except msgspec.ValidationError:
        return PeerError(PARSE_ERROR, "A number in the frame is past the range of a double.", id=known)
    except _NOT_JSON:
        return PeerError(PARSE_ERROR, "The frame is not JSON.", id=known)
    if not isinstance(value, dict):
        return PeerError(INVALID_REQUEST, "A message is a JSON object.")
    return PeerError(INVALID_REQUEST, f"Not a JSON-RPC 2.0 message: {fault}.", id=known)


def find_id(text: str) -> int | str | None:
    """The id of a broken frame where it can still be read, else None. Never raises.

    Reads the top level only: an `"id"` inside `params` belongs to somebody else. Of two ids neither is sure, and
    one that the break may have cut short is not known.
    """
    places = scan.id_places(text)
    if len(places) != 1 or text[places[0] : places[0] + 1] not in _ID_BEGINS:
        return None
    try:
        value, end = _json.raw_decode(text, places[0])
        if type(value) is str:
            value.encode()  # Half a surrogate pair could not be sent back.
    except (ValueError, RecursionError):
        return None
    whole = text[end:].lstrip(_BLANK)[:1] in _ID_ENDS
    return value if whole and (type(value) is int or type(value) is str) else None
