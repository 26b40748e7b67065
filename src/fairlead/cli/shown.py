"""How things look to people: tables as wide as the terminal, results as text, and JSON for programs.

What a server sent may hold control characters, which would write to the terminal what they like: they are left out
wherever a terminal reads, and nowhere else.
"""

import base64
import binascii
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_GAP: Final = "  "
_LEAST: Final = 20
_HELD: Final = {"image": "image", "audio": "audio", "resource_link": "link", "resource": "resource"}


def clean(text: str) -> str:
    """The text without what moves a terminal's cursor or hides."""
    return _CONTROL.sub("", text)


def line(text: str) -> str:
    """The first line of a text."""
    return clean(text.strip().partition("\n")[0])


def say(text: str) -> None:
    """Print to standard output: as it is for a program, clean for a terminal."""
    sys.stdout.write((clean(text) if sys.stdout.isatty() else text).rstrip("\n") + "\n")


def say_json(value: Any) -> None:
    """Print as JSON that people can read."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(text + "\n")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, none: str) -> None:
    """Print rows in columns; the last one takes the width that is left, and is cut there on a terminal."""
    cells = [[line(cell) for cell in row] for row in rows]
    if not cells:
        sys.stderr.write(f"{none}\n")
        return
    whole = [list(head), *cells]
    widths = [max(len(row[place]) for row in whole) for place in range(len(head) - 1)]
    used = sum(widths) + len(_GAP) * len(widths)
    room = max(_LEAST, shutil.get_terminal_size().columns - used) if sys.stdout.isatty() else None
    for row in whole:
        last = row[-1] if room is None or len(row[-1]) <= room else row[-1][: room - 1] + "…"
        put = _GAP.join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), last])
        sys.stdout.write(put.rstrip() + "\n")


def arguments(schema: Mapping[str, Any]) -> str:
    """The arguments of a tool in one line: `a:integer b:string?`."""
    properties = schema.get("properties")
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    if not isinstance(properties, dict):
        return ""
    told = [(name, _kind(shape)) for name, shape in properties.items()]
    return " ".join(f"{name}{kind and f':{kind}'}{'' if name in needed else '?'}" for name, kind in told)


def _kind(shape: Any) -> str:
    kind = shape.get("type") if isinstance(shape, dict) else None
    if isinstance(kind, list):
        kind = "|".join(str(one) for one in kind)
    return kind if isinstance(kind, str) else ""


def content(block: Any) -> str:
    """A block of content as text."""
    if not isinstance(block, dict):
        return str(block)
    kind = str(block.get("type"))
    if kind == "text":
        return str(block.get("text", ""))
    if kind == "resource" and isinstance(block.get("resource"), dict):
        held = block["resource"]
        return str(held["text"]) if "text" in held else f"[resource {held.get('uri')}]"
    what = [_HELD.get(kind, kind), block.get("uri"), block.get("mimeType"), _size(block.get("data"))]
    return f"[{' '.join(str(part) for part in what if part)}]"


def _size(data: Any) -> str:
    return f"{len(data) * 3 // 4} bytes" if isinstance(data, str) else ""


def contents(one: Mapping[str, Any]) -> None:
    """Print what a resource holds: text, or the bytes themselves where no terminal reads them."""
    if "blob" not in one:
        say(str(one.get("text", "")))
        return
    try:
        data = base64.b64decode(str(one["blob"]), validate=False)
    except binascii.Error:
        data = b""
    if sys.stdout.isatty():
        kind = one.get("mimeType") or "application/octet-stream"
        say(f"[{len(data)} bytes of {kind}: redirect the output to keep them]")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
