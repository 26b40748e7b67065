"""Runs an ASGI application as a process of its own: uvicorn with our guarded protocols, and a shutdown that drains.

uvicorn closes every socket at SIGTERM in a tenth of a second; here it stops accepting, lets calls in flight finish,
and then closes with 1012. A second signal ends it at once. What still blocks in a thread is left behind.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import uvicorn

from fairlead.errors import LineError
from fairlead.serve.station import Station
from fairlead.serve.threads import lend
from fairlead.settings import Settings

_LOOK: Final = 0.1
"""Seconds between two looks for the second signal while draining."""

_BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """A uvicorn server that drains its station before it closes connections."""

    def __init__(self, config: uvicorn.Config, station: Station, *, drain: float, started: Callable[[list[str]], None]):
        super().__init__(config)
        self._station = station
        self._drain = drain
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell where."""
        lend(asyncio.get_running_loop())
        self._station.open()
        await super().startup(sockets=sockets)
        if self.started:
            self._told([address_of(one) for server in self.servers for one in server.sockets])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second one ends at once, whichever they are."""
        # uvicorn keeps the signal to raise it again afterwards, which would skip what the program does after `run()`.
        self._station.company.hurry()
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, finish what is in flight, then close."""
        for server in self.servers:
            server.close()
        draining = asyncio.create_task(self._station.drain(self._drain))
        while not draining.done() and not self.force_exit:
            await asyncio.wait([draining], timeout=_LOOK)
        draining.cancel()
        self._station.part()
        await super().shutdown(sockets=sockets)
        self._station.close()


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address that `host` stands for. Raises LineError, which names the next step."""
    # Here and not by uvicorn, which would log a line of its own and end the process with a code of its own.
    opened: list[socket.socket] = []
    fault: OSError | None = None
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            # With port 0 the first address takes a free one, and the others the same.
            chosen = opened[0].getsockname()[1] if opened else port
            try:
                opened.append(_open(family, (address[0], chosen, *address[2:])))
            except OSError as why:
                # `localhost` names ::1 also on a machine that has no IPv6.
                if why.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                fault = why
        if not opened and fault is not None:
            raise fault
    except OSError as why:
        for one in opened:
            one.close()
        raise LineError(f"Cannot listen on {host}:{port}: {_reason(why)}") from why
    return opened


def _open(family: int, address: tuple[Any, ...]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        # At once: two that are bound alone would not notice one another.
        one.listen(_BACKLOG)
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one


def _reason(fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return "something listens there already. End that, or choose another port (0 takes a free one)."
    if fault.errno == errno.EACCES:
        return "this user may not. Choose a port from 1024 on."
    if isinstance(fault, socket.gaierror) or fault.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address. Use 127.0.0.1, or 0.0.0.0 for every address it has."
    return f"{fault.strerror}."


def address_of(one: socket.socket) -> str:
    """`host:port`, as it stands in a URL."""
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
    """Serve until a signal ends it. `protocols` are the HTTP and WebSocket halves of the guard.

    Raises LineError where the address cannot be used.
    """
    server = prepare(app, station, settings, protocols=protocols, started=started)
    server.run(sockets=listen(settings.host, settings.port))


def prepare(
    app: Any,
    station: Station,
    settings: Settings,
    *,
    protocols: tuple[type, type],
    started: Callable[[list[str]], None],
) -> Server:
    """The server as the settings want it, which listens nowhere yet."""
    config = configure(app, settings, protocols)
    return Server(config, station, drain=settings.drain_seconds, started=started)


def configure(app: Any, settings: Settings, protocols: tuple[type, type]) -> uvicorn.Config:
    """What uvicorn is told. What a proxy in front says is read by a guard of ours, so that uvicorn must not."""
    http, websocket = protocols
    return uvicorn.Config(
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
        proxy_headers=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
