"""The stdio line: a server that we start as a child process, one message per line.

The child's standard error goes to ours unless told otherwise. Noise on its standard output is left out and counted.
Ends the child politely (end of input), then firmly (SIGTERM), then at once (SIGKILL), and those that it started with
it: none is left behind. A child that does not answer is not taken for dead: only its end is.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

from fairlead.connect.line import ConnectError, Sink
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import Outgoing
from fairlead.wire.lines import LineSplitter

_PATIENCE: Final = 2.0
"""Seconds that a child may take to end by itself, and again after SIGTERM."""

_AFTERMATH: Final = 0.5
"""Seconds in which the output of a child that has ended is still read."""

_OUTPUT: Final = 1
_GROUPS: Final = sys.platform != "win32"


class _Child(asyncio.SubprocessProtocol):
    """What the child writes, and its end."""

    def __init__(self, sink: Sink, frame_bytes: int):
        self._sink: Sink | None = sink
        self._splitter = LineSplitter(frame_bytes)
        self._gathered: list[bytes] = []
        self.transport: asyncio.SubprocessTransport
        self.input: asyncio.WriteTransport
        self.room: asyncio.Future[None] | None = None
        self.ended = asyncio.get_running_loop().create_future()
        self.gone = False
        self.noise = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.input = self.transport.get_pipe_transport(0)  # type: ignore[assignment]

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._read(self._splitter.feed(data))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _OUTPUT:
            self._read(self._splitter.end())
            self._lose()
        else:  # It reads no more, and may still have something to say.
            self.gone = True
            self.resume_writing()

    def process_exited(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        # Its own children may hold the pipe open for ever; what it wrote itself is there by then.
        asyncio.get_running_loop().call_later(_AFTERMATH, self._lose)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose()

    def pause_writing(self) -> None:
        self.room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        room, self.room = self.room, None
        if room is not None and not room.done():
            room.set_result(None)

    def _read(self, lines: Sequence[Any]) -> None:
        for line in lines:
            if isinstance(line, bytes) and line[:1] in (b"{", b"["):
                if self._sink is not None:
                    self._sink.take(line)
            else:
                self.noise += 1

    def _lose(self) -> None:
        self.gone = True
        self.resume_writing()
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.lost(ConnectionLost("The server's process has ended.", state="unknown_outcome"))

    def put(self, frame: bytes) -> None:
        """Write a line with all others of this turn."""
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._flush)
        self._gathered += (frame, b"\n")

    def _flush(self) -> None:
        data = b"".join(self._gathered)
        self._gathered.clear()
        if not self.gone:
            self.input.write(data)

    def let_go(self) -> None:
        """Tell nobody of what comes from now on."""
        self._sink = None


class Stdio:
    """One child process."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        frame_bytes: int = 16 * 1024 * 1024,
        stderr: Any = None,
    ):
        self._command = list(command)
        self._env = None if env is None else {**os.environ, **env}
        self._cwd = cwd
        self._stderr = stderr
        self._frame_bytes = frame_bytes
        self._child: _Child | None = None

    @property
    def noise(self) -> int:
        """Lines that were no messages, or too long."""
        return 0 if self._child is None else self._child.noise

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return None if self._child is None else self._child.transport.get_pid()

    async def open(self, sink: Sink) -> None:
        """Start the child. Raises ConnectError where it cannot be started."""
        try:
            _, self._child = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Child(sink, self._frame_bytes),
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=self._stderr,
                env=self._env,
                cwd=self._cwd,
                start_new_session=_GROUPS,  # A Ctrl-C at our terminal is ours to hand on.
            )
        except FileNotFoundError:
            raise ConnectError(f"There is no program {self._command[0]!r} here, or no such cwd.", final=True) from None
        except OSError as fault:
            raise ConnectError(
                f"{self._command[0]!r} cannot be started ({type(fault).__name__}).", final=True
            ) from None

    def put(self, message: Outgoing) -> Awaitable[None] | None:
        """Write one line; one that finds the pipe full waits for room. Raises ConnectionLost when the child is gone."""
        child = self._child
        if child is None or child.gone:
            raise ConnectionLost("The server's process has ended.", state="not_sent")
        if child.room is not None:
            return self._put_later(child, message)
        child.put(message.frame)
        return None

    async def _put_later(self, child: _Child, message: Outgoing) -> None:
        while child.room is not None:
            await asyncio.shield(child.room)
        if child.gone:
            raise ConnectionLost("The server's process takes no more input.", state="not_sent")
        child.put(message.frame)

    async def close(self) -> None:
        """End the child and wait for it."""
        child = self._child
        if child is None:
            return
        child.let_go()
        child.input.close()
        for sign in (None, signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            if sign is not None:
                self._signal(child, sign)
            done, _ = await asyncio.wait([child.ended], timeout=_PATIENCE)
            if done:
                break
        self._signal(child, signal.SIGTERM)
        child.transport.close()

    def _signal(self, child: _Child, sign: int) -> None:
        """To the child and all of its group: `npx` and `uvx` are but the parents of the server."""
        try:
            if _GROUPS:
                os.killpg(child.transport.get_pid(), sign)
            elif not child.ended.done():
                child.transport.send_signal(sign)
        except (ProcessLookupError, PermissionError):
            return  # Nobody is left.
