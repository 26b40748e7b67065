"""The ASGI application: which line a connection speaks, by its path. Needs no lifespan of the app it is mounted in.

Refuses other paths with a 404 that names the right ones.
"""

import logging
import os
from typing import TYPE_CHECKING, Any, Final

from fairlead.serve.http import StreamableHttp
from fairlead.serve.sse import SseEndpoint
from fairlead.serve.station import Station
from fairlead.serve.websocket import Receive, Scope, Send, WebSocketLine
from fairlead.settings import Settings
from fairlead.wire.encode import encode

if TYPE_CHECKING:
    from fairlead.serve.passing import Passing

logger = logging.getLogger("fairlead")

# Mounted at a prefix, the app may be asked for that prefix itself: `app.mount("/mcp", server.asgi())`.
SOCKETS: Final = frozenset({"/mcp", "/mcp/ws"})
MOUNTED_SOCKETS: Final = SOCKETS | {"", "/ws"}

_OF_NEWER: Final = frozenset({b"mcp-session-id", b"mcp-protocol-version", b"last-event-id"})
"""Headers by which a GET is of a client newer than 2024-11-05."""

_TAKEN: Final = {"/sse": "GET, POST", "/messages": "POST", "/health": "GET, HEAD"}
"""Paths beside MCP's own, and what can be done there."""


class Application:
    """All network lines of one server. `passing` leads to the other workers, where there are any."""

    def __init__(self, station: Station, settings: Settings, *, passing: "Passing | None" = None):
        self._station = station
        self._settings = settings
        self._passing = passing
        mint = None if passing is None else passing.place.mint
        elsewhere = None if passing is None else passing.by_body
        self._http = StreamableHttp(station, settings, mint=mint, elsewhere=elsewhere)
        self._sse = SseEndpoint(station, settings, mint=mint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if not self._station.company.awake and kind != "lifespan":
            self._station.wake("the first request: nobody told this application that it started")
        if not self._station.company.ready and kind != "lifespan":
            await self._station.company.prepared()
        if kind == "websocket":
            await self._socket(scope, receive, send)
        elif kind == "http":
            try:
                if self._passing is None or not await self._passing.by_head(scope, receive, send):
                    await self._page(scope, receive, send)
            except ConnectionError as fault:
                # The client left, or does not read: there is nobody to answer. Only the line ends.
                logger.debug("A request ended early: %s.", fault)
                drop(scope)
        elif kind == "lifespan":
            await self._lifespan(receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, mounted = local_path(scope)
        if path not in (MOUNTED_SOCKETS if mounted else SOCKETS):
            await refuse_socket(scope, receive, send, 404, _lost(path))
            return
        line = WebSocketLine(
            self._station,
            scope,
            receive,
            send,
            bound=self._settings.queued_bytes,
            stall=self._settings.stall_seconds,
        )
        await line.run()

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, mounted = local_path(scope)
        method = scope["method"]
        if path == "/mcp" or (mounted and path == ""):
            await self._mcp(path, scope, receive, send)
        elif path == "/sse" and method == "GET":
            await self._sse.open(scope, receive, send, post_to="/messages/")
        elif path in ("/messages", "/sse") and method == "POST":
            await self._sse.post(scope, receive, send)
        elif path == "/health" and method in ("GET", "HEAD"):
            await answer(send, 200, self._health())
        elif path in _TAKEN:
            await answer(send, 405, _wrong(path), allow=_TAKEN[path])
        else:
            await answer(send, 404, _lost(path))

    async def _mcp(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """One path, two lines: who GETs it without a session and without a version is a client of 2024-11-05."""
        method = scope["method"]
        if method == "POST" and b"session_id=" in scope.get("query_string", b""):
            await self._sse.post(scope, receive, send)
        elif (
            method == "GET"
            and not self._settings.stateless_http
            and _OF_NEWER.isdisjoint(name for name, _ in scope["headers"])
        ):
            await self._sse.open(scope, receive, send, post_to=path)
        else:
            await self._http(scope, receive, send)

    def close(self) -> None:
        """End the sessions and streams over HTTP."""
        self._http.close()
        self._sse.close()
        if self._passing is not None:
            self._passing.close()

    def _health(self) -> dict[str, Any]:
        station = self._station
        return {
            "status": "stopping" if station.closing else "ok",
            "name": station.terms.server.name,
            "version": station.terms.server.version,
            "connections": len(station.conversations),
            "in_flight": station.in_flight(),
            "workers": 1 if self._passing is None else self._passing.place.count,
            "pid": os.getpid(),
        }

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                self._station.wake("the start of the application")
                await self._station.company.prepared()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._station.rest()
                self.close()
                self._station.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def drop(scope: Scope) -> None:
    """Drop the connection of a request, where our own server gives the means; others end it by themselves."""
    abort = (scope.get("extensions") or {}).get("fairlead.abort")
    if abort is not None:
        abort()


def local_path(scope: Scope) -> tuple[str, bool]:
    """The path below the prefix that this app is mounted at, without a trailing slash; and whether there is one."""
    path: str = scope["path"]
    root: str = (scope.get("root_path") or "").rstrip("/")
    if root and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    return path.rstrip("/"), bool(root)


async def answer(send: Send, status: int, body: Any, *, allow: str | None = None) -> None:
    """Send a small JSON page."""
    data = encode(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    if allow is not None:
        headers.append((b"allow", allow.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def refuse_socket(scope: Scope, receive: Receive, send: Send, status: int, body: Any) -> None:
    """Refuse an upgrade with an HTTP answer where the server can send one, else with its plain refusal."""
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    data = encode(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": data})


def _wrong(path: str) -> dict[str, Any]:
    return {"error": {"code": "METHOD_NOT_ALLOWED", "message": f"Use {_TAKEN[path]} at {path}."}}


def _lost(path: str) -> dict[str, Any]:
    return {
        "error": {
            "code": "NOT_FOUND",
            "message": f"There is nothing at {path[:200] or '/'}.",
            "next": "MCP is at /mcp (WebSocket and HTTP) and /sse; /health tells how the server is.",
        }
    }
