"""Who may come in by where they come from: `Origin` and `Host`, before any app sees the request.

A browser lets any page open a socket to localhost, and tells us the page in `Origin`; a rebound DNS name shows in
`Host`. A foreign origin gets 403 and no 101, a foreign host gets 421, each with a JSON body that says what to do.

Without an `Origin` the caller is no browser, and passes. A server reached over loopback (the bind tells, see
`loopback`) answers to loopback hosts and origins only, any port, and to what is allowed by name; any other server
answers to every host unless `allowed_hosts` names some, and to origins of the host itself.

What this module refuses to do: look anything up, send CORS headers, or take an address for a credential.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple, TypeVar

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

T = TypeVar("T")

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?)\.?(?::([0-9]{0,5}))?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}")
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
# Verdicts kept: the pairs of Host and Origin that real clients send are few; more come from somebody guessing.
_REMEMBERED = 256
_SHOWN = 100  # characters of a refused value in the answer


class Authority(NamedTuple):
    """A host in lower case, without trailing dot or brackets, IPv6 compressed; the port where one was given."""

    host: str
    port: int | None


class Denial(NamedTuple):
    """What a refused caller is told."""

    status: int
    code: str
    message: str
    next: str


def parse_authority(text: str) -> Authority | None:
    """`host[:port]` as in a Host header, or None: no userinfo, path, space, zone or malformed address."""
    match = _AUTHORITY.fullmatch(text.lower())
    if match is None:
        return None
    host, digits = match[1], match[2]
    port = int(digits) if digits else None
    if port is not None and port > 65_535:
        return None
    if host[0] == "[":
        try:
            host = ipaddress.IPv6Address(host[1:-1]).compressed
        except ValueError:
            return None
    return Authority(host, port)


def parse_origin(text: str) -> tuple[str, Authority] | None:
    """`scheme://host[:port]` as browsers send it (RFC 6454 §7), with the scheme's default port filled in, or None."""
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or _SCHEME.fullmatch(scheme) is None:
        return None
    authority = parse_authority(rest)
    if authority is None:
        return None
    return scheme, authority._replace(port=authority.port or _DEFAULT_PORTS.get(scheme))


def is_loopback(host: str) -> bool:
    """Whether a parsed host is this machine by its very spelling: no look-up, no short or hexadecimal forms."""
    if host in ("localhost", "127.0.0.1", "::1"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


class OriginGuard:
    """ASGI in front of ASGI: `app` sees only requests whose Host and Origin are allowed.

    `allowed_origins`: exact `scheme://host[:port]`, "null", or "*". `allowed_hosts`: `host` (any port), `host:port`,
    or "*". `loopback`: whether the server is bound to loopback; None takes it from each connection's own address.
    Raises ValueError for an entry that is none of these.
    """

    def __init__(
        self,
        app: App,
        *,
        allowed_origins: Iterable[str] = (),
        allowed_hosts: Iterable[str] = (),
        loopback: bool | None = None,
    ) -> None:
        origins, hosts = list(allowed_origins), list(allowed_hosts)
        self._app = app
        self._loopback = loopback
        self._any_origin = "*" in origins
        self._null_origin = self._any_origin or "null" in origins
        self._origins = {_known(parse_origin, o, "scheme://host[:port]") for o in origins if o not in ("*", "null")}
        self._any_host = "*" in hosts
        self._hosts = {_known(parse_authority, h, "host[:port]") for h in hosts if h != "*"}
        self._passed: set[tuple[bytes, bytes | None, bool]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        denial = self._judge(scope)
        if denial is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _answer("http.response", denial, send)
        else:
            await receive()  # websocket.connect
            if "websocket.http.response" in (scope.get("extensions") or ()):
                await _answer("websocket.http.response", denial, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": denial.code})

    def _judge(self, scope: Scope) -> Denial | None:
        hosts: list[bytes] = []
        origins: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"origin":
                origins.append(value)
        if len(hosts) != 1:  # RFC 9112 §3.2
            return Denial(400, "host_missing", f"{len(hosts)} Host headers came.", "Send exactly one Host header.")
        if len(origins) > 1:  # RFC 6454 §7.3
            return Denial(403, "origin_refused", f"{len(origins)} Origin headers came.", "Send at most one.")
        loopback = self._is_local(scope)
        key = (hosts[0], origins[0] if origins else None, loopback)
        if key in self._passed:
            return None
        denial = self._judge_values(hosts[0].decode("latin-1"), key[1], loopback)
        if denial is None:
            if len(self._passed) >= _REMEMBERED:
                self._passed.clear()
            self._passed.add(key)
        return denial

    def _is_local(self, scope: Scope) -> bool:
        if self._loopback is not None:
            return self._loopback
        server = scope.get("server")
        return server is not None and is_loopback(server[0])

    def _judge_values(self, host_text: str, origin: bytes | None, loopback: bool) -> Denial | None:
        host = parse_authority(host_text)
        if host is None:
            message = f"Host {_shown(host_text)} is no host[:port]."
            return Denial(400, "host_malformed", message, "Send the server's own host and port.")
        if not self._allows_host(host, loopback):
            return Denial(
                421,
                "host_refused",
                f"Host {_shown(host_text)} is not one this server answers to.",
                "Use localhost or an allowed host, or add it to the server's allowed hosts.",
            )
        if origin is None or self._allows_origin(origin.decode("latin-1"), host, loopback):
            return None
        return Denial(
            403,
            "origin_refused",
            f"Origin {_shown(origin.decode('latin-1'))} may not use this server from a browser.",
            "Add it to the server's allowed origins, or call from the server's own host.",
        )

    def _allows_host(self, host: Authority, loopback: bool) -> bool:
        if self._any_host or host in self._hosts or host._replace(port=None) in self._hosts:
            return True
        return is_loopback(host.host) if loopback else not self._hosts

    def _allows_origin(self, text: str, host: Authority, loopback: bool) -> bool:
        if self._any_origin:
            return True
        if text == "null":
            return self._null_origin
        origin = parse_origin(text)
        if origin is None:
            return False
        if origin in self._origins:
            return True
        scheme, authority = origin
        if scheme not in ("http", "https"):
            return False
        # A proxy that ends TLS leaves the origin's scheme as the only one that tells which port a bare Host means.
        same = authority == host._replace(port=host.port or _DEFAULT_PORTS[scheme])
        return same or (loopback and is_loopback(authority.host))


def _known(parse: Callable[[str], T | None], text: str, form: str) -> T:
    parsed = parse(text)
    if parsed is None:
        raise ValueError(f'{text!r} is no {form}; write it so, or "*" for any')
    return parsed


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


async def _answer(kind: str, denial: Denial, send: Send) -> None:
    error = {"code": denial.code, "message": denial.message, "next": denial.next}
    body = msgspec.json.encode({"error": error})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": f"{kind}.start", "status": denial.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
