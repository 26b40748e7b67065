"""An `mcpServers` configuration: which servers there are, and how each of them is reached.

    {"mcpServers": {"time": {"command": "uvx", "args": ["mcp-server-time"]},
                    "notes": {"url": "wss://notes.example/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}}}}

Reads what mcp_pipe and the common clients read; `${NAME}` and `${NAME:-otherwise}` stand for variables of the
environment. Refuses what it does not understand with the file, the server and the member, and never repeats a value:
that may be a secret. Starts nothing.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from fairlead.errors import UsageError

Kind = Literal["stdio", "sse", "http", "websocket"]

KINDS: Final[dict[str, Kind]] = {
    "stdio": "stdio",
    "sse": "sse",
    "http": "http",
    "streamablehttp": "http",
    "ws": "websocket",
    "websocket": "websocket",
}
"""What a configuration may call a line, in small letters and without `-` and `_`."""

_SCHEMES: Final[dict[Kind, tuple[str, ...]]] = {
    "sse": ("http", "https"),
    "http": ("http", "https"),
    "websocket": ("ws", "wss"),
}
_TOPS: Final = ("mcpServers", "servers")
_KIND_MEMBERS: Final = ("type", "transport", "transportType")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """One server of a configuration. `command` is set where `kind` is `stdio`, `url` everywhere else."""

    name: str
    kind: Kind
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] = {}
    disabled: bool = False

    def __repr__(self) -> str:
        return f"Upstream({self.name!r}, {self.kind!r})"  # Without what may be secret.


def read_config(source: str | os.PathLike[str] | Mapping[str, Any]) -> list[Upstream]:
    """The servers of a configuration (a file, or what stands in one), in their order; those switched off as well.

    Raises UsageError that names the file, the server and the member.
    """
    if isinstance(source, Mapping):
        place, told = "the configuration", dict(source)
    else:
        place, told = str(source), _load(Path(source))
    top = next((name for name in _TOPS if name in told), None)
    if top is None:
        raise UsageError(f'{place} has no "mcpServers": put your servers there, each under its name.')
    servers = told[top]
    if not isinstance(servers, dict) or not all(isinstance(entry, dict) for entry in servers.values()):
        raise UsageError(f'{place}: "{top}" holds an object for each server, under its name.')
    return [_Entry(place, top, name, entry).upstream() for name, entry in servers.items()]


def _load(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"There is no configuration {str(path)!r}.") from None
    except OSError as fault:
        raise UsageError(f"{str(path)!r} cannot be read: {fault.strerror}.") from None
    try:
        told = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        where = f" {fault}" if isinstance(fault, msgspec.DecodeError) else " It is not UTF-8."
        raise UsageError(f"{str(path)!r} is not JSON.{where}") from None
    if not isinstance(told, dict):
        raise UsageError(f'{str(path)!r} holds no object with "mcpServers".')
    return told


class _Entry:
    """One server as it was written, read member by member."""

    def __init__(self, place: str, top: str, name: str, members: dict[str, Any]):
        self._place = f"{place}: {top}.{name}"
        self._name = name
        self._members = members

    def upstream(self) -> Upstream:
        disabled = self._members.get("disabled", False)
        if not isinstance(disabled, bool):
            raise self._fault("disabled", "is true or false.")
        kind = self._kind()
        if disabled:
            return Upstream(name=self._name, kind=kind, disabled=True)  # Its variables may be set for nobody.
        if not self._name:
            raise UsageError(f"{self._place} has no name: its tools are told apart by it.")
        return self._child() if kind == "stdio" else self._remote(kind)

    def _kind(self) -> Kind:
        for member in _KIND_MEMBERS:
            if member in self._members:
                said = str(self._members[member]).lower().replace("-", "").replace("_", "")
                if said not in KINDS:
                    raise self._fault(member, f"is one of {', '.join(KINDS)}.")
                return KINDS[said]
        url = self._members.get("url")
        if not isinstance(url, str):
            return "stdio"
        parts = urlsplit(url)
        if parts.scheme.lower() in _SCHEMES["websocket"]:
            return "websocket"
        return "sse" if parts.path.rstrip("/").endswith("/sse") else "http"

    def _child(self) -> Upstream:
        if "command" not in self._members:
            raise self._fault("command", 'is missing: name the program, or give a "url".')
        return Upstream(
            name=self._name,
            kind="stdio",
            command=self._text("command"),
            args=self._list("args"),
            env=self._texts("env"),
            cwd=self._text("cwd") if self._members.get("cwd") is not None else None,
        )

    def _remote(self, kind: Kind) -> Upstream:
        if "url" not in self._members:
            raise self._fault("url", 'is missing: give the address, or a "command".')
        url = self._text("url")
        try:
            parts = urlsplit(url)
            known = parts.scheme.lower() in _SCHEMES[kind] and bool(parts.hostname)
        except ValueError:
            known = False
        if not known:
            raise self._fault("url", f"begins with {' or '.join(f'{name}://' for name in _SCHEMES[kind])} and a host.")
        return Upstream(name=self._name, kind=kind, url=url, headers=self._texts("headers"))

    def _text(self, member: str) -> str:
        value = self._members[member]
        if not isinstance(value, str) or not value:
            raise self._fault(member, "is a text.")
        return self._expand(member, value)

    def _list(self, member: str) -> tuple[str, ...]:
        values = self._members.get(member) or []
        # People write ports and the like as numbers.
        if not isinstance(values, list) or not all(_is_plain(value) for value in values):
            raise self._fault(member, "is a list of texts.")
        return tuple(self._expand(f"{member}[{place}]", str(value)) for place, value in enumerate(values))

    def _texts(self, member: str) -> dict[str, str]:
        values = self._members.get(member) or {}
        if not isinstance(values, dict) or not all(_is_plain(value) for value in values.values()):
            raise self._fault(member, "is an object of texts.")
        return {name: self._expand(f"{member}.{name}", str(value)) for name, value in values.items()}

    def _expand(self, member: str, text: str) -> str:
        return expand(text, lambda name: self._fault(member, f"needs {name}, which the environment has not."))

    def _fault(self, member: str, what: str) -> UsageError:
        return UsageError(f"{self._place}.{member} {what}")


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def expand(text: str, missing: Callable[[str], Exception]) -> str:
    """`text` with its `${NAME}` and `${NAME:-otherwise}` filled in; raises `missing(name)` where one is not set."""

    def value(found: re.Match[str]) -> str:
        known = os.environ.get(found[1])
        if known is None or (not known and found[2] is not None):
            known = found[2]
        if known is None:
            raise missing(found[1])
        return known

    return _VARIABLE.sub(value, text)
