"""A server as a process: started on a free loopback port, seen through /proc, stopped by its pid.

It refuses to run where there is no /proc, to wait without a bound, and to hide what a server that
died had to say.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.errors import MissingError

ROOT = Path(__file__).resolve().parent.parent

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_PROC = Path("/proc")


class Server:
    """A running server. Use it as a context: leaving it stops the process."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start `command`, with `{port}` replaced; return once the port accepts.

        Raises MissingError with the last lines of its output where that does not happen.
        """
        self.port = free_port()
        self._output = tempfile.TemporaryFile()
        arguments = [part.replace("{port}", str(self.port)) for part in command]
        try:
            self._process = subprocess.Popen(
                arguments,
                cwd=ROOT,
                env=plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            self._output.close()
            raise MissingError(f"could not be started: {error.strerror}: {arguments[0]}") from error
        try:
            self._await_port()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask the process to end, then make it. Safe to call again."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(_STOP_SECONDS)
        self._output.close()

    def epitaph(self) -> str:
        """The last words of a process that has ended; nothing while it runs."""
        code = self._process.poll()
        return "" if code is None else f"; it ended with {code}: {self._last_words()}"

    def cpu_seconds(self) -> float:
        """Processor time used so far by the process, its children and its dead children."""
        ticks = 0
        for pid in _tree(self._process.pid):
            # proc(5): the name in parentheses may hold blanks; utime is field 14 of the line.
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self) -> int:
        """Memory now resident, children included."""
        return self._status("VmRSS:")

    def peak_rss_bytes(self) -> int:
        """Most memory resident since the last `forget_peak`, children included."""
        return self._status("VmHWM:")

    def forget_peak(self) -> None:
        """Begin a new peak from the memory now resident."""
        for pid in _tree(self._process.pid):
            (_PROC / str(pid) / "clear_refs").write_text("5")

    def _status(self, field: str) -> int:
        total = 0
        for pid in _tree(self._process.pid):
            for line in (_PROC / str(pid) / "status").read_text().splitlines():
                if line.startswith(field):
                    total += int(line.split()[1]) * 1024
        return total

    def _await_port(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            code = self._process.poll()
            if code is not None:
                raise MissingError(f"ended at start with {code}: {self._last_words()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise MissingError(f"no open port after {_START_SECONDS:g} s: {self._last_words()}")

    def _last_words(self) -> str:
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").strip().splitlines()
        return " / ".join(line.strip() for line in lines[-2:]) or "no output"


def plain_environment() -> dict[str, str]:
    """The environment for whatever is measured: ours without the variables that set Python differently.

    A `PYTHONDONTWRITEBYTECODE`, for one, would have an editable package compiled at each start.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in (_PROC / str(pid) / "task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))
