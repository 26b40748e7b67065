"""The line inside the process, and calls through it."""

import asyncio

import pytest

from fairlead import Context, Fairlead
from fairlead.errors import ConnectionLost
from fairlead.serve.memory import MemoryLine
from tests.serve.peer import Peer


def simple() -> Fairlead:
    mcp = Fairlead("t")

    @mcp.tool
    async def add(a: int, b: int) -> int:
        return a + b

    return mcp


def test_a_closed_line_takes_nothing_and_says_so_as_often_as_it_is_asked(run):
    async def talk():
        line = MemoryLine(simple().station)
        line.close()
        line.close()
        for _ in range(2):
            with pytest.raises(ConnectionLost) as caught:
                await line.receive()
            assert caught.value.state == "unknown_outcome"
        with pytest.raises(ConnectionLost) as caught:
            await line.send("{}")
        assert caught.value.state == "not_sent"

    run(talk())


def test_who_waits_for_a_frame_is_told_that_the_line_closed(run):
    async def talk():
        async with MemoryLine(simple().station) as line:
            waiting = asyncio.create_task(line.receive())
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLost):
            await waiting

    run(talk())


def test_frames_may_be_bytes_or_text(run):
    async def talk():
        async with MemoryLine(simple().station) as line:
            for frame in ('{"jsonrpc":"2.0","id":1,"method":"ping"}', b'{"jsonrpc":"2.0","id":1,"method":"ping"}'):
                await line.send(frame)
                assert await line.receive() == b'{"jsonrpc":"2.0","id":1,"result":{}}'

    run(talk())


def test_two_lines_of_one_server_share_nothing_but_the_catalog(run):
    async def talk():
        mcp = Fairlead("t")

        @mcp.tool
        async def visits(ctx: Context) -> int:
            ctx.session["visits"] = ctx.session.get("visits", 0) + 1
            return ctx.session["visits"]

        async with MemoryLine(mcp.station) as one, MemoryLine(mcp.station) as other:
            first, second = Peer(one.send, one.receive), Peer(other.send, other.receive)
            await first.shake()
            await second.shake()
            assert (await first.call("visits"))["structuredContent"] == {"result": 1}
            assert (await first.call("visits"))["structuredContent"] == {"result": 2}
            assert (await second.call("visits"))["structuredContent"] == {"result": 1}

    run(talk())
