"""The JSON-RPC texts a client sends, per protocol era, and how an answer is judged.

A request is a template: eight bytes wide slots take the call's number, so that every frame has the
same length and only its digits change. The module refuses to know any transport.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

SLOT = b"@@@@@@@@"
FIRST_NUMBER = 10_000_000
ADDEND = 7
BLOB_CHARACTERS = 1_048_576

_BLOB = b'"%b"' % (b"x" * BLOB_CHARACTERS)
_BLOB_START = _BLOB[:9]


class Era(Enum):
    """How the two sides agree on a version before the first call."""

    NONE = "none"
    HANDSHAKE = "2025-11-25"
    STATELESS = "2026-07-28"


@dataclass(frozen=True)
class Call:
    """One kind of request, and the test of its answer.

    `holds` is the cheap look at the bytes; `text` gives the whole expected text, for the careful
    look that follows whenever the cheap one fails.
    """

    tool: str
    arguments: bytes
    holds: Callable[[bytes, bytes], bool]
    text: Callable[[int], str]


def _sum_holds(payload: bytes, digits: bytes) -> bool:
    return b'"%d"' % (int(digits) + ADDEND) in payload


def _blob_holds(payload: bytes, _digits: bytes) -> bool:
    # `startswith` at an offset compares in place; a slice would copy a megabyte for each answer.
    start = payload.find(_BLOB_START)
    return start >= 0 and payload.startswith(_BLOB, start)


ADD = Call(
    tool="add",
    arguments=b'{"a":%b,"b":%d}' % (SLOT, ADDEND),
    holds=_sum_holds,
    text=lambda number: str(number + ADDEND),
)
BLOB = Call(
    tool="blob",
    arguments=b'{"size":%d}' % BLOB_CHARACTERS,
    holds=_blob_holds,
    text=lambda _number: "x" * BLOB_CHARACTERS,
)

_CLIENT = {"name": "fairlead-bench", "version": "1"}
_STATELESS_META = b',"_meta":' + msgspec.json.encode(
    {
        "io.modelcontextprotocol/protocolVersion": Era.STATELESS.value,
        "io.modelcontextprotocol/clientInfo": _CLIENT,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
)

INITIALIZE = msgspec.json.encode(
    {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": Era.HANDSHAKE.value,
            "capabilities": {},
            "clientInfo": _CLIENT,
        },
    }
)
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


def call_template(call: Call, era: Era) -> bytes:
    """The text of a `tools/call`, with `SLOT` wherever the number of the call goes."""
    meta = _STATELESS_META if era is Era.STATELESS else b""
    return (b'{"jsonrpc":"2.0","id":%b,"method":"tools/call","params":{"name":"%b","arguments":%b%b}}') % (
        SLOT,
        call.tool.encode(),
        call.arguments,
        meta,
    )


def check_initialized(payload: bytes) -> None:
    """Raise ValueError unless `payload` is a good answer to `INITIALIZE`."""
    answer = _decode(payload)
    result = answer.get("result")
    if answer.get("id") != 0 or not isinstance(result, dict) or "protocolVersion" not in result:
        raise ValueError(f"initialize was answered with {payload[:200]!r}")


def fault_of(payload: bytes, call: Call, number: int) -> str | None:
    """The careful look: None where the answer is right after all, else what is wrong with it."""
    answer = _decode(payload)
    if answer.get("id") != number:
        return f"answer to {number} has id {answer.get('id')!r}"
    if "error" in answer:
        return f"error answer {answer['error']!r}"
    result = answer.get("result")
    content = result.get("content") if isinstance(result, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    text = first.get("text") if isinstance(first, dict) else None
    if text != call.text(number):
        return f"wrong answer to {number}: {payload[:200]!r}"
    return None


def number_of(payload: bytes) -> int | None:
    """The number an answer belongs to, or None for a notification.

    Raises ValueError for a request of the server: nothing here invites one.
    """
    answer = _decode(payload)
    if "method" in answer:
        if "id" in answer:
            raise ValueError(f"the server asked {answer['method']!r} of the client")
        return None
    number = answer.get("id")
    if not isinstance(number, int):
        raise ValueError(f"an answer without a number: {payload[:200]!r}")
    return number


def _decode(payload: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {payload[:200]!r}") from error
    if not isinstance(answer, dict):
        raise ValueError(f"not one message: {payload[:200]!r}")
    return answer
