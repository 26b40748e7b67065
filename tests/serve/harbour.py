"""Real servers to tie up at: on the test's own loop, in a thread of their own, or in a child process.

On the test's loop a tool and its test share events; a thread has the loop of production (uvloop) and a child its
signals. Every wait is bounded.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

from uvicorn.server import ServerState

from fairlead import Fairlead
from fairlead.guard.protocol import guarded_protocols
from fairlead.serve import process

ROOT = Path(__file__).parents[2]
PIER = ROOT / "tests/serve/pier.py"
WAIT = 8.0
"""Seconds that anything may take: far above what it takes."""


@asynccontextmanager
async def docked(mcp: Fairlead, app: Any = None, *, narrow: bool = False, port: int = 0) -> AsyncIterator[str]:
    """The address of a server on this loop, with the sockets and protocols of production.

    `narrow`: the system keeps next to nothing for a peer that does not read, so that we have to.
    """
    loop = asyncio.get_running_loop()
    config = process.prepare(
        app or mcp.asgi(), mcp.station, mcp.settings, protocols=guarded_protocols(), started=print
    ).config
    config.load()
    state = ServerState()

    def protocol() -> Any:
        return config.http_protocol_class(config=config, server_state=state, app_state={}, _loop=loop)

    with socket.create_server(("127.0.0.1", port)) as listener:
        if narrow:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        server = await loop.create_server(protocol, sock=listener)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()
            async with asyncio.timeout(WAIT):
                if state.tasks:
                    await asyncio.wait(state.tasks)
            mcp.station.close()


@contextmanager
def moored(mcp: Fairlead) -> Iterator[str]:
    """The address of `mcp.run()` in a thread, on the loop of production."""
    made: list[process.Server] = []
    listening = threading.Event()
    told: list[str] = []

    class Kept(process.Server):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    def started(addresses: list[str]) -> None:
        told.extend(addresses)
        listening.set()

    with mock.patch.object(process, "Server", Kept):
        thread = threading.Thread(target=mcp.run, kwargs={"started": started}, name="moored", daemon=True)
        thread.start()
        assert listening.wait(WAIT), "the server does not start"
    try:
        yield told[0]
    finally:
        made[0].should_exit = True
        thread.join(WAIT)
        assert not thread.is_alive(), "the server does not end"


class Child:
    """A process: its streams, the lines of its standard error, its end."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Any) -> None:
        self.process = process
        self._errors = errors

    @property
    def stderr(self) -> str:
        """What it wrote to standard error so far."""
        return Path(self._errors.name).read_text("utf-8")

    async def says(self, text: str) -> str:
        """Standard error, once `text` stands in it."""
        async with asyncio.timeout(WAIT):
            while text not in self.stderr:
                assert self.process.returncode is None or text in self.stderr, self.stderr
                await asyncio.sleep(0.02)  # a file tells nobody that it grew
        return self.stderr

    async def address(self) -> str:
        """Where it listens, as it tells people."""
        told = await self.says("/health")
        return told.partition("ws://")[2].partition("/mcp")[0]

    async def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        async with asyncio.timeout(WAIT):
            await self.process.stdin.drain()

    async def line(self) -> bytes:
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT):
            return await self.process.stdout.readline()

    async def rest(self) -> bytes:
        """All that it still writes to standard output."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT):
            return await self.process.stdout.read()

    def hang_up(self) -> None:
        """End its input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def ends(self, within: float = WAIT) -> int:
        """Its exit code."""
        async with asyncio.timeout(within):
            while self.process.returncode is None:  # `wait()` waits for its pipes as well
                await asyncio.sleep(0.01)
        return self.process.returncode


@asynccontextmanager
async def child(
    *words: str,
    program: tuple[str, ...] = ("-m", "fairlead"),
    stdin: Any = asyncio.subprocess.PIPE,
    **options: Any,
) -> AsyncIterator[Child]:
    """`fairlead …`, or another Python program, as a process of its own; killed at the end if it is still there."""
    with tempfile.NamedTemporaryFile(suffix=".err") as errors:
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            *words,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=options.pop("stderr", errors),
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "default", **options.pop("env", {})},
            limit=options.pop("limit", 16 * 1024 * 1024),
            start_new_session=True,
            **options,
        )
        try:
            yield Child(running, errors)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            async with asyncio.timeout(WAIT):
                await running.communicate()
