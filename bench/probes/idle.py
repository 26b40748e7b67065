"""What a connection costs that is open, past its handshake, and silent.

It counts by the growth of the whole process, so nothing that belongs to a connection is left out;
it refuses to guess where the server would not take them all.
"""

import asyncio
import time

import uvloop

from bench.errors import MeasureError, MissingError
from bench.load.caller import Caller, Record
from bench.load.drive import connect
from bench.messages import ADD
from bench.probes.reading import Reading
from bench.process import Server
from bench.subjects import Subject

_CONNECTIONS = 1_000
_WARM_UP_CONNECTIONS = 20
_SETTLE_SECONDS = 5.0
_STEP_SECONDS = 0.2


def idle_connection(subject: Subject) -> Reading:
    """KiB by which each of 1,000 idle connections makes the server grow. Raises MeasureError."""
    try:
        with Server(subject.command) as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_growth(server, subject))
    except (MissingError, OSError) as error:
        raise MeasureError(str(error)) from error


async def _growth(server: Server, subject: Subject) -> Reading:
    # The first connections pay for what is made once and kept.
    _close(await _open(server, subject, _WARM_UP_CONNECTIONS))
    before = await _settled(server)
    callers = await _open(server, subject, _CONNECTIONS)
    try:
        after = await _settled(server)
        lost = sum(caller.transport.is_closing() for caller in callers)
    finally:
        _close(callers)
    if lost:
        raise MeasureError(f"{lost} of {_CONNECTIONS} idle connections were closed by the server")
    return Reading(
        (after - before) / _CONNECTIONS / 1024, f"process at {after / 1048576:.0f} MiB with {_CONNECTIONS:,}"
    )


async def _open(server: Server, subject: Subject, count: int) -> list[Caller]:
    record = Record()
    callers: list[Caller] = []
    try:
        for _ in range(count):
            callers.append(await connect(server.port, subject.line, subject.path, subject.era, ADD, record))
    except MeasureError:
        _close(callers)
        raise
    return callers


def _close(callers: list[Caller]) -> None:
    for caller in callers:
        caller.close()


async def _settled(server: Server) -> int:
    deadline = time.monotonic() + _SETTLE_SECONDS
    last, unchanged = server.rss_bytes(), 0
    while unchanged < 3 and time.monotonic() < deadline:
        await asyncio.sleep(_STEP_SECONDS)
        now = server.rss_bytes()
        unchanged = unchanged + 1 if now == last else 0
        last = now
    return last
