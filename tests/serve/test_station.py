"""What conversations share: draining, and what is left when a server goes away."""

import asyncio
import threading

from fairlead import Context, Fairlead
from fairlead.serve.memory import MemoryLine
from tests.serve.harbour import WAIT
from tests.serve.peer import Peer, text

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}


def waiting() -> tuple[Fairlead, asyncio.Event]:
    mcp, go = Fairlead("t"), asyncio.Event()

    @mcp.tool
    async def wait() -> str:
        await go.wait()
        return "done"

    @mcp.tool
    async def ask(ctx: Context) -> str:
        return str((await ctx.elicit("?", NUMBER)).data)

    return mcp, go


def peer_on(line: MemoryLine) -> Peer:
    peer = Peer(line.send, line.receive)
    peer.capabilities = {"elicitation": {}}
    return peer


def test_draining_waits_for_calls_of_every_peer_and_takes_no_new_ones(run):
    async def talk():
        mcp, go = waiting()
        async with MemoryLine(mcp.station) as one, MemoryLine(mcp.station) as other:
            first, second = peer_on(one), peer_on(other)
            ids = await first.begin_call("wait"), await second.begin_call("wait")
            draining = asyncio.create_task(mcp.station.drain(WAIT))
            await asyncio.sleep(0)
            refused = await first.ask("tools/call", {"name": "wait"})
            assert refused["error"]["data"]["errorCode"] == "SHUTTING_DOWN"
            async with MemoryLine(mcp.station) as late:
                late_call = await peer_on(late).ask("tools/call", {"name": "wait"})
                assert late_call["error"]["data"]["errorCode"] == "SHUTTING_DOWN"
            await first.cancel(ids[0])
            assert not draining.done()
            go.set()
            assert text((await second.settle(ids[1]))["result"]) == "done"
            assert await draining is True

    run(talk())


def test_draining_gives_up_after_its_time_and_is_over_at_once_where_nothing_runs(run):
    async def talk():
        mcp, _ = waiting()
        assert await mcp.station.drain(600) is True
        mcp.station.open()
        async with MemoryLine(mcp.station) as line:
            await peer_on(line).begin_call("wait")
            assert await mcp.station.drain(0.05) is False

    run(talk())


def test_a_peer_that_leaves_is_waited_for_no_longer(run):
    async def talk():
        mcp, _ = waiting()
        line = MemoryLine(mcp.station)
        await peer_on(line).begin_call("wait")
        draining = asyncio.create_task(mcp.station.drain(600))
        await asyncio.sleep(0)
        line.close()
        async with asyncio.timeout(WAIT):
            assert await draining is True

    run(talk())


def test_suspended_calls_and_listeners_hold_up_no_drain(run):
    async def talk():
        mcp, _ = waiting()
        async with MemoryLine(mcp.station) as line:
            peer = peer_on(line)
            assert (await peer.call("ask"))["resultType"] == "input_required"
            id = await peer.begin("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
            await peer.hear("notifications/subscriptions/acknowledged")
            assert await mcp.station.drain(WAIT) is True
            assert (await peer.settle(id))["result"]["resultType"] == "complete"
            mcp.station.close()
            assert len(mcp.station.parking) == 0

    run(talk())


def test_answers_that_wait_for_a_slow_peer_hold_up_a_drain(run):
    async def talk():
        mcp, go = waiting()
        gate = asyncio.Event()
        async with MemoryLine(mcp.station) as line:
            conversation, sent = line._conversation, line._conversation.send
            held = 0

            async def slowly(frame, about):
                nonlocal held
                held += 1
                await gate.wait()
                held -= 1
                await sent(frame, about)

            conversation.send = slowly
            conversation.waiting = lambda: held
            id = await peer_on(line).begin_call("wait")
            go.set()
            draining = asyncio.create_task(mcp.station.drain(WAIT))
            for _ in range(5):
                await asyncio.sleep(0)
            assert held and not draining.done()
            gate.set()
            assert await draining is True
            assert text((await peer_on(line).settle(id))["result"]) == "done"

    run(talk())


def test_threads_are_made_for_the_first_plain_function_and_end_with_the_station(run):
    async def talk():
        mcp = Fairlead("t", threads=2)

        @mcp.tool
        def name() -> str:
            return threading.current_thread().name

        assert (await mcp.call("name")).text.startswith("fairlead-tool")
        mcp.station.close()
        # And again: a closed station is no broken one.
        assert (await mcp.call("name")).text.startswith("fairlead-tool")
        mcp.station.close()

    run(talk())
