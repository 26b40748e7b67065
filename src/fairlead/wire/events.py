"""Server-sent events from bytes: pure, bounded, for any chunking. Unknown fields are left out, comments counted."""

from typing import Final, NamedTuple

_MARK: Final = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One event. `id` and `retry` (milliseconds) are None where it does not say them."""

    event: str
    data: str
    id: str | None
    retry: int | None


class EventLengthError(ValueError):
    """An event is over the limit: the stream cannot be read any further."""


class EventParser:
    """Collects chunks and hands out whole events. Raises EventLengthError past `limit` bytes of one event."""

    def __init__(self, limit: int):
        self.comments = 0
        """Lines that say nothing but that the other side is there."""

        self._limit: Final = limit
        self._parts: list[bytes] = []
        self._held = 0
        self._begun = False
        self._after_return = False
        self._data: list[str] = []
        self._size = 0
        self._event = ""
        self._id: str | None = None
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that are complete now."""
        found: list[ServerEvent] = []
        if not chunk:
            return found
        if self._after_return:
            # The line ended with the return already; the feed belongs to it.
            self._after_return = False
            chunk = chunk.removeprefix(b"\n")
        head, *rest = _lines(chunk)
        self._keep(head)
        for piece in rest:
            self._line(found)
            self._keep(piece)
        self._after_return = chunk.endswith(b"\r")
        return found

    def _keep(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held + self._size > self._limit:
            raise EventLengthError(f"an event is over the limit of {self._limit} bytes")
        if piece:
            self._parts.append(piece)

    def _line(self, found: list[ServerEvent]) -> None:
        line = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        if not self._begun:
            self._begun, line = True, line.removeprefix(_MARK)
        if not line:
            self._finish(found)
        elif line[:1] == b":":
            self.comments += 1
        else:
            self._field(line.decode(errors="replace"), len(line))

    def _field(self, line: str, size: int) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += size
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) < 10:
            self._retry = int(value)

    def _finish(self, found: list[ServerEvent]) -> None:
        if self._data or self._id is not None or self._retry is not None:
            found.append(ServerEvent(self._event or "message", "\n".join(self._data), self._id, self._retry))
        self._data, self._size, self._event, self._id, self._retry = [], 0, "", None, None


def _lines(chunk: bytes) -> list[bytes]:
    if b"\r" not in chunk:
        return chunk.split(b"\n")
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
