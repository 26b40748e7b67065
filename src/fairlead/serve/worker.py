"""A worker: a server on sockets that all workers share, and at a socket of its own on which the others reach it.

Refuses to outlive the process that keeps the workers: where that is gone, a worker drains and ends as at a signal.
"""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from typing import Any, Final

import uvicorn
from uvicorn.server import ServerState

from fairlead.serve.handover import Entrance
from fairlead.serve.place import READY, Place
from fairlead.serve.process import Server, configure
from fairlead.serve.station import Station
from fairlead.settings import Settings

_BACKLOG: Final = 1024
_KEEP: Final = 24 * 3600
"""Seconds that an unused connection between workers is kept: its other end decides, so that the two never cross."""

_FLUSH: Final = 1.0

Protocols = tuple[type, type]


class Door:
    """A worker's own socket: HTTP alone, without the guards that every request has passed already."""

    def __init__(self, config: uvicorn.Config, path: str):
        self._config = config
        self._path = path
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        config = self._config
        config.load()
        with suppress(FileNotFoundError):
            os.unlink(self._path)  # It was that of the worker before us at this place, which has died.

        def protocol() -> Any:
            return config.http_protocol_class(config=config, server_state=self._state, app_state={})  # type: ignore[call-arg]

        self._server = await asyncio.get_running_loop().create_unix_server(protocol, self._path, backlog=_BACKLOG)

    async def close(self) -> None:
        """Take no more, and let what is under way end within a second."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=_FLUSH)
        for connection in list(self._state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        with suppress(OSError):
            os.unlink(self._path)
        with suppress(OSError):
            os.rmdir(os.path.dirname(self._path))  # Works for the last one alone, if nobody else is left to do it.


class WorkerServer(Server):
    """One worker. Says on its lifeline when it listens, and ends when that breaks."""

    def __init__(self, *given: Any, door: Door, lifeline: socket.socket, **options: Any):
        super().__init__(*given, started=self._say_ready, **options)
        self._door = door
        self._lifeline = lifeline

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The others may pass requests on before anybody is told that we are here."""
        self._lifeline.setblocking(False)
        asyncio.get_running_loop().add_reader(self._lifeline, self._look)
        await self._door.open()
        await super().startup(sockets=sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Others pass on answers to questions of ours while we drain, so that our own door closes last."""
        try:
            await super().shutdown(sockets=sockets)
        finally:
            asyncio.get_running_loop().remove_reader(self._lifeline)
            await self._door.close()

    def _say_ready(self, addresses: list[str]) -> None:
        with suppress(OSError):
            self._lifeline.send(READY)

    def _look(self) -> None:
        try:
            alive = bool(self._lifeline.recv(1))
        except BlockingIOError:
            return
        except OSError:
            alive = False
        if not alive:
            asyncio.get_running_loop().remove_reader(self._lifeline)
            self.handle_exit(signal.SIGTERM, None)


def serve_worker(
    app: Any,
    unguarded: Any,
    station: Station,
    settings: Settings,
    *,
    place: Place,
    lifeline: socket.socket,
    outside: Protocols,
    inside: Protocols,
) -> None:
    """Serve `app` until a signal ends it, and `unguarded` to the other workers. `outside` and `inside` guard them."""
    inner = configure(Entrance(unguarded), settings, inside)
    inner.timeout_keep_alive = _KEEP
    inner.date_header = False
    inner.lifespan = "off"
    server = WorkerServer(
        configure(app, settings, outside),
        station,
        drain=settings.drain_seconds,
        door=Door(inner, place.door(place.index)),
        lifeline=lifeline,
    )
    sockets = [socket.socket(fileno=descriptor) for descriptor in place.listeners]
    for one in sockets:
        one.setblocking(False)
    server.run(sockets=sockets)
