"""Every kind of function, run as what it is."""

import asyncio
import contextvars
import functools
import threading

import pytest

from fairlead import Context, Fairlead, Progress
from fairlead.serve.memory import MemoryLine
from tests.serve.harbour import WAIT
from tests.serve.peer import Peer, text

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def kinds() -> Fairlead:
    mcp = Fairlead("t")
    here = threading.current_thread

    @mcp.tool
    async def coroutine(word: str) -> str:
        return f"{word} {here().name}"

    @mcp.tool
    def thread(word: str) -> str:
        return f"{word} {here().name}"

    @mcp.tool(quick=True)
    def quick(word: str) -> str:
        return f"{word} {here().name}"

    @mcp.tool
    async def async_steps(word: str):
        yield Progress(1)
        yield "not the last"
        yield f"{word} {here().name}"

    @mcp.tool
    def steps(word: str):
        yield Progress(1)
        yield f"{word} {here().name}"

    @mcp.tool
    def steps_that_return(word: str):
        yield "not the result"
        return f"{word} {here().name}"

    @mcp.tool
    async def with_context(word: str, ctx: Context) -> str:
        return f"{word} {here().name}"

    mcp.tool("partial")(functools.partial(coroutine))
    mcp.tool("lambda")(lambda word: coroutine(word))
    return mcp


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("coroutine", "MainThread"),
        ("thread", "fairlead-tool"),
        ("quick", "MainThread"),
        ("async_steps", "MainThread"),
        ("steps", "fairlead-tool"),
        ("steps_that_return", "fairlead-tool"),
        ("with_context", "MainThread"),
        ("partial", "MainThread"),
        ("lambda", "MainThread"),
    ],
)
def test_every_kind_of_function_is_run_where_it_belongs(run, name, where):
    called = run(kinds().call(name, word="went"))
    assert called.text.startswith(f"went {where}"), called


def test_context_variables_of_a_call_reach_its_thread_and_no_other_call(run):
    async def talk():
        mcp = Fairlead("t")

        @mcp.tool
        def read() -> str:
            before = variable.get()
            variable.set("of the call")
            return before

        variable.set("of the caller")
        assert (await mcp.call("read")).text == "of the caller"
        assert variable.get() == "of the caller"

    run(talk())


def test_a_generator_in_a_thread_stops_when_its_call_is_cancelled(run):
    async def talk():
        mcp = Fairlead("t")
        closed, go = threading.Event(), threading.Event()

        @mcp.tool
        def steps():
            try:
                yield Progress(1)
                go.wait(WAIT)
                yield Progress(2)
                yield Progress(3)
            finally:
                closed.set()

        async with MemoryLine(mcp.station) as line:
            peer = Peer(line.send, line.receive)
            id = await peer.begin_call("steps", _meta={"progressToken": "t"})
            await peer.hear("notifications/progress")
            await peer.cancel(id)
            go.set()
            assert await asyncio.to_thread(closed.wait, WAIT)
            assert (await peer.ask("tools/list", id=id))["result"]

    run(talk())


def test_more_plain_functions_than_threads_wait_their_turn(run):
    async def talk():
        mcp = Fairlead("t", threads=1)
        gate = threading.Event()

        @mcp.tool
        def wait() -> str:
            return str(gate.wait(WAIT))

        async with MemoryLine(mcp.station) as line:
            peer = Peer(line.send, line.receive)
            ids = [await peer.begin_call("wait") for _ in range(5)]
            # One that waits for a thread can be cancelled before it began.
            await peer.cancel(ids.pop())
            gate.set()
            for id in ids:
                assert text((await peer.settle(id))["result"]) == "True"

    run(talk())
