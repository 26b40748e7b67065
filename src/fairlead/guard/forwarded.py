"""Behind a proxy: what the client said to it, and under which prefix, as the proxy tells us in X-Forwarded-*.

From a trusted address, and from no other: `-For` becomes the scope's client, `-Proto` its scheme, `-Host` the Host
header that the guards and the app see, `-Prefix` its root path. Of several values the last counts, since the proxy
next to us added it and a client may have made up those before; prefixes of several proxies are joined, and of `-For`
the last address that is not itself a trusted one counts. What cannot be read is left as if it were not there.

A browser on this machine comes from a trusted address too, and lets a page of a rebound name (see `guard.origin`) set
such headers. So a Host that comes over loopback under a foreign name stands as it is, whatever `-Host` says.

A prefix (this header's, or else `root_path`) holds whether the proxy strips it from the path or not, and is added once:
not where a server or application in front knows it already.

What this module refuses to do: read RFC 7239's `Forwarded` or `X-Forwarded-Port`, which a client may have sent and
common proxies hand through, and judge the Host (`guard.origin`, which stands behind it, does).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from fairlead.errors import UsageError
from fairlead.guard.origin import App, Receive, Scope, Send, is_loopback, parse_authority

_FOR, _PROTO, _HOST, _PREFIX = (b"x-forwarded-" + name for name in (b"for", b"proto", b"host", b"prefix"))
_NAMES = frozenset({_FOR, _PROTO, _HOST, _PREFIX})
_SCHEMES = {"http": ("http", "ws"), "ws": ("http", "ws"), "https": ("https", "wss"), "wss": ("https", "wss")}
# Neither `//host`, which a client would take for another server, nor anything that ends a line of events.
_PREFIX_FORM = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+")
_ADDRESS_AND_PORT = re.compile(r"\[?([0-9A-Fa-f.:]+?)\]?(?::([0-9]{1,5}))?")
_REMEMBERED = 1024

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Forwarded:
    """ASGI around ASGI. `trusted`: addresses, networks (`10.0.0.0/8`), or `*`. Raises UsageError for any other."""

    def __init__(self, app: App, *, trusted: Iterable[str] = (), root_path: str = "") -> None:
        entries = list(trusted)
        self._app = app
        self._any = "*" in entries
        self._networks = [_network(entry) for entry in entries if entry != "*"]
        self._prefix = _checked_prefix(root_path)
        self._verdicts: dict[str, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            told = [pair for pair in scope["headers"] if pair[0] in _NAMES]
            prefix = self._prefix
            if told and self._trusts_peer(scope):
                scope, prefix = self._believe(dict(scope), told)
            if prefix:
                scope = _under(prefix, scope)
            elif scope["path"].startswith("//"):
                scope = _under("", scope)
        await self._app(scope, receive, send)

    def _trusts_peer(self, scope: Scope) -> bool:
        client = scope.get("client")
        return self._any or (client is not None and self._trusts(client[0]))

    def _trusts(self, text: str) -> bool:
        known = self._verdicts.get(text)
        if known is None:
            address = _address(text)
            known = address is not None and any(address in network for network in self._networks)
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[text] = known
        return known

    def _believe(self, scope: dict[str, Any], told: list[tuple[bytes, bytes]]) -> tuple[Scope, str]:
        values = {name: _values(told, name) for name in _NAMES}
        if values[_PROTO]:
            schemes = _SCHEMES.get(values[_PROTO][-1].lower())
            if schemes is not None:
                scope["scheme"] = schemes[scope["type"] == "websocket"]
        if values[_HOST]:
            scope["headers"] = _with_host(scope, values[_HOST][-1])
        parts = [part.rstrip("/") for part in values[_PREFIX]]
        prefix = "".join(part for part in parts if _PREFIX_FORM.fullmatch(part)) or self._prefix
        client = self._client(values[_FOR])
        if client is not None:
            scope["client"] = client
        return scope, prefix

    def _client(self, chain: list[str]) -> tuple[str, int] | None:
        """Where the request comes from: the last of the chain that is no proxy of ours, or its first."""
        found = None
        for entry in reversed(chain):
            match = _ADDRESS_AND_PORT.fullmatch(entry)
            host = match[1] if match else ""
            if entry.count(":") > 1 and not entry.startswith("["):  # IPv6 without brackets has no port
                host, port = entry, 0
            else:
                port = int(match[2] or 0) if match else 0
            if _address(host) is None or port > 65_535:
                return found  # Whoever stands before it in the chain is as unknown.
            found = (host, port)
            if not self._any and not self._trusts(host):
                return found
        return found


def _values(told: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    joined = ",".join(value.decode("latin-1") for key, value in told if key == name)
    return [part for part in (piece.strip(" \t") for piece in joined.split(",")) if part]


def _with_host(scope: Scope, told: str) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    sent = [value.decode("latin-1") for name, value in headers if name == b"host"]
    client = scope.get("client")
    if client is not None and _is_here(client[0]) and not all(_is_own(host, told) for host in sent):
        return headers
    return [(b"host", told.encode("latin-1")), *(pair for pair in headers if pair[0] != b"host")]


def _is_here(text: str) -> bool:
    address = _address(text)
    return address is not None and address.is_loopback


def _is_own(host: str, told: str) -> bool:
    """Whether a Host over loopback is what a proxy sends: its own name for us, or what its client sent."""
    sent = parse_authority(host)
    return sent is not None and (sent == parse_authority(told) or is_loopback(sent.host))


def _under(prefix: str, scope: Scope) -> Scope:
    """The scope with the prefix in its root path and its path, as ASGI wants it, each time once."""
    path: str = scope["path"]
    if path.startswith("//"):  # a proxy that replaces its prefix by a slash, and keeps the next
        path = "/" + path.lstrip("/")
    root: str = scope.get("root_path") or ""
    known: str | None = scope.get("app_root_path")  # Starlette: the prefix before any mount
    if known or (known is None and _begins(root, prefix)):
        return {**scope, "path": path}
    if not _begins(path, prefix + root):
        path = prefix + path
    return {**scope, "path": path, "raw_path": path.encode(), "root_path": prefix + root}


def _begins(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _network(entry: str) -> Network:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        form = 'an address (10.0.0.7), a network (10.0.0.0/8), or "*" for any'
        raise UsageError(f"{entry!r} is no proxy to trust: write {form}.") from None


def _checked_prefix(text: str) -> str:
    prefix = "/" + text.strip("/") if text.strip("/") else ""
    if prefix and not _PREFIX_FORM.fullmatch(prefix):
        raise UsageError(f"{text!r} is no prefix of a path: write it like /tools, in plain characters.")
    return prefix
