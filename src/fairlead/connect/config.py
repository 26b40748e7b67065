"""Servers in the notation of configuration files (`mcpServers`), as the programs around MCP write it.

Known are the spellings of Claude, VS Code, Cursor, Cline, Roo, Windsurf, Zed, Gemini and Continue. `${NAME}`,
`${NAME:-default}` and `${env:NAME}` are taken from the environment. Refuses an entry that names neither a command nor
a URL, and a variable that nobody has set.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from fairlead.errors import UsageError

Transport = Literal["stdio", "http", "sse", "ws"]

_ROOTS: Final = ("mcpServers", "servers", "context_servers")
_URLS: Final = ("url", "serverUrl", "httpUrl")
_KINDS: Final[dict[str, Transport]] = {
    "stdio": "stdio",
    "http": "http",
    "streamable-http": "http",
    "streamablehttp": "http",
    "streamable_http": "http",
    "sse": "sse",
    "ws": "ws",
    "websocket": "ws",
}
_VARIABLE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One server of a configuration."""

    name: str
    transport: Transport
    command: tuple[str, ...] = ()
    url: str = ""
    headers: dict[str, str] = {}
    env: dict[str, str] = {}
    cwd: str | None = None
    disabled: bool = False


def entries(config: Mapping[str, Any] | str | Path) -> dict[str, Entry]:
    """The servers of a configuration, or of a file that holds one. Raises UsageError."""
    read = config if isinstance(config, Mapping) else _load(Path(config))
    listed = next((read[root] for root in _ROOTS if isinstance(read.get(root), Mapping)), None)
    if listed is None:
        raise UsageError(f"The configuration has none of {', '.join(_ROOTS)}: it names no servers.")
    return {name: _entry(name, one) for name, one in listed.items()}


def only_entry(config: Mapping[str, Any] | str | Path) -> Entry:
    """The one server of a configuration. Raises UsageError where there are several, or none."""
    enabled = [entry for entry in entries(config).values() if not entry.disabled]
    if len(enabled) != 1:
        named = ", ".join(entry.name for entry in enabled) or "none"
        raise UsageError(f"A client talks to one server, and the configuration enables {len(enabled)}: {named}.")
    return enabled[0]


def _load(path: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(path.read_text("utf-8"))
    except OSError as fault:
        raise UsageError(f"The configuration {str(path)!r} cannot be read: {fault.strerror}.") from None
    except ValueError as fault:
        raise UsageError(f"The configuration {str(path)!r} is no JSON: {fault}.") from None
    if not isinstance(read, dict):
        raise UsageError(f"The configuration {str(path)!r} is no JSON object.")
    return read


def _entry(name: str, said: Any) -> Entry:
    if not isinstance(said, Mapping):
        raise UsageError(f"The server {name!r} of the configuration is no object.")
    url = next((said[key] for key in _URLS if said.get(key)), None)
    disabled = said.get("disabled") is True
    if url is not None:
        return Entry(
            name=name,
            transport=_transport(name, said, str(url)),
            url=_filled(name, url, disabled),
            headers={key: _filled(name, text, disabled) for key, text in (said.get("headers") or {}).items()},
            disabled=disabled,
        )
    if not said.get("command"):
        raise UsageError(f"The server {name!r} of the configuration has neither a command nor a url.")
    words = said["command"] if isinstance(said["command"], list) else [said["command"]]
    cwd = said.get("cwd")
    return Entry(
        name=name,
        transport="stdio",
        command=tuple(_filled(name, word, disabled) for word in (*words, *(said.get("args") or ()))),
        env={key: _filled(name, text, disabled) for key, text in (said.get("env") or {}).items()},
        cwd=None if cwd is None else _filled(name, cwd, disabled),
        disabled=disabled,
    )


def _transport(name: str, said: Mapping[str, Any], url: str) -> Transport:
    kind = said.get("type") or said.get("transport")
    if kind is None:
        if url.lower().startswith(("ws:", "wss:")):
            return "ws"
        return "sse" if url.partition("?")[0].rstrip("/").endswith("/sse") else "http"
    known = _KINDS.get(str(kind).lower())
    if known is None:
        raise UsageError(f"The server {name!r} has the type {str(kind)[:40]!r}; known are {', '.join(_KINDS)}.")
    return known


def _filled(name: str, text: Any, disabled: bool) -> str:
    """A text with its variables filled in; of a disabled server they need not be set."""

    def value(found: re.Match[str]) -> str:
        known = os.environ.get(found[1], found[2])
        if known is None and not disabled:
            raise UsageError(f"The server {name!r} wants the variable {found[1]}, which is not set.")
        return known or ""

    return _VARIABLE.sub(value, str(text))
