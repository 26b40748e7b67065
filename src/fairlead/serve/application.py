"""The ASGI application: which line a connection speaks, by its path. Needs no lifespan of the app it is mounted in.

Refuses other paths with a 404 that names the right ones.
"""

from typing import Any, Final

from fairlead.serve.station import Station
from fairlead.serve.websocket import Receive, Scope, Send, WebSocketLine
from fairlead.settings import Settings
from fairlead.wire.encode import encode

# Mounted at a prefix, the app may be asked for that prefix itself: `app.mount("/mcp", server.asgi())`.
SOCKETS: Final = frozenset({"/mcp", "/mcp/ws"})
MOUNTED_SOCKETS: Final = SOCKETS | {"", "/ws"}


class Application:
    """All network lines of one server."""

    def __init__(self, station: Station, settings: Settings):
        self._station = station
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "websocket":
            await self._socket(scope, receive, send)
        elif kind == "http":
            await self._page(scope, receive, send)
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
        path, _ = local_path(scope)
        if path == "/health":
            await answer(send, 200, self._health())
        else:
            await answer(send, 404, _lost(path))

    def _health(self) -> dict[str, Any]:
        station = self._station
        return {
            "status": "stopping" if station.closing else "ok",
            "name": station.terms.server.name,
            "version": station.terms.server.version,
            "connections": len(station.conversations),
            "in_flight": station.in_flight(),
        }

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self._station.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def local_path(scope: Scope) -> tuple[str, bool]:
    """The path below the prefix that this app is mounted at, without a trailing slash; and whether there is a prefix."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    if root and path.startswith(root):
        path = path[len(root) :]
    return path.rstrip("/"), bool(root)


async def answer(send: Send, status: int, body: Any) -> None:
    """Send a small JSON page."""
    data = encode(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
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


def _lost(path: str) -> dict[str, Any]:
    return {
        "error": {
            "code": "NOT_FOUND",
            "message": f"There is nothing at {path[:200] or '/'}.",
            "next": "Connect a WebSocket to /mcp, or ask for /health.",
        }
    }
