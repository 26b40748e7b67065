"""The process that keeps the workers: it binds the address, starts them, and starts again those that die.

Each worker runs this program's own command anew and loads the source itself; why not by fork, docs/decisions/0007
says. It serves nothing itself, so that nothing a client sends can end it. Refuses to serve with fewer workers than
were asked for: where one cannot start in the beginning, all end.
"""

import asyncio
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from fairlead.errors import LineError, UsageError
from fairlead.serve.place import LIFELINE, READY, Place
from fairlead.serve.process import address_of, listen
from fairlead.settings import Settings

logger = logging.getLogger("fairlead")

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_STEADY: Final = 60.0
"""Seconds after which a worker that ends has not failed at once: the pauses begin anew."""

_GRACE: Final = 5.0
"""Seconds beyond the time to drain after which a worker that still runs is killed."""

_AT_ONCE: Final = 2.0
"""The same after the second signal."""


def keep_workers(settings: Settings, *, started: Callable[[list[str]], None]) -> None:
    """Serve with several processes until a signal ends them.

    `started` is called once, when all of them listen. Raises LineError where the address cannot be used or a worker
    cannot start, UsageError where this program cannot be run again.
    """
    command = _command()
    listeners = listen(settings.host, settings.port)
    folder = tempfile.mkdtemp(prefix="fairlead-")  # Of mode 0700.
    try:
        asyncio.run(Workers(settings, command, listeners, folder, started).run())
    finally:
        for one in listeners:
            one.close()
        shutil.rmtree(folder, ignore_errors=True)


def _command() -> list[str]:
    if sys.platform == "win32":
        raise UsageError("Several workers need Unix-domain sockets, which Python lacks on Windows: use one worker.")
    words = sys.orig_argv[1:]
    if not words or words[0] == "-" or hasattr(sys, "ps1"):
        raise UsageError("Each worker runs this program anew, and what was typed in cannot be: put it into a file.")
    return [sys.executable, *words]


class Workers:
    """All workers of one server, seen from outside."""

    def __init__(
        self,
        settings: Settings,
        command: list[str],
        listeners: list[socket.socket],
        folder: str,
        started: Callable[[list[str]], None],
    ):
        self._settings = settings
        self._command = command
        self._listeners = listeners
        self._descriptors = [one.fileno() for one in listeners]
        self._folder = folder
        self._told = started
        self._secret = settings.secret or secrets.token_urlsafe(32)
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._ready: set[int] = set()
        self._all_began = False
        self._signals = 0
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until a signal has ended all. Raises LineError where one could not start in the beginning."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        keepers = [asyncio.create_task(self._keep(index)) for index in range(self._settings.workers)]
        try:
            await asyncio.gather(*keepers)
        finally:
            if not self._stopping.is_set():
                self._stop()
            await asyncio.gather(*keepers, return_exceptions=True)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def _keep(self, index: int) -> None:
        """One worker after another at the same place."""
        loop = asyncio.get_running_loop()
        failures = 0
        while not self._stopping.is_set():
            began = loop.time()
            how = await self._live(index)
            if self._stopping.is_set():
                return
            if not self._all_began:
                raise LineError(f"{how} before all were ready to serve: its own words stand above.")
            failures = 1 if loop.time() - began > _STEADY else failures + 1
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 16))
            logger.error("%s, and its sessions with it. Another one starts in %g s.", how, pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _live(self, index: int) -> str:
        """Start a worker and wait for its end; returns how it ended."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                try:
                    process = await self._spawn(theirs)
                except OSError as why:
                    return f"Worker {index} could not be started ({why.strerror})"
            self._running[index] = process
            if self._stopping.is_set():
                self._signal(process, signal.SIGTERM)  # The signal came while it was being started.
            watching = asyncio.create_task(self._watch(index, ours))
            try:
                await process.wait()
            finally:
                self._ready.discard(index)
                self._running.pop(index, None)
                watching.cancel()
                await asyncio.wait([watching])
        return f"Worker {index} (process {process.pid}) ended with {_code(process.returncode)}"

    async def _spawn(self, lifeline: socket.socket) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=subprocess.DEVNULL,
            pass_fds=(lifeline.fileno(), *self._descriptors),
            env={**os.environ, LIFELINE: str(lifeline.fileno())},
            # In a group of its own: Ctrl-C would reach it twice, from the terminal and from here.
            process_group=0,
        )

    async def _watch(self, index: int, lifeline: socket.socket) -> None:
        """Hand the worker its place, and note that it listens."""
        loop = asyncio.get_running_loop()
        place = Place(index, self._settings.workers, self._folder, self._secret, self._descriptors)
        lifeline.setblocking(False)
        try:
            await loop.sock_sendall(lifeline, msgspec.json.encode(place) + b"\n")
            told = await loop.sock_recv(lifeline, len(READY))
        except OSError:
            return  # It has ended: who waits for the process sees that.
        if told != READY:
            return
        self._ready.add(index)
        if self._all_began:
            logger.info("Worker %d (process %d) serves.", index, self._running[index].pid)
        elif len(self._ready) == self._settings.workers:
            self._all_began = True
            self._told([address_of(one) for one in self._listeners])

    # How it ends.

    def _stop(self) -> None:
        """The first signal drains, the second one ends at once."""
        self._signals += 1
        self._stopping.set()
        seconds = self._settings.drain_seconds + _GRACE if self._signals == 1 else _AT_ONCE
        asyncio.get_running_loop().call_later(seconds, self._kill)
        for process in list(self._running.values()):
            self._signal(process, signal.SIGTERM)

    def _kill(self) -> None:
        for index, process in list(self._running.items()):
            logger.error("Worker %d (process %d) does not end: it is killed.", index, process.pid)
            self._signal(process, signal.SIGKILL)

    def _signal(self, process: asyncio.subprocess.Process, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(number)


def _code(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"code {code}"
