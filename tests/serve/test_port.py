"""What a tool says and asks on its way: progress and log before the result, questions in the handshake era."""

import asyncio
import logging

import pytest

from fairlead import CallError, Context, Fairlead, Progress, UsageError
from fairlead.errors import ConnectionLost, RequestTimeout
from fairlead.serve.memory import MemoryLine
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import Peer, connected, dialled, text

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}
TOKEN = {"progressToken": "t"}


def asking() -> Fairlead:
    mcp = Fairlead("t")

    @mcp.tool
    async def elicit(ctx: Context, within: float | None = None) -> str:
        try:
            answer = await ctx.elicit("How many?", NUMBER, within=within)
        except (CallError, RequestTimeout) as fault:
            return f"{type(fault).__name__}: {fault}"
        return f"{answer.action} {answer.data}"

    @mcp.tool
    async def sample(ctx: Context) -> str:
        return (await ctx.sample("Say hello", max_tokens=5)).content["text"]

    @mcp.tool
    async def roots(ctx: Context) -> list[str]:
        return [root.uri for root in await ctx.roots()]

    @mcp.tool
    def from_a_thread(ctx: Context) -> str:
        return str(ctx.wait(ctx.elicit("How many?", NUMBER)).data)

    return mcp


CAPABLE = {"elicitation": {}, "sampling": {}, "roots": {}}


@pytest.mark.requirement("SERVER-02", "SERVER-03")
def test_progress_and_log_come_before_the_result_and_in_order(run):
    async def talk():
        mcp = Fairlead("t")

        @mcp.tool
        async def tell(ctx: Context) -> str:
            for step in (1, 2, 2, 1, 3):
                await ctx.progress(step, 3, f"step {step}")
            await ctx.warning("nearly")
            await ctx.debug("not wanted")
            return "done"

        async with docked(mcp) as address, connected(address, era="handshake") as peer:
            assert text(await peer.call("tell", _meta=TOKEN)) == "done"
            steps = [m["params"]["progress"] for m in peer.heard if m["method"].endswith("progress")]
            assert steps == [1, 2, 3]
            assert [m["params"]["data"] for m in peer.heard if m["method"].endswith("message")] == ["nearly"]
            assert (await peer.ask("ping"))["result"] == {}  # nothing came after the result

    run(talk())


def test_generators_tell_progress_whether_they_are_async_or_not(run):
    async def talk():
        mcp = Fairlead("t")

        @mcp.tool
        async def slow():
            yield Progress(1, 2)
            yield Progress(2, 2)
            yield "async"

        @mcp.tool
        def plain():
            yield Progress(1, 2)
            yield Progress(2, 2)
            return "plain"

        async with docked(mcp) as address, connected(address) as peer:
            for name, told in (("slow", "async"), ("plain", "plain")):
                assert text(await peer.call(name, _meta={"progressToken": name})) == told
                steps = [m["params"]["progress"] for m in peer.heard if m["params"]["progressToken"] == name]
                assert steps == [1, 2], name

    run(talk())


def test_a_thread_waits_for_the_loop_and_the_loop_refuses_to_wait_for_itself(run):
    async def talk():
        mcp = Fairlead("t")

        @mcp.tool
        def plain(ctx: Context) -> str:
            ctx.wait(ctx.progress(1, 1))
            return ctx.wait(asyncio.sleep(0, "slept"))

        @mcp.tool
        async def wrong(ctx: Context) -> str:
            waiting = asyncio.sleep(0)
            try:
                ctx.wait(waiting)
            except UsageError as fault:
                return str(fault)
            finally:
                waiting.close()
            return "waited"

        async with docked(mcp) as address, connected(address) as peer:
            assert text(await peer.call("plain", _meta=TOKEN)) == "slept"
            assert [m["params"]["progress"] for m in peer.heard] == [1]
            assert "await" in text(await peer.call("wrong"))

    run(talk())


def test_a_client_that_answers_is_asked_in_every_kind(run):
    async def talk():
        async with docked(asking()) as address, dialled(address) as (peer, _):
            await peer.shake(**CAPABLE)
            peer.answers = {
                "elicitation/create": {"action": "accept", "content": {"n": 7}},
                "sampling/createMessage": {
                    "role": "assistant",
                    "model": "m",
                    "content": {"type": "text", "text": "hello"},
                },
                "roots/list": {"roots": [{"uri": "file:///boats"}]},
            }
            assert text(await peer.call("elicit")) == "accept {'n': 7}"
            assert text(await peer.call("sample")) == "hello"
            assert (await peer.call("roots"))["structuredContent"] == {"result": ["file:///boats"]}
            assert text(await peer.call("from_a_thread")) == "{'n': 7}"
            asked = [message["id"] for message in peer.heard if "id" in message]
            assert len(set(asked)) == 4

    run(talk())


def test_a_client_that_declines_or_refuses_is_told_apart(run):
    async def talk():
        async with docked(asking()) as address, dialled(address) as (peer, _):
            await peer.shake(**CAPABLE)
            peer.answers["elicitation/create"] = {"action": "decline"}
            assert text(await peer.call("elicit")) == "decline None"
            peer.answers["elicitation/create"] = {"error": {"code": -1, "message": "no user here"}}
            assert text(await peer.call("elicit")) == "CallError: no user here (-1)"
            peer.answers["elicitation/create"] = {"nonsense": True}
            assert (await peer.call("elicit"))["isError"]

    run(talk())


@pytest.mark.requirement("ERA-10")
def test_a_client_that_cannot_be_asked_is_not(run):
    async def talk():
        async with docked(asking()) as address, connected(address, era="handshake") as peer:
            for name in ("elicit", "sample", "roots"):
                result = await peer.call(name)
                assert result["isError"] and "did not declare" in text(result)
            assert not peer.heard

    run(talk())


def test_a_client_that_never_answers_is_given_up_and_told_so(run):
    async def talk():
        async with docked(asking()) as address, dialled(address) as (peer, _):
            await peer.shake(**CAPABLE)
            result = await peer.call("elicit", {"within": 0.05})
            assert text(result).startswith("RequestTimeout: ")
            asked = next(message for message in peer.heard if message["method"] == "elicitation/create")
            # The tool may answer before the withdrawal goes out.
            await peer.send({"jsonrpc": "2.0", "id": 99, "method": "ping"})
            while not any(message["method"] == "notifications/cancelled" for message in peer.heard):
                message = await peer.receive()
                peer.heard.append(message if "method" in message else {"method": "answer"})
            told = next(message for message in peer.heard if message["method"] == "notifications/cancelled")
            assert told["params"]["requestId"] == asked["id"]
            # A late answer is nobody's, and does no harm.
            await peer.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {"n": 1}}})
            assert (await peer.ask("ping", id="later"))["result"] == {}

    run(talk())


def test_a_short_question_does_not_wait_for_a_long_one(run):
    async def talk():
        mcp = asking()
        async with docked(mcp) as address, dialled(address) as (peer, _):
            await peer.shake(**CAPABLE)
            await peer.begin_call("elicit", {"within": 300})
            await peer.hear("elicitation/create")
            assert text(await peer.call("elicit", {"within": 0.05})).startswith("RequestTimeout: ")

    run(talk())


def test_a_client_that_goes_away_fails_the_questions_it_was_asked(run):
    async def talk():
        mcp = Fairlead("t")
        seen: asyncio.Queue[str] = asyncio.Queue()

        @mcp.tool
        async def elicit(ctx: Context) -> None:
            try:
                await ctx.elicit("How many?", NUMBER)
            except (asyncio.CancelledError, ConnectionLost) as fault:
                seen.put_nowait(type(fault).__name__)
                raise

        async with docked(mcp) as address:
            async with dialled(address) as (peer, _):
                await peer.shake(**CAPABLE)
                await peer.begin_call("elicit")
                await peer.hear("elicitation/create")
            async with asyncio.timeout(WAIT):
                assert await seen.get() == "CancelledError"
                while mcp.station.conversations:
                    await asyncio.sleep(0.01)

    run(talk())


def test_a_cancelled_call_withdraws_its_question(run):
    async def talk():
        async with docked(asking()) as address, dialled(address) as (peer, _):
            await peer.shake(**CAPABLE)
            id = await peer.begin_call("elicit")
            asked = await peer.hear("elicitation/create")
            await peer.cancel(id)
            told = await peer.hear("notifications/cancelled")
            assert told["params"]["requestId"] == asked["id"]

    run(talk())


def test_a_question_on_a_closed_line_leaves_no_warning_and_sends_nothing(run, recwarn, caplog):
    caplog.set_level(logging.WARNING)

    async def talk():
        line = MemoryLine(asking().station)
        peer = Peer(line.send, line.receive)
        await peer.shake(**CAPABLE)
        await peer.begin_call("elicit")
        await peer.hear("elicitation/create")
        line.close()
        for _ in range(5):
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLost):
            await line.receive()

    run(talk())
    assert not recwarn.list and not caplog.text
