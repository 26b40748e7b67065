"""The line inside the process."""

import asyncio

import pytest

from fairlead import Fairlead
from fairlead.client import Client
from fairlead.errors import ConnectionLost


def test_a_server_sees_the_end_of_a_line_and_none_of_its_conversations_is_left(run):
    async def main():
        mcp = Fairlead("x")
        begun = asyncio.Event()

        @mcp.tool
        async def hang() -> None:
            begun.set()
            await asyncio.sleep(600)

        async with Client(mcp) as client:
            call = asyncio.create_task(client.call_tool("hang"))
            await begun.wait()
        with pytest.raises(ConnectionLost):
            await call
        assert not mcp.station.conversations

    run(main())


def test_several_clients_of_one_server_do_not_hear_each_other(run):
    async def main():
        mcp = Fairlead("x")

        @mcp.tool
        async def add(a: int, b: int) -> int:
            return a + b

        async with Client(mcp) as one, Client(mcp, era="handshake") as other:
            answers = await asyncio.gather(
                *(client.call_tool("add", {"a": n, "b": n}) for n in range(20) for client in (one, other))
            )
        assert [answer.value for answer in answers] == [2 * n for n in range(20) for _ in range(2)]

    run(main())
