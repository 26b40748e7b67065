"""Child processes that serve while a test runs: started, waited for in bounded time, stopped by their id."""

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
FAIRLEAD = (sys.executable, "-m", "fairlead", "serve")
START_SECONDS = 30
STOP_SECONDS = 30


@contextmanager
def started(command: Sequence[str], says: str) -> Iterator[str]:
    """Run a command that serves; gives the first group of the pattern `says` once a line of its output has it."""
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_drain, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        yield _found(lines, re.compile(says), command)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        reader.join(STOP_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


def _drain(stream: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _found(lines: "queue.SimpleQueue[str | None]", says: re.Pattern[str], command: Sequence[str]) -> str:
    seen = []
    while True:
        try:
            line = lines.get(timeout=START_SECONDS)
        except queue.Empty:
            line = None
        if line is None:
            raise AssertionError(f"{' '.join(command)} did not start:\n{''.join(seen)}")
        seen.append(line)
        if found := says.search(line):
            return found[1]


@contextmanager
def fixture_server() -> Iterator[str]:
    """The server with the suite's fixtures on a free port; gives `host:port`."""
    with started((*FAIRLEAD, str(HERE / "server.py"), "--port", "0"), r"(127\.0\.0\.1:\d+)") as address:
        yield address


@contextmanager
def http_line() -> Iterator[str]:
    """The URL of the server's Streamable HTTP line, by the name that the suite wants."""
    with fixture_server() as address:
        yield f"http://{address.replace('127.0.0.1', 'localhost')}/mcp"


@contextmanager
def websocket_line() -> Iterator[str]:
    """The URL of the shim, behind which there is the server's WebSocket line alone."""
    with fixture_server() as address:
        shim = (sys.executable, str(HERE / "shim.py"), f"ws://{address}/mcp")
        with started(shim, r"(http://localhost:\d+/mcp)") as url:
            yield url


LINES = {"http": http_line, "websocket": websocket_line}
"""How to serve each line; all open for as long as the context lasts."""
