"""Frames for the tests of the decoder, and what became of them."""

from typing import Any

import msgspec

from fairlead.errors import PeerError
from fairlead.wire import Limits, Message, decode


def request(*, id: str = "1", method: str = '"m"', params: str = "{}") -> str:
    """A request from the JSON text of its parts."""
    return f'{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}'


def nested(levels: int) -> str:
    """A request that nests as deep as this, all told."""
    return request(params="[" * (levels - 1) + "]" * (levels - 1))


def refusal(frame: str | bytes, limits: Limits | None = None) -> PeerError:
    """The error that decoding ends with; a frame that passes fails the test."""
    try:
        passed = decode(frame) if limits is None else decode(frame, limits)
    except PeerError as error:
        return error
    raise AssertionError(f"{frame[:100]!r} became {passed!r}")


def verdict(frame: str | bytes) -> tuple[int, Any]:
    """The code and the id of the error."""
    error = refusal(frame)
    return error.code, error.id


def plain(message: Message) -> dict[str, Any]:
    """A message as plain values, with its raw parts decoded; `kind` is the name of its class."""
    parts = msgspec.structs.asdict(message)
    for name, value in parts.items():
        if isinstance(value, msgspec.Raw):
            parts[name] = msgspec.json.decode(value)
    return {"kind": type(message).__name__, **parts}
