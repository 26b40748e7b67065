"""One measured run: open the callers, warm up, watch a window of time, drain, say what was seen.

It refuses to give figures for a run in which any call went wrong: that run raises MeasureError.
"""

import asyncio
import gc
import time
from contextlib import suppress
from dataclasses import dataclass

import uvloop

from bench.errors import MeasureError
from bench.load.caller import Caller, Record
from bench.load.http import HttpCaller
from bench.load.websocket import WebSocketCaller
from bench.messages import Call, Era
from bench.process import Server
from bench.subjects import Line

_OPEN_SECONDS = 30.0
_DRAIN_SECONDS = 15.0

_CALLERS: dict[Line, type[WebSocketCaller] | type[HttpCaller]] = {
    Line.WEBSOCKET: WebSocketCaller,
    Line.HTTP: HttpCaller,
}


@dataclass(frozen=True)
class Load:
    """What to put on a server: which call, how many connections, how many calls on each."""

    call: Call
    connections: int
    in_flight: int
    seconds: float
    warm_up_seconds: float


@dataclass(frozen=True)
class Sample:
    """What one run saw. Times of calls are in microseconds; processor time is per call."""

    calls_per_second: float
    p50_us: float
    p99_us: float
    server_cpu_us: float
    client_cpu_us: float
    peak_rss_bytes: int


def measure(server: Server, line: Line, path: str, era: Era, load: Load) -> Sample:
    """Run `load` against `server` in an event loop of its own. Raises MeasureError."""
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_measure(server, line, path, era, load))
    except OSError as error:
        raise MeasureError(f"the server's process cannot be read: {error.strerror}") from error
    finally:
        gc.enable()


async def connect(port: int, line: Line, path: str, era: Era, call: Call, record: Record) -> Caller:
    """Open one caller to a server on loopback. Raises MeasureError."""
    host = f"127.0.0.1:{port}"

    def make() -> Caller:
        return _CALLERS[line](call, era, record, host=host, path=path)

    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            _, caller = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port)
            await caller.open()
    except (OSError, TimeoutError) as error:
        reason = str(error) or "no answer in time"
        raise MeasureError(f"no connection to port {port}: {reason}") from error
    return caller


async def _measure(server: Server, line: Line, path: str, era: Era, load: Load) -> Sample:
    record = Record()
    callers: list[Caller] = []
    try:
        for _ in range(load.connections):
            callers.append(await connect(server.port, line, path, era, load.call, record))
        for caller in callers:
            caller.begin(load.in_flight)
        await asyncio.sleep(load.warm_up_seconds)
        sample = await _window(server, record, load.seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await asyncio.gather(*(caller.finish() for caller in callers))
    finally:
        for caller in callers:
            caller.close()
    if record.faults:
        raise MeasureError(f"{record.faults} faults, the first: {record.first_fault}")
    if sample is None:
        raise MeasureError(f"no call was answered within {load.seconds:g} s")
    return sample


async def _window(server: Server, record: Record, seconds: float) -> Sample | None:
    server.forget_peak()
    server_cpu, client_cpu, started = server.cpu_seconds(), time.process_time(), time.perf_counter()
    record.recording = True
    await asyncio.sleep(seconds)
    record.recording = False
    elapsed = time.perf_counter() - started
    server_cpu = server.cpu_seconds() - server_cpu
    client_cpu = time.process_time() - client_cpu
    record.stopped = True
    latencies = sorted(record.latencies)
    calls = len(latencies)
    if not calls:
        return None
    return Sample(
        calls_per_second=calls / elapsed,
        p50_us=latencies[calls // 2] * 1e6,
        p99_us=latencies[min(calls - 1, calls * 99 // 100)] * 1e6,
        server_cpu_us=server_cpu / calls * 1e6,
        client_cpu_us=client_cpu / calls * 1e6,
        peak_rss_bytes=server.peak_rss_bytes(),
    )
