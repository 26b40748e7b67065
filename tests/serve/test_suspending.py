"""Questions in the stateless era: the call is suspended, and goes on under whichever request brings the answer."""

import asyncio

import pytest

from fairlead import Context, Fairlead
from fairlead.serve.memory import MemoryLine
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import Peer, connected, text

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}
ABLE = {"elicitation": {}}


def accept(n: int) -> dict:
    return {"action": "accept", "content": {"n": n}}


def asking(**settings) -> Fairlead:
    mcp = Fairlead("t", **settings)
    mcp.runs = []  # type: ignore[attr-defined]

    @mcp.tool
    async def once(ctx: Context, within: float | None = None) -> str:
        mcp.runs.append("once")  # type: ignore[attr-defined]
        try:
            return f"{(await ctx.elicit('How many?', NUMBER, within=within)).data}"
        except TimeoutError:
            return f"{(await ctx.elicit('Really not?', NUMBER)).data}"

    @mcp.tool
    async def side_by_side(ctx: Context) -> str:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ctx.elicit(f"{n}?", NUMBER)) for n in range(3)]
        return " ".join(str(task.result().data["n"]) for task in tasks)

    @mcp.tool
    async def in_turn(ctx: Context) -> str:
        first = await ctx.elicit("First?", NUMBER)
        await ctx.progress(1)
        second = await ctx.elicit("Second?", NUMBER)
        return f"{first.data['n']} {second.data['n']}"

    @mcp.tool(replayable=True)
    async def again(ctx: Context) -> str:
        mcp.runs.append("again")  # type: ignore[attr-defined]
        first = await ctx.elicit("First?", NUMBER)
        second = await ctx.elicit("Second?", NUMBER)
        return f"{first.data['n']} {second.data['n']}"

    return mcp


def able(peer: Peer) -> Peer:
    peer.capabilities = ABLE
    return peer


def retry(result: dict, *numbers: int) -> dict:
    """What a client adds to a call that it repeats, with an answer for each question."""
    keys = sorted(result["inputRequests"])
    return {
        "requestState": result["requestState"],
        "inputResponses": dict(zip(keys, map(accept, numbers), strict=False)),
    }


@pytest.mark.requirement("STATELESS-12", "STATELESS-11", "STATELESS-23")
def test_a_question_comes_as_a_result_and_its_answer_with_the_next_request(run):
    async def talk():
        mcp = asking()
        async with docked(mcp) as address, connected(address) as peer:
            asked = await able(peer).call("once")
            assert asked["resultType"] == "input_required"
            [question] = asked["inputRequests"].values()
            assert question["method"] == "elicitation/create" and question["params"]["message"] == "How many?"
            assert mcp.station.in_flight() == 0  # it holds no place among the calls of this peer
            done = await peer.call("once", **retry(asked, 5))
            assert done["resultType"] == "complete" and text(done) == "{'n': 5}"
            assert mcp.runs == ["once"] and len(mcp.station.parking) == 0
            assert not peer.heard

    run(talk())


def test_the_retry_may_come_on_another_socket_after_the_first_is_gone(run):
    async def talk():
        mcp = asking()
        async with docked(mcp) as address:
            async with connected(address) as peer:
                asked = await able(peer).call("in_turn")
            async with connected(address) as peer:
                again = await able(peer).call("in_turn", **retry(asked, 1), _meta={"progressToken": "t"})
                assert again["resultType"] == "input_required"
                # What the tool tells goes to where its call is now.
                assert [message["params"]["progress"] for message in peer.heard] == [1]
            async with connected(address) as peer:
                assert text(await able(peer).call("in_turn", **retry(again, 2))) == "1 2"

    run(talk())


def test_questions_asked_side_by_side_travel_together(run):
    async def talk():
        async with docked(asking()) as address, connected(address) as peer:
            asked = await able(peer).call("side_by_side")
            assert len(asked["inputRequests"]) == 3
            # Some answers now, the rest at the next round.
            rest = await peer.call("side_by_side", **retry(asked, 7, 8))
            assert len(rest["inputRequests"]) == 1
            assert text(await peer.call("side_by_side", **retry(rest, 9))) == "7 8 9"

    run(talk())


def test_a_replayable_tool_goes_on_after_a_restart(run):
    async def talk():
        first, second = asking(secret="shared"), asking(secret="shared")
        async with docked(first) as address, connected(address) as peer:
            asked = await able(peer).call("again")
            asked = await peer.call("again", **retry(asked, 1))
        async with docked(second) as address, connected(address) as peer:
            assert text(await able(peer).call("again", **retry(asked, 2))) == "1 2"
            assert second.runs == ["again"]

    run(talk())


def test_a_tool_that_may_not_be_replayed_is_refused_after_a_restart_and_does_not_run(run):
    async def talk():
        first, second = asking(secret="shared"), asking(secret="shared")
        async with docked(first) as address, connected(address) as peer:
            asked = await able(peer).call("once")
        async with docked(second) as address, connected(address) as peer:
            answer = await able(peer).ask("tools/call", {"name": "once", "arguments": {}, **retry(asked, 1)})
            assert answer["error"]["data"]["errorCode"] == "STATE_LOST"
            assert second.runs == []

    run(talk())


@pytest.mark.requirement("STATELESS-13")
def test_a_state_of_another_server_or_of_other_arguments_is_refused(run):
    async def talk():
        async with docked(asking()) as address, connected(address) as peer:
            asked = await able(peer).call("once")
            more = retry(asked, 1)
            for wrong in (
                {"name": "again", "arguments": {}, **more},
                {"name": "once", "arguments": {"within": 3}, **more},
                {"name": "once", "arguments": {}, **more, "requestState": "A" + more["requestState"][1:]},
                {"name": "once", "arguments": {}, **more, "requestState": ""},
            ):
                assert (await peer.ask("tools/call", wrong))["error"]["code"] == -32602, wrong
            assert text(await peer.call("once", **more)) == "{'n': 1}"  # and the call is still there
            used = await peer.ask("tools/call", {"name": "once", "arguments": {}, **more})
            assert used["error"]["data"]["errorCode"] == "STATE_LOST"

    run(talk())


@pytest.mark.requirement("STATELESS-15")
def test_a_suspended_call_that_nobody_comes_back_for_is_ended(run):
    async def talk():
        mcp = asking()
        ended = asyncio.Event()

        @mcp.tool
        async def ends(ctx: Context) -> None:
            try:
                await ctx.elicit("?", NUMBER)
            finally:
                ended.set()

        station = mcp.station
        async with MemoryLine(station) as line:
            peer = able(Peer(line.send, line.receive))
            asked = await peer.call("ends")
            # Time enters as a number: the same call, an hour later.
            station._epoch += 3600
            late = await peer.ask("tools/call", {"name": "ends", "arguments": {}, **retry(asked, 1)})
            assert late["error"]["data"]["errorCode"] == "STATE_LOST"
            station._expire(asyncio.get_running_loop())
            async with asyncio.timeout(WAIT):
                await ended.wait()
            assert len(station.parking) == 0

    run(talk())


def test_a_question_that_ran_out_of_time_is_not_asked_again(run):
    async def talk():
        async with docked(asking()) as address, connected(address) as peer:
            asked = await able(peer).call("once", {"within": 0.05})
            await asyncio.sleep(0.2)  # nothing tells a client that a question it holds is out of date
            late = await peer.call("once", {"within": 0.05}, **retry(asked))
            [question] = late["inputRequests"].values()
            assert question["params"]["message"] == "Really not?"
            assert text(await peer.call("once", {"within": 0.05}, **retry(late, 3))) == "{'n': 3}"

    run(talk())


def test_a_call_may_be_cancelled_after_it_came_back(run):
    async def talk():
        mcp = asking()
        seen: asyncio.Queue[str] = asyncio.Queue()

        @mcp.tool
        async def then_wait(ctx: Context) -> None:
            await ctx.elicit("?", NUMBER)
            seen.put_nowait("on")
            try:
                await asyncio.sleep(600)
            finally:
                seen.put_nowait("ended")

        async with docked(mcp) as address, connected(address) as peer:
            asked = await able(peer).call("then_wait")
            id = await peer.begin_call("then_wait", **retry(asked, 1))
            async with asyncio.timeout(WAIT):
                assert await seen.get() == "on"
                await peer.cancel(id)
                assert await seen.get() == "ended"
            assert (await peer.ask("tools/list"))["result"]

    run(talk())


@pytest.mark.requirement("STATELESS-16")
def test_a_request_that_did_not_declare_what_is_needed_is_refused_with_what_it_is(run):
    async def talk():
        async with docked(asking()) as address, connected(address) as peer:
            error = (await peer.ask("tools/call", {"name": "once"}))["error"]
            assert error["code"] == -32021 and error["data"]["requiredCapabilities"].keys() == {"elicitation"}

    run(talk())
