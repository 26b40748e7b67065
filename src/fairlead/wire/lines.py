"""Bytes to lines, for newline-delimited JSON: pure, bounded, for any chunking."""

from typing import Final, NamedTuple


class LineTooLong(NamedTuple):
    """Stands in the place of a line that was over the limit; what follows it is read as usual."""

    size: int
    limit: int

    def __str__(self) -> str:
        return f"a line of {self.size} bytes is over the limit of {self.limit}"


class LineSplitter:
    """Collects chunks and hands out whole lines. A line over `limit` bytes is dropped, and told."""

    def __init__(self, limit: int):
        self._limit: Final = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._dropping = False

    def feed(self, chunk: bytes) -> list[bytes | LineTooLong]:
        """The lines that are complete now, without their ends; blank ones are left out."""
        lines: list[bytes | LineTooLong] = []
        head, *rest = chunk.split(b"\n")
        self._keep(head)
        for piece in rest:
            self._finish(lines)
            self._keep(piece)
        return lines

    def end(self) -> list[bytes | LineTooLong]:
        """What was left without a line end, at the end of the input."""
        lines: list[bytes | LineTooLong] = []
        self._finish(lines)
        return lines

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self._dropping = True
            self._parts.clear()
        elif piece:
            self._parts.append(piece)

    def _finish(self, lines: list[bytes | LineTooLong]) -> None:
        if self._dropping:
            lines.append(LineTooLong(self._size, self._limit))
        else:
            line = b"".join(self._parts).strip()
            if line:
                lines.append(line)
        self._parts = []
        self._size = 0
        self._dropping = False
