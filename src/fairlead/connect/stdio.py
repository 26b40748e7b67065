"""The stdio line: a server that we start as a child process, one message per line.

The child's standard error goes to ours unless told otherwise. Noise on its standard output is left out and counted.
Ends the child politely (end of input), then firmly (SIGTERM), then at once (SIGKILL): none is left behind.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fairlead.connect.line import Broken, ConnectError
from fairlead.errors import ConnectionLost
from fairlead.kernel.client import Outgoing
from fairlead.wire.lines import LineSplitter

_CHUNK: Final = 65_536
_PATIENCE: Final = 2.0
"""Seconds that a child may take to end by itself, and again after SIGTERM."""


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
        self._splitter = LineSplitter(frame_bytes)
        self._lines: list[bytes] = []
        self._child: asyncio.subprocess.Process | None = None
        self.noise = 0
        """Lines that were no messages, or too long."""

    async def open(self) -> None:
        """Start the child. Raises ConnectError where it cannot be started."""
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=self._stderr,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,  # A Ctrl-C at our terminal is ours to hand on.
            )
        except FileNotFoundError:
            raise ConnectError(f"There is no program {self._command[0]!r} here.", final=True) from None
        except OSError as fault:
            raise ConnectError(
                f"{self._command[0]!r} cannot be started ({type(fault).__name__}).", final=True
            ) from None

    async def send(self, message: Outgoing) -> None:
        """Write one line. Raises ConnectionLost when the child is gone."""
        child = self._child
        if child is None or child.stdin is None or child.returncode is not None:
            raise ConnectionLost("The server's process has ended.", state="not_sent")
        try:
            child.stdin.write(message.frame + b"\n")
            await child.stdin.drain()
        except OSError:
            raise ConnectionLost("The server's process takes no more input.", state="not_sent") from None

    async def receive(self) -> bytes | str | Broken:
        """The next line that can be a message. Raises ConnectionLost when the child's output ends."""
        while not self._lines:
            child = self._child
            if child is None or child.stdout is None:
                raise ConnectionLost("The line is not open.", state="not_sent")
            chunk = await child.stdout.read(_CHUNK)
            for line in self._splitter.feed(chunk) if chunk else self._splitter.end():
                if isinstance(line, bytes) and line[:1] in (b"{", b"["):
                    self._lines.append(line)
                else:
                    self.noise += 1
            if not chunk and not self._lines:
                raise ConnectionLost("The server's process has ended.", state="unknown_outcome")
        return self._lines.pop(0)

    async def close(self) -> None:
        """End the child and wait for it."""
        child = self._child
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        for sign in (None, signal.SIGTERM, signal.SIGKILL):
            if sign is not None:
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(sign)
            try:
                async with asyncio.timeout(_PATIENCE):
                    await child.wait()
                return
            except TimeoutError:
                continue
