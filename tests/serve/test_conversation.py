"""One peer's conversation: calls side by side, what handlers may do, how they fail, and what leaks (nothing)."""

import asyncio
import contextvars
import logging
import threading

import pytest

from fairlead import Context, Fairlead, Progress, ToolError
from fairlead.serve.memory import MemoryLine
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import Peer, connected, text

MARKER = "marker-51c2"
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def over(mcp: Fairlead, **options) -> tuple[MemoryLine, Peer]:
    line = MemoryLine(mcp.station)
    return line, Peer(line.send, line.receive, **options)


def test_a_slow_call_does_not_hold_a_fast_one(run):
    async def talk():
        mcp = Fairlead("t")
        go = asyncio.Event()

        @mcp.tool
        async def slow() -> str:
            await go.wait()
            return "slow"

        @mcp.tool
        async def fast() -> str:
            return "fast"

        async with docked(mcp) as address, connected(address) as peer:
            first = await peer.begin_call("slow")
            assert text(await peer.call("fast")) == "fast"
            go.set()
            assert text((await peer.settle(first))["result"]) == "slow"

    run(talk())


@pytest.mark.requirement("SERVER-09", "ERA-18")
def test_ping_is_answered_while_tools_run_and_while_one_blocks_its_thread(run):
    async def talk():
        mcp = Fairlead("t")
        go, began = threading.Event(), threading.Event()

        @mcp.tool
        def block() -> str:
            began.set()
            go.wait(30)
            return "free"

        @mcp.tool
        async def sleep() -> None:
            await asyncio.sleep(600)

        async with docked(mcp) as address, connected(address, era="handshake") as peer:
            await peer.begin_call("sleep")
            blocked = await peer.begin_call("block")
            assert await asyncio.to_thread(began.wait, WAIT)
            for _ in range(3):
                assert (await peer.ask("ping"))["result"] == {}
            go.set()
            assert text((await peer.settle(blocked))["result"]) == "free"

    run(talk())


def test_handlers_may_begin_with_a_timeout_a_task_group_or_a_context_variable(run):
    async def talk():
        mcp = Fairlead("t")

        @mcp.tool
        async def bounded() -> str:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(600)
            return "never"

        @mcp.tool
        async def grouped() -> int:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(asyncio.sleep(0, n)) for n in (1, 2)]
            return sum(task.result() for task in tasks)

        @mcp.tool
        async def sets() -> str:
            variable.set("mine")
            await asyncio.sleep(0)
            return variable.get()

        @mcp.tool
        async def reads() -> str:
            return variable.get()

        @mcp.tool
        def reads_in_a_thread() -> str:
            return variable.get()

        async with docked(mcp) as address, connected(address) as peer:
            assert (await peer.call("bounded"))["isError"]
            assert (await peer.call("grouped"))["structuredContent"] == {"result": 3}
            assert text(await peer.call("sets")) == "mine"
            assert text(await peer.call("reads")) == "unset"
            assert text(await peer.call("reads_in_a_thread")) == "unset"

    run(talk())


def failing() -> Fairlead:
    mcp = Fairlead("t")

    @mcp.tool
    async def raises() -> None:
        raise RuntimeError(MARKER)

    @mcp.tool
    async def raises_a_group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(mcp.catalog.tools.find("raises").function())

    @mcp.tool
    def raises_in_a_thread() -> None:
        raise KeyError(MARKER)

    @mcp.tool(quick=True)
    def raises_inline() -> None:
        raise ValueError(MARKER)

    @mcp.tool
    async def raises_cancelled() -> None:
        raise asyncio.CancelledError(MARKER)

    @mcp.tool
    async def raises_exit() -> None:
        raise SystemExit(MARKER)

    @mcp.tool
    def exits_in_a_thread() -> None:
        raise SystemExit(MARKER)

    @mcp.tool
    async def raises_a_chain() -> None:
        try:
            raise RuntimeError(MARKER)
        except RuntimeError as fault:
            raise OSError(2, MARKER) from fault

    @mcp.tool
    async def returns_what_does_not_fit() -> int:
        return MARKER  # type: ignore[return-value]

    @mcp.tool
    async def returns_what_json_cannot_hold() -> dict[str, object]:
        return {"x": object(), "y": MARKER}

    @mcp.tool
    async def steps():
        yield 1
        raise RuntimeError(MARKER)

    @mcp.tool
    async def refuses() -> None:
        raise ToolError("meant for you")

    @mcp.resource("bad://one")
    async def bad() -> str:
        raise RuntimeError(MARKER)

    return mcp


@pytest.mark.requirement("ERR-12", "ERR-18")
@pytest.mark.parametrize("era", ["handshake", "stateless"])
def test_the_text_of_an_exception_reaches_neither_the_peer_nor_the_log(run, caplog, era):
    caplog.set_level(logging.DEBUG)

    async def talk():
        mcp = failing()
        names = [tool.name for tool in mcp.catalog.tools if tool.name != "refuses"]
        async with docked(mcp) as address, connected(address, era=era) as peer:
            for name in names:
                answer = await peer.ask("tools/call", {"name": name})
                assert answer["result"]["isError"] is True, (name, answer)
                assert MARKER not in str(answer), name
            assert text(await peer.call("refuses")) == "meant for you"
            answer = await peer.ask("resources/read", {"uri": "bad://one"})
            assert answer["error"]["code"] == -32603 and MARKER not in str(answer)
        return names

    names = run(talk(), within=20)
    assert MARKER not in caplog.text
    # Who raised is told, by kind and place.
    for name in names:
        assert name == "raises_cancelled" or f"'{name}' failed" in caplog.text, name
    assert "RuntimeError" in caplog.text and "test_conversation.py:" in caplog.text
    assert "'refuses'" not in caplog.text


def test_a_call_that_takes_too_long_is_ended_and_answered(run):
    async def talk():
        mcp = Fairlead("t", call_timeout=0.05)
        ended = asyncio.Event()

        @mcp.tool
        async def wait() -> None:
            try:
                await asyncio.sleep(600)
            finally:
                ended.set()

        @mcp.tool
        async def own() -> None:
            raise TimeoutError("its own")

        line, peer = over(mcp)
        async with line:
            late = await peer.ask("tools/call", {"name": "wait"})
            assert late["error"]["data"]["errorCode"] == "TIMED_OUT"
            assert ended.is_set()
            assert (await peer.call("own"))["isError"]

    run(talk())


def test_more_calls_than_allowed_are_busy_and_the_others_unaffected(run):
    async def talk():
        mcp = Fairlead("t", in_flight=3)
        go = asyncio.Event()

        @mcp.tool
        async def wait() -> str:
            await go.wait()
            return "done"

        async with docked(mcp) as address, connected(address) as peer, connected(address) as neighbour:
            waiting = [await peer.begin_call("wait") for _ in range(3)]
            refused = (await peer.ask("tools/call", {"name": "wait"}))["error"]
            assert refused["data"]["errorCode"] == "BUSY" and refused["data"]["retryable"] is True
            other = await neighbour.begin_call("wait")
            go.set()
            for id in waiting:
                assert text((await peer.settle(id))["result"]) == "done"
            assert text((await neighbour.settle(other))["result"]) == "done"
            assert text(await peer.call("wait")) == "done"

    run(talk())


@pytest.mark.requirement("SERVER-05")
def test_a_cancelled_generator_is_closed_and_a_thread_is_told(run):
    async def talk():
        mcp = Fairlead("t")
        seen: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        go = threading.Event()

        @mcp.tool
        async def steps():
            try:
                yield Progress(1)
                await asyncio.sleep(600)
            finally:
                seen.put_nowait("closed")

        @mcp.tool
        def thread(ctx: Context) -> None:
            ctx.wait(ctx.progress(1))
            go.wait(30)
            loop.call_soon_threadsafe(seen.put_nowait, f"cancelled {ctx.cancelled}")

        async with docked(mcp) as address, connected(address) as peer:
            for name, told in (("steps", "closed"), ("thread", "cancelled True")):
                id = await peer.begin_call(name, _meta={"progressToken": name})
                await peer.hear("notifications/progress")
                await peer.cancel(id)
                assert (await peer.ask("tools/list"))["result"]
                if name == "thread":
                    go.set()
                async with asyncio.timeout(WAIT):
                    assert await seen.get() == told

    run(talk())


def test_a_hundred_conversations_come_and_go_and_none_is_left(run):
    async def talk():
        mcp = failing()
        async with docked(mcp) as address:
            tasks = len(asyncio.all_tasks())
            for _ in range(5):
                async with asyncio.TaskGroup() as group:
                    for _ in range(20):
                        group.create_task(visit(address))
            async with asyncio.timeout(WAIT):
                while mcp.station.conversations or len(asyncio.all_tasks()) > tasks:
                    await asyncio.sleep(0.01)

    async def visit(address):
        async with connected(address) as peer:
            assert (await peer.call("raises"))["isError"]

    run(talk(), within=20)


def test_a_line_that_goes_away_under_its_notices_leaves_no_warning(run, recwarn):
    async def talk():
        mcp = Fairlead("t")
        line, peer = over(mcp)
        async with line:
            await peer.shake()
            mcp.station._changed("tools")
            # One turn of the loop: the notice has its task, which has not begun.
            await asyncio.sleep(0)
        assert not mcp.station.conversations

    run(talk())
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]
