"""What a JSON parser does not tell: nesting depth, repeated keys, numbers past the range of a double, the id of a ruin.

Each check is a cheap count that settles nearly every frame, and an exact pass for the rest, linear in the frame
whatever stands in it. None of them decodes; they refuse by answering, the decoder raises.
"""

import json
import re
from array import array
from itertools import accumulate
from typing import Any, Final

# As signed bytes: an opener is a step down, a closer a step up again, and the rest of a frame goes away.
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_NO_MARKS: Final = bytes(set(range(256)) - set(b'[]{}"'))

# A double ends at 1.8e308. A number passes it with an exponent of three digits, or with so many digits before the
# point that an exponent of two is enough. For both, what a digit is does not matter, nor is a plus told from one.
_SHAPE: Final = bytes.maketrans(b"123456789+E", b"0000000000e")
_LONG_EXPONENT: Final = b"e000"
_LONG_NUMBER: Final = b"0" * 210

_ENVELOPE: Final = ("jsonrpc", "id", "method", "params", "result", "error")
_COUNTED: Final = tuple((f'"{key}"', f'"{key}"'.encode()) for key in _ENVELOPE)
_SPELLED_ID: Final = frozenset({"id", r"\u0069d", r"i\u0064", r"\u0069\u0064"})
# A broken frame of many records, each with an id of its own, is not searched to its end.
_MOST_IDS: Final = 50_000
_COLON: Final = re.compile(r"[ \t\r\n]*:[ \t\r\n]*").match


def too_deep(frame: str, limit: int) -> bool:
    """Whether arrays and objects nest deeper than `limit`."""
    # An array in an array is the shortest way down: two characters a level.
    if len(frame) <= 2 * limit or frame.count("{") + frame.count("[") <= limit:
        return False
    marks = _blanked(frame).encode(errors="replace").translate(_STEPS, _NO_MARKS).replace(b'""', b"")
    if b'"' in marks:  # A string holds brackets: the strings have to go first.
        marks = "".join(_split(frame)[::2]).encode(errors="replace").translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(array("b", marks)), default=0) > limit


def _blanked(frame: str) -> str:
    """The frame without its escaped backslashes and quotes, each replaced by as many characters."""
    return frame.replace("\\\\", "__").replace('\\"', "__") if "\\" in frame else frame


def _split(frame: str) -> list[str]:
    """The frame cut at its quotes: outside, string, outside, …"""
    return _blanked(frame).split('"')


def may_overflow(value: bytes) -> bool:
    """Whether a number past the doubles could stand in JSON that nobody has decoded yet."""
    shape = value.translate(_SHAPE)
    # `find`, since `in` first tries whether the needle is a number.
    return shape.find(_LONG_EXPONENT) >= 0 or (len(value) > len(_LONG_NUMBER) and shape.find(_LONG_NUMBER) >= 0)


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


def may_repeat(frame: str, inner: bytes, quotes: int) -> bool:
    """Whether a key of the envelope might stand twice.

    `inner` is the text of its one large value, `quotes` how many the members that were read have outside of it.
    Where there are more, each key is counted. An escaped key (`"\\u0069d"`) hides from counting, so an escape
    outside the value makes the frame suspicious too.
    """
    if frame.count('"') - inner.count(b'"') == quotes:
        return False
    if frame.count("\\u") > inner.count(b"\\u"):
        return True
    return any(frame.count(key) - inner.count(raw) > 1 for key, raw in _COUNTED)


def id_places(frame: str) -> list[int]:
    """Where the value of each top-level `"id"` begins, in text that may be broken anywhere.

    Two are as many as none: no more are told. The same where it would take too long to be sure.
    """
    parts = _split(frame)
    strings = parts[1::2]
    if "\\u006" in frame:
        strings = ["id" if name in _SPELLED_ID else name for name in strings]
    places: list[int] = []
    depth = counted = at = offset = 0
    for _ in range(_MOST_IDS):
        try:
            at = strings.index("id", at)
        except ValueError:
            return places
        at += 1
        outside = "".join(parts[counted : 2 * at : 2])
        if not counted and outside.lstrip("\ufeff \t\r\n")[:1] != "{":
            return []  # No object: nothing in it is an envelope's.
        depth += outside.count("{") + outside.count("[") - outside.count("}") - outside.count("]")
        # Each part is followed by the quote that it was cut at.
        offset += sum(map(len, parts[counted : 2 * at])) + 2 * at - counted
        counted = 2 * at
        colon = _COLON(frame, offset) if depth == 1 else None
        if colon is not None:
            places.append(colon.end())
        if len(places) > 1:
            return places
    return []
