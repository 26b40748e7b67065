"""The way out to a peer that reads slowly or not at all: bounded, given up in time, and no neighbour feels it."""

import asyncio
import gc
import logging
import socket as sockets

import pytest

from fairlead import Fairlead
from fairlead.serve.outlet import Outlet
from fairlead.settings import settings
from tests.guard.peers import CLOSE, TEXT, frame
from tests.guard.peers import connected as raw
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import connected
from tests.serve.test_websocket import UPGRADE, port

MEGABYTE = 1024 * 1024


class Transport:
    """What an outlet asks about, as numbers; its timers ring when a test says so."""

    def __init__(self) -> None:
        self.held = 0
        self.given_up = 0
        self._due: list[tuple] = []

    def outlet(self) -> Outlet:
        return Outlet(bound=100, stall=5, unsent=lambda: self.held, give_up=self._give_up, loop=self)  # type: ignore[arg-type]

    def _give_up(self) -> None:
        self.given_up += 1

    def create_future(self) -> asyncio.Future:
        return asyncio.get_running_loop().create_future()

    def call_later(self, seconds: float, act, *arguments) -> "Transport":
        self._due.append((act, arguments))
        return self

    def cancel(self) -> None:
        self._due.clear()

    @property
    def watches(self) -> bool:
        return bool(self._due)

    def ring(self) -> None:
        act, arguments = self._due.pop()
        act(*arguments)


def test_a_peer_within_the_bound_is_never_watched(run):
    async def talk():
        transport = Transport()
        outlet = transport.outlet()
        for _ in range(5):
            outlet.enter(100)
            outlet.leave(100)
        await asyncio.wait_for(outlet.room(), WAIT)
        assert not transport.watches and outlet.queued() == 0

    run(talk())


def test_a_peer_over_the_bound_that_takes_nothing_is_given_up_once(run):
    async def talk():
        transport = Transport()
        outlet = transport.outlet()
        transport.held = 101
        outlet.enter(1)
        waiting = asyncio.create_task(outlet.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        transport.ring()
        await asyncio.wait_for(waiting, WAIT)  # who waits for room is let go
        assert transport.given_up == 1 and not transport.watches

    run(talk())


def test_a_peer_over_the_bound_that_takes_a_little_is_kept(run):
    async def talk():
        transport = Transport()
        outlet = transport.outlet()
        transport.held = 400
        outlet.enter(1)
        waiting = asyncio.create_task(outlet.room())
        await asyncio.sleep(0)
        while transport.held > 100:
            assert transport.watches and not waiting.done()
            transport.held -= 20
            transport.ring()
        assert transport.watches and not waiting.done()  # 101 wait, with the one that is about to be sent
        outlet.leave(1)
        transport.ring()
        await asyncio.wait_for(waiting, WAIT)
        assert transport.given_up == 0 and not transport.watches

    run(talk())


def test_a_closed_outlet_lets_go_of_who_waits_and_gives_nobody_up(run):
    async def talk():
        transport = Transport()
        outlet = transport.outlet()
        transport.held = 1000
        outlet.enter(1)
        waiting = asyncio.create_task(outlet.room())
        await asyncio.sleep(0)
        outlet.close()
        await asyncio.wait_for(waiting, WAIT)
        assert transport.given_up == 0 and not transport.watches

    run(talk())


def large() -> Fairlead:
    mcp = Fairlead("t", stall_seconds=0.3)

    @mcp.tool(output=False)
    async def large(size: int = MEGABYTE) -> str:
        return "x" * size

    return mcp


def request(id: int, size: int = MEGABYTE, name: str = "large") -> bytes:
    meta = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}'
    params = f'{{"name":"{name}","arguments":{{"size":{size}}},"_meta":{meta}}}'
    return frame(TEXT, f'{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}'.encode())


@pytest.mark.requirement("WS-14")
def test_a_peer_that_does_not_read_is_given_up_and_its_neighbour_goes_on(run, caplog):
    caplog.set_level(logging.WARNING)

    async def talk():
        mcp = large()
        async with docked(mcp, narrow=True) as address, connected(address) as neighbour:
            async with raw(port(address), deaf=True) as peer:
                await peer.send(UPGRADE % (b"/mcp", b""))
                await peer.head()
                peer.writer.transport.pause_reading()
                for id in range(30):
                    await peer.send(request(id, 128 * 1024))
                assert len(mcp.station.conversations) == 2
                while len(mcp.station.conversations) > 1:
                    assert len((await neighbour.call("large", {"size": 10}))["content"][0]["text"]) == 10
                    # What waits for the deaf one is bounded by what was in flight, and gone with it.
                    await asyncio.sleep(0.01)
                # Should it wake up, it finds out why.
                peer.writer.transport.resume_reading()
                while (got := await peer.frame())[0] == TEXT:
                    pass
                assert got[0] == CLOSE and int.from_bytes(got[1][:2]) == 1013
            assert mcp.station.in_flight() == 0
            assert (await neighbour.call("large", {"size": 5}))["content"][0]["text"] == "xxxxx"

    run(talk(), within=20)
    gc.collect()  # what nobody retrieved is told when it is collected
    assert "does not read" in caplog.text and "1013" in caplog.text
    assert "never retrieved" not in caplog.text


def test_a_peer_that_does_not_read_is_read_no_further(run):
    async def talk():
        mcp = large()
        mcp.settings = settings(stall_seconds=600.0)
        runs = 0

        @mcp.tool(output=False, name="counted")
        async def counted(size: int) -> str:
            nonlocal runs
            runs += 1
            return "x" * size

        async with docked(mcp, narrow=True) as address, raw(port(address), deaf=True) as peer:
            await peer.send(UPGRADE % (b"/mcp", b""))
            await peer.head()
            peer.writer.transport.pause_reading()
            peer.writer.write(b"".join(request(id, 64 * 1024, "counted") for id in range(20_000)))
            # It stops by itself, however much more there is to read.
            before = -1
            while before != runs or not runs:
                before = runs
                await asyncio.sleep(0.2)
            assert runs < 1_000
            # It is noticed at once when such a peer leaves, not when its time is up.
            peer.writer.transport.abort()
            async with asyncio.timeout(WAIT):
                while mcp.station.conversations:
                    await asyncio.sleep(0.01)

    run(talk(), within=20)


def test_a_slow_peer_that_reads_is_not_closed_with_four_megabytes_in_flight(run):
    async def talk():
        mcp = large()
        async with docked(mcp, narrow=True) as address:
            with sockets.socket() as plain:
                plain.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 16_384)
                plain.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(plain, ("127.0.0.1", port(address)))
                await loop.sock_sendall(plain, UPGRADE % (b"/mcp", b""))
                head = b""
                while b"\r\n\r\n" not in head:
                    head += await loop.sock_recv(plain, 1)
                await loop.sock_sendall(plain, b"".join(request(id) for id in range(4)))
                got = 0
                async with asyncio.timeout(15):
                    while got < 4 * MEGABYTE:
                        chunk = await loop.sock_recv(plain, 65_536)
                        assert chunk, f"closed after {got} bytes"
                        got += len(chunk)
                        await asyncio.sleep(0.003)  # longer in all than the time without progress that is allowed
                assert len(mcp.station.conversations) == 1

    run(talk(), within=20)
