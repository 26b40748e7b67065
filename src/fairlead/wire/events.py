"""Server-sent events from bytes: pure, bounded, for any chunking. Comments and unknown fields are left out."""

import re
from typing import Final, NamedTuple

_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!$)")


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
        self._limit: Final = limit
        self._rest = b""
        self._data: list[str] = []
        self._size = 0
        self._event = "message"
        self._id: str | None = None
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that are complete now."""
        events: list[ServerEvent] = []
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        if len(self._rest) > self._limit:
            raise EventLengthError(f"an event is over the limit of {self._limit} bytes")
        for line in lines:
            if line:
                self._field(line.decode(errors="replace"))
            elif (event := self._finish()) is not None:
                events.append(event)
        return events

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value)
            if self._size > self._limit:
                raise EventLengthError(f"an event is over the limit of {self._limit} bytes")
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdecimal():
            self._retry = int(value)

    def _finish(self) -> ServerEvent | None:
        event = ServerEvent(self._event, "\n".join(self._data), self._id, self._retry)
        said = bool(self._data) or self._id is not None or self._retry is not None
        self._data, self._size, self._event, self._id, self._retry = [], 0, "message", None, None
        return event if said else None
