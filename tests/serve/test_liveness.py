"""A WebSocket peer that has died without a word is found, and what nobody asked for in a URL opens nothing."""

import asyncio

import pytest

from fairlead import Context, Fairlead
from fairlead.settings import Settings
from tests.guard.peers import CLOSE, PING, PONG, frame
from tests.guard.peers import connected as raw
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import connected
from tests.serve.test_websocket import UPGRADE


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


async def upgrade(peer) -> None:
    await peer.send(UPGRADE % (b"/mcp", b""))
    assert (await peer.head()).startswith("HTTP/1.1 101 ")


@pytest.mark.requirement("WS-17")
def test_a_peer_is_pinged_and_closed_when_it_sends_no_pong(run):
    async def scene():
        mcp = Fairlead("alive", ping_seconds=0.2)
        async with docked(mcp) as address, raw(port(address)) as peer:
            await upgrade(peer)
            async with asyncio.timeout(WAIT):
                opcode, _ = await peer.frame()
                assert opcode == PING
                while opcode != CLOSE:
                    opcode, payload = await peer.frame()
            assert int.from_bytes(payload[:2]) == 1011

    run(scene())


def test_a_peer_that_answers_pings_stays(run):
    async def scene():
        async with docked(Fairlead("alive", ping_seconds=0.1)) as address, raw(port(address)) as peer:
            await upgrade(peer)
            async with asyncio.timeout(WAIT):
                for _ in range(4):
                    opcode, payload = await peer.frame()
                    assert opcode == PING
                    await peer.send(frame(PONG, payload))

    run(scene())


@pytest.mark.requirement("WS-17")
def test_pings_go_out_every_twenty_seconds_unless_set_otherwise():
    assert Settings().ping_seconds == 20


@pytest.mark.requirement("WS-06")
def test_a_token_in_the_query_makes_nobody_of_its_bearer(run):
    async def scene():
        mcp = Fairlead("simple")

        @mcp.tool
        async def who(ctx: Context) -> str:
            return f"{ctx.principal} {'secret-in-a-url' in str(ctx.headers)}"

        async with docked(mcp) as address, connected(address, path="/mcp?token=secret-in-a-url") as peer:
            assert (await peer.call("who"))["structuredContent"] == {"result": "None False"}

    run(scene())
