"""Answers that may be kept for a while (`ttlMs`), as the bytes that came. Time enters as a number.

What says nothing of its time is not kept; what was asked with answers to questions never is. One client is one caller,
so private answers may be kept as well as public ones, until its credentials change.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

_MOST: Final = 256
_LONGEST: Final = 24 * 3600.0
_LISTS: Final = {
    "notifications/tools/list_changed": ("tools/list",),
    "notifications/prompts/list_changed": ("prompts/list",),
    "notifications/resources/list_changed": ("resources/list", "resources/templates/list"),
}


class _Kept(msgspec.Struct):
    raw: msgspec.Raw
    until: float
    private: bool


class _Terms(msgspec.Struct):
    ttl: float | None = msgspec.field(name="ttlMs", default=None)
    scope: str = msgspec.field(name="cacheScope", default="private")


_terms: Final[Callable[[Any], _Terms]] = msgspec.json.Decoder(_Terms).decode


class Keeping:
    """The answers of one server to one client. Bounded: the oldest make room."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, method: str, about: str, now: float) -> msgspec.Raw | None:
        """What was answered to `method` about that (a cursor, a URI), if it still holds."""
        kept = self._kept.get((method, about))
        if kept is None:
            return None
        if kept.until <= now:
            del self._kept[method, about]
            return None
        return kept.raw

    def keep(self, method: str, about: str, raw: msgspec.Raw, now: float) -> None:
        """Keep an answer for as long as it says."""
        try:
            terms = _terms(raw)
        except msgspec.DecodeError:
            return  # It says nothing that could be understood.
        self._kept.pop((method, about), None)
        if terms.ttl is None or terms.ttl <= 0:
            return
        if len(self._kept) >= _MOST:
            del self._kept[next(iter(self._kept))]
        until = now + min(terms.ttl / 1000, _LONGEST)
        # A Raw is a view of the whole frame: a copy lets go of that.
        self._kept[method, about] = _Kept(msgspec.Raw(bytes(raw)), until, terms.scope != "public")

    def heed(self, notice: str, params: dict[str, Any]) -> None:
        """Forget what a notification says has changed."""
        gone = _LISTS.get(notice, ())
        if gone:
            self._kept = {key: kept for key, kept in self._kept.items() if key[0] not in gone}
        elif notice == "notifications/resources/updated":
            self._kept.pop(("resources/read", str(params.get("uri"))), None)

    def forget_private(self) -> None:
        """The credentials changed: what was for their owner's eyes is forgotten."""
        self._kept = {key: kept for key, kept in self._kept.items() if not kept.private}

    def clear(self) -> None:
        """Forget all: nobody told of changes while the line was down."""
        self._kept.clear()
