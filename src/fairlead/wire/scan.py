"""What a JSON parser does not tell: nesting depth, repeated keys, numbers past the range of a double, the id of a ruin.

Each check is a cheap count that settles nearly every frame, and an exact pass for the rest, linear in the frame
whatever stands in it. None of them decodes; they refuse by answering, the decoder raises.
"""

import json
import re
from array import array
from itertools import accumulate
from typing import Any, Final

# Openers step down by one, closers up by one, and the rest of a frame goes away.
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))

# A double ends at 1.8e308. A number passes it with an exponent of three digits, or with hundreds of digits.
# Two patterns, since each has a literal first character to be searched for.
_SMALL_E: Final = re.compile(rb"e\+?[0-9]{3}").search
_LARGE_E: Final = re.compile(rb"E\+?[0-9]{3}").search
_CAPITAL_E: Final = ord("E")
# With two digits of exponent it takes 210 digits before the point; every 26th of those makes eight of them.
_LONG_RUN: Final = b"0" * 210
_STRIDE: Final = 26
_RUN_IN_STRIDES: Final = b"0" * (len(_LONG_RUN) // _STRIDE)
_DIGITS_TO_ZERO: Final = bytes.maketrans(b"123456789", b"0" * 9)
# Past this size it is cheaper to have every number parsed than to search text for exponents.
_PARSE_ANYWAY: Final = 32_768

_ENVELOPE: Final = ("jsonrpc", "id", "method", "params", "result", "error")
_COUNTED: Final = tuple((f'"{key}"', f'"{key}"'.encode()) for key in _ENVELOPE)
_SPELLED_ID: Final = frozenset({"id", r"\u0069d", r"i\u0064", r"\u0069\u0064"})
_COLON: Final = re.compile(r"[ \t\r\n]*:[ \t\r\n]*").match


def too_deep(frame: str, limit: int) -> bool:
    """Whether arrays and objects nest deeper than `limit`."""
    # An array in an array is the shortest way down: two characters a level.
    if len(frame) <= 2 * limit or frame.count("{") + frame.count("[") <= limit:
        return False
    outside = "".join(_split(frame)[::2]).encode(errors="replace")
    return max(accumulate(array("b", outside.translate(_STEPS, _NO_BRACKETS))), default=0) > limit


def _split(frame: str) -> list[str]:
    """The frame cut at its quotes: outside, string, outside, … Escapes in strings keep their length."""
    if "\\" in frame:
        frame = frame.replace("\\\\", "__").replace('\\"', "__")
    return frame.split('"')


def may_overflow(value: bytes) -> bool:
    """Whether a number past the doubles could stand in a part of the frame that nobody decodes."""
    size = len(value)
    if size > _PARSE_ANYWAY or _SMALL_E(value) is not None:
        return True
    if _CAPITAL_E in value and _LARGE_E(value) is not None:
        return True
    return (
        size >= len(_LONG_RUN)
        and _RUN_IN_STRIDES in value[::_STRIDE].translate(_DIGITS_TO_ZERO)
        and _LONG_RUN in value.translate(_DIGITS_TO_ZERO)
    )


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


def id_places(frame: str) -> list[int]:
    """Where the value of each top-level `"id"` begins, in text that may be broken anywhere. At most two are told."""
    parts = _split(frame)
    strings = parts[1::2]
    if "\\u006" in frame:
        strings = ["id" if name in _SPELLED_ID else name for name in strings]
    places: list[int] = []
    depth = counted = at = offset = 0
    while len(places) < 2:
        try:
            at = strings.index("id", at)
        except ValueError:
            break
        at += 1
        outside = "".join(parts[counted : 2 * at : 2])
        if not counted and outside.lstrip("\ufeff \t\r\n")[:1] != "{":
            break  # No object: nothing in it is an envelope's.
        depth += outside.count("{") + outside.count("[") - outside.count("}") - outside.count("]")
        # Each part is followed by the quote that it was cut at.
        offset += sum(map(len, parts[counted : 2 * at])) + 2 * at - counted
        counted = 2 * at
        colon = _COLON(frame, offset) if depth == 1 else None
        if colon is not None:
            places.append(colon.end())
    return places
