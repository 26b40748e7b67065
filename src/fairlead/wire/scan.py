"""What a JSON parser does not tell: nesting depth, repeated keys, numbers past the range of a double.

Each check is a cheap count that settles nearly every frame, and an exact pass for the rest. None
of them decodes; they refuse by answering, the decoder raises.
"""

import json
import re
from itertools import accumulate
from typing import Any

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
# Strings are eaten whole, so that what stands inside them is not seen; `"id":` is told apart.
TOKEN = re.compile(r'("id"\s*:\s*)|"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
# A double ends at 1.8e308: a number needs an exponent of three digits to pass it in few characters.
# Two patterns, since each has a literal first character to be searched for.
_SMALL_E = re.compile(r"e\+?[0-9]{3}").search
_LARGE_E = re.compile(r"E\+?[0-9]{3}").search
# Past this size it is cheaper to have every number parsed than to search text for exponents.
_PARSE_ANYWAY = 32_768
_ENVELOPE = ("jsonrpc", "id", "method", "params", "result", "error")
_COUNTED = tuple((f'"{key}"', f'"{key}"'.encode()) for key in _ENVELOPE)


def too_deep(frame: str, limit: int) -> bool:
    """Whether arrays and objects nest deeper than `limit`. Linear in the frame."""
    if frame.count("{") + frame.count("[") <= limit:
        return False
    brackets = _BRACKET.findall(_STRING.sub("", frame))
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > limit


def may_overflow(frame: str) -> bool:
    """Whether a number past the doubles could stand in a part of the frame that nobody decodes."""
    if len(frame) > _PARSE_ANYWAY:
        return True
    return _SMALL_E(frame) is not None or ("E" in frame and _LARGE_E(frame) is not None)


def repeated_key(frame: str) -> str | None:
    """The envelope's key that stands twice, if one does. Exact and slow: for suspicious frames only.

    Raises RecursionError or ValueError as `json` does; the frame was parsed before, so neither is expected.
    """
    seen: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        # Called innermost first: what the last call leaves is the envelope's own pairs.
        nonlocal seen
        seen = pairs

    json.loads(frame, object_pairs_hook=keep)
    keys = [key for key, _ in seen]
    return next((key for key in _ENVELOPE if keys.count(key) > 1), None)


def may_repeat(frame: str, inner: bytes) -> bool:
    """Whether a key of the envelope might stand twice; `inner` is the text of its one large value.

    Counts each key outside that value. An escaped key (`"\\u0069d"`) hides from counting, so an
    escape outside the value makes the frame suspicious too.
    """
    if frame.count("\\u") > inner.count(b"\\u"):
        return True
    return any(frame.count(key) - inner.count(raw) > 1 for key, raw in _COUNTED)
