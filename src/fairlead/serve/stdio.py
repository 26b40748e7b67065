"""The stdio line: one message per line, on the process's own standard input and output.

Whatever else in the process writes to standard output (a print in a tool, a child) goes to standard error: the wire
carries messages alone. The end of input ends the line; calls that are nearly done get a moment.
"""

import asyncio
import os
import queue
import select
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from fairlead.errors import INVALID_REQUEST, PeerError
from fairlead.kernel import Call
from fairlead.serve.conversation import Conversation
from fairlead.serve.station import Station
from fairlead.serve.threads import lend
from fairlead.wire import encode
from fairlead.wire.lines import LineSplitter, LineTooLong

MOMENT: Final = 0.5
"""Seconds that calls may still take after the end of input: `echo … | fairlead serve` gets its answer."""

AT_MOST: Final = 2.5
"""Seconds that the process may take from the end of input to its own."""

_CHUNK: Final = 65_536
_QUEUED: Final = 64
"""Chunks that may wait between the reading thread and the loop."""


class StdioLine:
    """A session on two file descriptors."""

    def __init__(self, station: Station, reading: int, writing: int, *, ended: Callable[[], None] | None = None):
        self._station = station
        self._ended = ended
        self._reading = reading
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer = _Writer(writing, self._loop)
        self._slots = threading.Semaphore(_QUEUED)

    async def run(self) -> None:
        """Talk until the input ends."""
        limits = self._station.terms.limits
        splitter = LineSplitter(limits.frame_bytes)
        conversation = Conversation(self._station, self._station.session(), self.send)
        # A thread reads, since standard input may be a file, which no event loop can watch. It is a daemon: blocked
        # in read() it must not keep the process.
        threading.Thread(target=self._read, name="fairlead-stdin", daemon=True).start()
        conversation.waiting = self._writer.waiting
        try:
            while chunk := await self._chunks.get():
                self._slots.release()
                await self._take(conversation, splitter.feed(chunk))
            await self._take(conversation, splitter.end())
            await self._station.drain(MOMENT)
            while await self._writer.moves():
                if self._ended is not None:
                    self._ended()
        except OSError:
            pass  # The reader of our answers is gone: the same as the end of input.
        finally:
            conversation.close()

    async def _take(self, conversation: Conversation, lines: list[bytes | LineTooLong]) -> None:
        for line in lines:
            if isinstance(line, bytes):
                await conversation.receive(line)
            else:
                await self.send(encode.error(PeerError(INVALID_REQUEST, f"Refused: {line}.")), None)

    async def send(self, frame: bytes, about: Call | None) -> None:
        """Write one line. Waits while the reader is slow; raises OSError when it is gone."""
        await self._writer.write(frame + b"\n")

    def _read(self) -> None:
        while True:
            self._slots.acquire()
            try:
                chunk = os.read(self._reading, _CHUNK)
            except OSError:
                chunk = b""  # The other end is gone in a rude way: the same as the end of input.
            if not chunk and self._ended is not None:
                self._ended()
            try:
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
            except RuntimeError:
                return  # The loop has ended before the input did.
            if not chunk:
                return


class _Writer:
    """Writes lines in their order: at once where the pipe has room for sure, in a thread where it may block.

    The descriptor stays in blocking mode, since others may share it (a terminal, `2>&1`).
    """

    def __init__(self, fd: int, loop: asyncio.AbstractEventLoop):
        self._fd = fd
        self._loop = loop
        self._queued: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        self._waiting = 0
        self._moved = 0
        self._thread: threading.Thread | None = None
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    async def write(self, data: bytes) -> None:
        """Returns when the bytes are with the system. Raises OSError when the reader is gone."""
        # A pipe that polls as writable takes PIPE_BUF bytes without blocking.
        if not self._waiting and len(data) <= select.PIPE_BUF and self._poll.poll(0):
            self._write(data)
            return
        if self._thread is None:
            # A daemon: blocked in write() it must not keep the process.
            self._thread = threading.Thread(target=self._work, name="fairlead-stdout", daemon=True)
            self._thread.start()
        written = self._loop.create_future()
        self._waiting += 1
        self._queued.put((data, written))
        try:
            await asyncio.shield(written)
        finally:
            self._waiting -= 1

    def waiting(self) -> int:
        """Lines that wait for a slow reader."""
        return self._waiting

    async def moves(self) -> bool:
        """Wait a moment for what is not written yet. False if all is, or if the reader took nothing meanwhile."""
        moved = self._moved
        for _ in range(10):
            if not self._waiting:
                return False
            await asyncio.sleep(MOMENT / 10)
        return self._moved != moved

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view[:_CHUNK])
            self._moved += written
            view = view[written:]

    def _work(self) -> None:
        while True:
            data, written = self._queued.get()
            fault: OSError | None = None
            try:
                self._write(data)
            except OSError as error:
                fault = error
            try:
                self._loop.call_soon_threadsafe(_settle, written, fault)
            except RuntimeError:
                return  # The loop has ended: nobody waits.


def _settle(future: asyncio.Future[None], fault: OSError | None) -> None:
    if future.done():
        return
    if fault is None:
        future.set_result(None)
    else:
        future.set_exception(fault)


def take_over() -> tuple[int, int, Callable[[], None]]:
    """Keep the real standard input and output for the wire, give everybody else nothing and standard error.

    Returns the two descriptors, and a function that puts everything back.
    """
    sys.stdout.flush()
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    python_stdout: Any = sys.stdout
    sys.stdout = sys.stderr

    def put_back() -> None:
        os.dup2(reading, 0)
        os.dup2(writing, 1)
        os.close(reading)
        os.close(writing)
        sys.stdout = python_stdout

    return reading, writing, put_back


async def serve_stdio(station: Station, *, ended: Callable[[], None] | None = None) -> None:
    """Serve this process's standard input and output until the input ends.

    `ended` is called then (from any thread), and again as long as answers are still being taken.
    """
    lend(asyncio.get_running_loop())
    station.open()
    station.wake("the start of the program")
    reading, writing, put_back = take_over()
    try:
        await station.company.prepared()
        await StdioLine(station, reading, writing, ended=ended).run()
    finally:
        try:
            await station.rest()  # What is printed meanwhile must not get on the wire either.
        finally:
            put_back()
        station.close()


def run_stdio(station: Station) -> None:
    """Serve standard input and output until the input ends, and end the process should a tool stand in the way.

    A client that has closed our input waits for us to go; a tool that holds the loop, or refuses to be cancelled,
    would keep the process for ever.
    """
    watch = _Watch()
    try:
        asyncio.run(serve_stdio(station, ended=watch.begin))
    finally:
        watch.end()


class _Watch:
    """Ends the process a while after it began, unless it began anew or was ended itself."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        self.end()
        self._timer = threading.Timer(AT_MOST, self._strike)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _strike(self) -> None:
        sys.stderr.write("fairlead: the input has ended, and a tool has not: the process ends without it.\n")
        sys.stderr.flush()
        os._exit(1)
