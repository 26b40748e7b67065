"""A proxy on loopback that does to a connection what networks do: cut, stall, half-open, slow, garbage.

It stands before a server's address and counts the connections that went through it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Faults:
    """The proxy. Its switches hold for all connections, those that are open and those that come."""

    def __init__(self, address: str) -> None:
        self.address = ""
        self.accepted = 0
        self.refusing = False
        """New connections are broken off at once."""

        self.stalled = False
        """Nothing is read and nothing is passed on, as behind a full buffer."""

        self.deaf = False
        """All is read and nothing is passed on: the peer is gone, and the system on the way does not say so."""

        self.delay = 0.0
        """Seconds before each piece is passed on."""

        self.piece = 65_536
        """The most bytes that are passed on at a time."""

        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._pairs)

    def cut(self) -> None:
        """Break every connection off, on both sides, as a reset does."""
        for pair in tuple(self._pairs):
            for writer in pair:
                writer.transport.abort()

    def garble(self, garbage: bytes = b"\xff\xfe<garbage>\r\n\r\n\x81\x7f") -> None:
        """Say something to every client that its server never said."""
        for client, _ in self._pairs:
            client.write(garbage)

    def resume(self) -> None:
        """No more stalling."""
        self.stalled = self.deaf = False
        self._moved.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.accepted += 1
        try:
            if self.refusing:
                writer.transport.abort()
                return
            there = await asyncio.open_connection(self._host, self._port)
            pair = (writer, there[1])
            self._pairs.add(pair)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, there[1], pair))
                    group.create_task(self._pass(there[0], writer, pair))
            finally:
                self._pairs.discard(pair)
        except* OSError:
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: tuple) -> None:
        try:
            while data := await reader.read(self.piece):
                while self.stalled:
                    self._moved.clear()
                    await self._moved.wait()
                if self.deaf:
                    continue
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        for one in pair:
            one.transport.abort()

    async def end(self) -> None:
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))


@asynccontextmanager
async def faults_before(address: str) -> AsyncIterator[Faults]:
    """A proxy before a server."""
    faults = Faults(address)
    server = await asyncio.start_server(faults.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    faults.address = f"{host}:{port}"
    try:
        yield faults
    finally:
        server.close()
        with suppress(asyncio.CancelledError):
            await faults.end()
