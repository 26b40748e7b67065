"""What browsers need to hear before they let a page use this server: CORS (Fetch standard, section 3.2).

Stands inside `guard.origin`: whatever origin gets here was let pass there, so it is told yes, and nobody else is. A
page may send credentials that it knows (`Authorization`), and the browser never adds any of its own (cookies).

What this module refuses to do: judge an origin, or answer anything but a preflight.
"""

from __future__ import annotations

import re
from typing import Any, Final

from fairlead.guard.origin import App, Receive, Scope, Send

METHODS: Final = b"GET, POST, DELETE"
EXPOSED: Final = b"mcp-session-id, www-authenticate"
MAX_AGE: Final = b"600"
"""Seconds that a browser may remember the answer to a preflight."""

_ALLOWED: Final = re.compile(r"authorization|content-type|last-event-id|mcp-[a-z0-9!#$%&'*+.^_`|~-]{1,100}")


class Cors:
    """ASGI in front of ASGI: answers preflights, and adds headers to every answer that a page asked for."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = _header(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method") is not None:
            wanted = _header(scope, b"access-control-request-headers") or b""
            headers = [
                *_told(origin),
                (b"access-control-allow-methods", METHODS),
                (b"access-control-allow-headers", _allowed(wanted)),
                (b"access-control-max-age", MAX_AGE),
            ]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:

            async def telling(message: Any) -> None:
                if message["type"] == "http.response.start":
                    more = [*_told(origin), (b"access-control-expose-headers", EXPOSED)]
                    message = {**message, "headers": [*message.get("headers", ()), *more]}
                await send(message)

            await self._app(scope, receive, telling)


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return bytes(value).strip(b" \t")
    return None


def _told(origin: bytes) -> list[tuple[bytes, bytes]]:
    # Never "*": what one origin may do says nothing to a cache about another.
    return [(b"access-control-allow-origin", origin), (b"vary", b"origin")]


def _allowed(wanted: bytes) -> bytes:
    """Those of the wanted headers that may be sent."""
    names = [name.strip().lower() for name in wanted.decode("latin-1").split(",")]
    return ", ".join(name for name in names if _ALLOWED.fullmatch(name)).encode()
