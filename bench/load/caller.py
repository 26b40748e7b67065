"""What every caller does whatever its line: number the calls, time the answers, judge them.

A caller keeps a fixed number of calls in flight: an answer is at once followed by the next
request. It refuses to forget a call: one that was sent is answered, faulty or reported as lost.
"""

import asyncio
from abc import abstractmethod
from time import perf_counter
from typing import cast

from bench.errors import MeasureError
from bench.messages import FIRST_NUMBER, Call, Era, fault_of, number_of


class Record:
    """What all callers of one run saw, while `recording`; `stopped` ends the sending."""

    def __init__(self) -> None:
        self.recording = False
        self.stopped = False
        self.latencies: list[float] = []
        self.faults = 0
        self.first_fault = ""

    def fault(self, text: str) -> None:
        """Count a wrong, lost or refused call. Faults count outside the window too."""
        self.faults += 1
        self.first_fault = self.first_fault or text


class Caller(asyncio.Protocol):
    """One connection with its calls in flight. Made by a line, driven by `drive`."""

    def __init__(self, call: Call, era: Era, record: Record) -> None:
        self._call = call
        self._era = era
        self._record = record
        self._calling = False
        self._number = FIRST_NUMBER
        self._pending: dict[bytes, float] = {}
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self._quiet = asyncio.get_running_loop().create_future()

    @abstractmethod
    async def open(self) -> None:
        """Bring the connection to where calls may be sent. Raises MeasureError."""

    @abstractmethod
    def pack(self, digits: bytes) -> bytes:
        """The bytes on the wire of the call with this number."""

    @abstractmethod
    def fail_opening(self, text: str) -> None:
        """Tell whoever waits in `open` that the connection is gone."""

    @property
    def transport(self) -> asyncio.Transport:
        """The open connection."""
        if self._transport is None:
            raise MeasureError("the connection is not open")
        return self._transport

    def begin(self, in_flight: int) -> None:
        """Send the first calls; each answer sends the next one until the record is stopped."""
        self._calling = True
        self.transport.write(b"".join([self._next() for _ in range(in_flight)]))

    async def finish(self) -> None:
        """Return when nothing is in flight any more. Safe to cancel."""
        if self._pending and not self._quiet.done():
            await self._quiet

    def close(self) -> None:
        """Drop the connection; what is still in flight becomes a fault."""
        self._closing = True
        if self._pending:
            self._lose(f"{len(self._pending)} calls were never answered")
        if self._transport is not None:
            self._transport.abort()

    def take(self, payload: bytes) -> bytes:
        """Judge one message of the server; return the next request's bytes, or nothing."""
        at = payload.find(b'"id":') + 5
        digits = payload[at : at + 8]
        started = self._pending.pop(digits, None)
        if started is None or not self._call.holds(payload, digits):
            return self._look_closely(payload, digits, started)
        if self._record.recording:
            self._record.latencies.append(perf_counter() - started)
        return self._follow()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. Called by the event loop."""
        # uvloop's transports are no subclass of asyncio's, so there is nothing to check here.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail every waiter. Called by the event loop."""
        if self._closing:
            return
        text = f"the server closed the connection ({exc or 'no error'})"
        self.fail_opening(text)
        if self._calling:
            self._lose(text)

    def _next(self) -> bytes:
        digits = b"%d" % self._number
        self._number += 1
        self._pending[digits] = perf_counter()
        return self.pack(digits)

    def _follow(self) -> bytes:
        if not self._record.stopped:
            return self._next()
        if not self._pending and not self._quiet.done():
            self._quiet.set_result(None)
        return b""

    def _look_closely(self, payload: bytes, digits: bytes, started: float | None) -> bytes:
        if started is not None:
            self._pending[digits] = started
        try:
            number = number_of(payload)
            if number is None:
                return b""
            started = self._pending.pop(b"%d" % number, None)
            text = fault_of(payload, self._call, number) if started else "an answer nobody awaits"
        except ValueError as error:
            self._lose(str(error))
            self.transport.abort()
            return b""
        if text is not None or started is None:
            self._record.fault(text or "")
        elif self._record.recording:
            self._record.latencies.append(perf_counter() - started)
        return self._follow()

    def _lose(self, text: str) -> None:
        self._record.fault(text)
        self._pending.clear()
        if not self._quiet.done():
            self._quiet.set_result(None)
