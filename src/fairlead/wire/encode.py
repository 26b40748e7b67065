"""Messages to bytes: one line of compact JSON each, ready for any line.

Refuses what cannot be JSON (`TypeError`, lone surrogates as `UnicodeEncodeError`): the caller
decides what the peer reads instead. NaN and infinities of a tool's result become null.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from fairlead.errors import PeerError


# The version goes first, for whoever reads the wire.
class _Answer(msgspec.Struct, gc=False):
    jsonrpc: str
    id: Any
    result: Any


class _Refusal(msgspec.Struct, gc=False):
    jsonrpc: str
    id: Any
    error: Any


class _Call(msgspec.Struct, gc=False):
    jsonrpc: str
    id: Any
    method: str
    params: Any


def plain(value: Any) -> Any:
    """What a foreign object is as JSON: a pydantic model dumps itself; anything else is refused."""
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


# The order of our own members is known, and a quote inside an id is escaped.
_ID = rb'(?:"id":(?:-?[0-9]+|"[^"\\]*(?:\\.[^"\\]*)*"),)?'
_ERROR = re.compile(rb'\{"jsonrpc":"2\.0",' + _ID + rb'"error":\{"code":(-?[0-9]+)').match
_encode = msgspec.json.Encoder(enc_hook=plain).encode


def encode(value: Any) -> bytes:
    """Any value as compact JSON. Raises TypeError or UnicodeEncodeError for what JSON cannot hold."""
    return _encode(value)


def result(id: int | str, value: Any) -> bytes:
    """The answer to request `id`."""
    return _encode(_Answer("2.0", id, value))


def error(refusal: PeerError, id: int | str | None = None) -> bytes:
    """The refusal of request `id`; without one where no id could be read."""
    known = refusal.id if id is None else id
    return _encode(_Refusal("2.0", msgspec.UNSET if known is None else known, refusal.describe()))


def request(id: int | str, method: str, params: Any = msgspec.UNSET) -> bytes:
    """A request of ours."""
    return _encode(_Call("2.0", id, method, params))


def notification(method: str, params: Any = msgspec.UNSET) -> bytes:
    """A message that wants no answer."""
    return _encode(_Call("2.0", msgspec.UNSET, method, params))


def error_code(frame: bytes) -> int | None:
    """The code of a frame that `error` made; None for every other frame of ours. Looks at its head alone."""
    found = _ERROR(frame)
    return None if found is None else int(found[1])


def batch(frames: Iterable[bytes]) -> bytes:
    """Several messages as one frame of the handshake era."""
    return b"[" + b",".join(frames) + b"]"
