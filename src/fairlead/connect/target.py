"""From what a user names to a line: a URL, a command, a configuration, or a server in this process."""

import shlex
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from fairlead.connect.config import Transport, only_entry
from fairlead.connect.credentials import Credentials, Provider, TokenPlace
from fairlead.connect.http import Http
from fairlead.connect.line import Line
from fairlead.connect.memory import End, Memory
from fairlead.connect.sse import Sse
from fairlead.connect.stdio import Stdio
from fairlead.connect.websocket import WebSocket
from fairlead.errors import UsageError


class Local(Protocol):
    """A server in this process (`Fairlead` is one)."""

    def dock(self) -> End:
        """The client's end of a new line to it."""


Target = str | Path | Sequence[str] | Mapping[str, Any] | Local


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How a target is reached, beside its name."""

    headers: Mapping[str, str] = {}
    token: str | Provider | None = None
    token_place: TokenPlace = "header"
    ca: str | Path | ssl.SSLContext | None = None
    """Whom to trust beside, or instead of, the system: a file of certificates, or a context."""

    proxy: bool | str = True
    transport: Transport | None = None
    env: Mapping[str, str] | None = None
    cwd: str | None = None


class Way(msgspec.Struct, frozen=True):
    """What makes lines to a target, as often as one is needed, and what they show of the client."""

    line: Callable[[], Line]
    credentials: Credentials


def way_to(target: Target, access: Access, *, changed: Callable[[], None] | None = None) -> Way:
    """The way to a target. Raises UsageError for what is none. `changed`: see `Credentials`."""
    if isinstance(target, Mapping | Path) or (
        isinstance(target, str) and target.endswith(".json") and "://" not in target
    ):
        target, access = _from_config(target, access)
    credentials = Credentials(access.headers, access.token, place=access.token_place, changed=changed)
    if isinstance(target, str):
        return Way(_to_url(target, access, credentials), credentials)
    if isinstance(target, Sequence):
        if not target:
            raise UsageError("An empty command starts nothing.")
        return Way(lambda: Stdio(target, env=access.env, cwd=access.cwd), credentials)
    if hasattr(target, "dock"):
        return Way(lambda: Memory(target.dock()), credentials)
    raise UsageError(
        f"A {type(target).__name__} is no target: give a URL, a command as a list, a configuration or a server."
    )


def _from_config(config: Mapping[str, Any] | str | Path, access: Access) -> tuple[str | list[str], Access]:
    """What a configuration says; what the caller says beside it comes first."""
    entry = only_entry(config)
    if entry.transport == "stdio":
        if not entry.command:
            raise UsageError(f"The server {entry.name!r} has no command to start.")
        env = {**entry.env, **(access.env or {})}
        return list(entry.command), msgspec.structs.replace(access, env=env or None, cwd=access.cwd or entry.cwd)
    headers = {**entry.headers, **access.headers}
    return entry.url, msgspec.structs.replace(access, headers=headers, transport=access.transport or entry.transport)


def _to_url(url: str, access: Access, credentials: Credentials) -> Callable[[], Line]:
    parts = urlsplit(url)
    scheme, secure = parts.scheme.lower(), parts.scheme.lower() in ("https", "wss")
    if scheme not in ("ws", "wss", "http", "https"):
        words = shlex.split(url)
        raise UsageError(f"{words[0] if words else url!r} is no URL with ws, wss, http or https; a command is a list.")
    tls = _trust(access.ca) if secure else None
    transport = access.transport or _usual(scheme, parts.path)
    if (transport == "ws") != scheme.startswith("ws") or transport == "stdio":
        raise UsageError(f"The transport {transport!r} does not go with an address that begins with {scheme}.")
    if transport == "ws":
        return lambda: WebSocket(url, credentials=credentials, tls=tls, proxy=access.proxy)
    if access.token_place == "subprotocol":
        raise UsageError("Only a WebSocket has subprotocols to carry a token.")
    if transport == "sse":
        return lambda: Sse(url, credentials=credentials, tls=tls, proxy=access.proxy)
    return lambda: Http(url, credentials=credentials, tls=tls, proxy=access.proxy)


def _usual(scheme: str, path: str) -> Transport:
    if scheme.startswith("ws"):
        return "ws"
    return "sse" if path.rstrip("/").endswith("/sse") else "http"


def _trust(ca: str | Path | ssl.SSLContext | None) -> ssl.SSLContext | None:
    if ca is None or isinstance(ca, ssl.SSLContext):
        return ca
    try:
        return ssl.create_default_context(cafile=str(ca))
    except OSError as fault:
        raise UsageError(f"The certificates in {str(ca)!r} cannot be read: {fault.strerror or 'no PEM'}.") from None
