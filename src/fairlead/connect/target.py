"""From what a user names to a line: a URL, a command, or a server in this process."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from fairlead.connect.http import Http
from fairlead.connect.line import Line
from fairlead.connect.memory import End, Memory
from fairlead.connect.stdio import Stdio
from fairlead.connect.websocket import WebSocket
from fairlead.errors import UsageError


class Local(Protocol):
    """A server in this process (`Fairlead` is one)."""

    def dock(self) -> End:
        """The client's end of a new line to it."""


Target = str | Sequence[str] | Local


def line_to(
    target: Target, *, headers: Mapping[str, str], env: Mapping[str, str] | None, cwd: str | None
) -> Callable[[], Line]:
    """What makes a line to the target, as often as one is needed. Raises UsageError for what is no target."""
    if isinstance(target, str):
        return _to_url(target, headers)
    if isinstance(target, Sequence):
        return lambda: Stdio(list(target), env=env, cwd=cwd)
    if hasattr(target, "dock"):
        return lambda: Memory(target.dock())
    raise UsageError(f"{target!r} is no target: give a URL, a command as a list, or a Fairlead server.")


def _to_url(url: str, headers: Mapping[str, str]) -> Callable[[], Line]:
    scheme = urlsplit(url).scheme.lower()
    lines: dict[str, Callable[[], Any]] = {
        "ws": lambda: WebSocket(url, headers=headers),
        "wss": lambda: WebSocket(url, headers=headers),
        "http": lambda: Http(url, headers=headers),
        "https": lambda: Http(url, headers=headers),
    }
    if scheme not in lines:
        words = shlex.split(url)
        raise UsageError(f"{words[0] if words else url!r} is no URL with ws, wss, http or https; a command is a list.")
    return lines[scheme]
