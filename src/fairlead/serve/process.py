"""Runs an ASGI application as a process of its own: uvicorn with our guarded protocols, and a shutdown that drains.

uvicorn closes every socket at SIGTERM in a tenth of a second; here it stops accepting, lets calls in flight finish,
and then closes with 1012. A second signal ends it at once.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from fairlead.serve.station import Station
from fairlead.settings import Settings

_LOOK: Final = 0.1
"""Seconds between two looks for the second signal while draining."""


class Server(uvicorn.Server):
    """A uvicorn server that drains its station before it closes connections."""

    def __init__(self, config: uvicorn.Config, station: Station, *, drain: float, started: Callable[[list[str]], None]):
        super().__init__(config)
        self._station = station
        self._drain = drain
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell where."""
        await super().startup(sockets=sockets)
        if self.started:
            self._told([_address(one) for server in self.servers for one in server.sockets])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, finish what is in flight, then close."""
        for server in self.servers:
            server.close()
        draining = asyncio.create_task(self._station.drain(self._drain))
        while not draining.done() and not self.force_exit:
            await asyncio.wait([draining], timeout=_LOOK)
        draining.cancel()
        await super().shutdown(sockets=sockets)
        self._station.close()


def _address(one: socket.socket) -> str:
    name = one.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    host, port = name[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve_network(
    app: Any,
    station: Station,
    settings: Settings,
    *,
    protocols: tuple[type, type],
    started: Callable[[list[str]], None],
) -> None:
    """Serve until a signal ends it. `protocols` are the HTTP and WebSocket halves of the guard."""
    http, websocket = protocols
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=http,
        ws=websocket,
        ws_max_size=settings.frame_bytes,
        ws_per_message_deflate=settings.compression,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.ping_seconds,
        log_config=None,
        access_log=False,
        root_path=settings.root_path,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    Server(config, station, drain=settings.drain_seconds, started=started).run()
