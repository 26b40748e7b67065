"""Tasks at work, over a line inside the process and over WebSocket: they outlive their lines and end in time."""

import asyncio
import json
import logging
import threading

import pytest

from fairlead import Context, Progress
from fairlead.errors import CallError, PeerError
from fairlead.spec.tasks import ENDS
from tests.serve.harbour import WAIT
from tests.serve.peer import text
from tests.serve.yard import ABLE, NUMBER, Yard, about, begin, over_memory, over_websocket, says, until


@pytest.fixture(params=[over_memory, over_websocket])
def line(request):
    return request.param


def test_a_task_goes_on_when_its_line_is_gone_and_another_line_fetches_its_outcome(run, line):
    async def talk():
        yard = Yard()
        async with line(yard) as another:
            async with another() as peer:
                id = await begin(peer, "build", {"what": "raft"})
                assert (await about(peer, "tasks/get", id))["status"] == "working"
            yard.go.set()
            async with another() as peer:
                told = await until(peer, id)
                assert (told["status"], text(told["result"])) == ("completed", "a raft")
                assert (await about(peer, "tasks/get", id))["result"] == told["result"]
        assert not yard.stopped.is_set()

    run(talk())


def test_cancelling_a_task_from_another_line_ends_its_function(run, line):
    async def talk():
        yard = Yard()
        async with line(yard) as another, another() as one, another() as two:
            id = await begin(one, "build")
            await yard.began.wait()
            assert (await about(two, "tasks/cancel", id))["resultType"] == "complete"
            await yard.stopped.wait()
            assert (await about(one, "tasks/get", id))["status"] == "cancelled"
            assert yard.mcp.station.in_flight() == 0

    run(talk())


def test_a_task_asks_and_is_answered_over_another_line(run, line):
    async def talk():
        async with line(Yard()) as another:
            async with another() as peer:
                id = await begin(peer, "ask")
            async with another() as peer:
                [key] = (await until(peer, id, "input_required"))["inputRequests"]
                answered = {key: {"action": "accept", "content": {"n": 4}}}
                assert (await about(peer, "tasks/update", id, inputResponses=answered))["resultType"] == "complete"
                assert text((await until(peer, id))["result"]) == "accept {'n': 4}"

    run(talk())


def test_a_question_that_ran_out_of_time_is_shown_no_more(run, line):
    async def talk():
        yard = Yard()
        async with line(yard) as another, another() as peer:
            id = await begin(peer, "ask", {"within": 0.01})
            assert "inputRequests" not in await until(peer, id, "working")
            yard.go.set()
            assert text((await until(peer, id))["result"]) == "nobody said"

    run(talk())


def test_a_call_asks_first_and_becomes_a_task_then(run, line):
    async def talk():
        yard = Yard()
        async with line(yard) as another, another() as peer:
            first = await peer.call("order")
            assert first["resultType"] == "input_required"
            [key] = first["inputRequests"]
            answered = {key: {"action": "accept", "content": {"n": 4}}}
            told = await peer.call("order", requestState=first["requestState"], inputResponses=answered)
            assert (told["resultType"], told["statusMessage"]) == ("task", "under way")
            yard.go.set()
            assert text((await until(peer, told["taskId"]))["result"]) == "ordered 4"
        assert yard.seen == [True, True]

    run(talk())


def test_for_a_client_without_tasks_the_same_tool_is_an_ordinary_call(run, line):
    async def talk():
        yard = Yard()
        async with line(yard) as another, another() as peer:
            peer.capabilities = {"elicitation": {}}
            yard.go.set()
            first = await peer.call("order")
            [key] = first["inputRequests"]
            answered = {key: {"action": "accept", "content": {"n": 4}}}
            told = await peer.call("order", requestState=first["requestState"], inputResponses=answered)
            assert (told["resultType"], text(told)) == ("complete", "ordered 4")
            assert text(await peer.call("build")) == "a boat"
        assert yard.seen == [False, False]

    run(talk())


def test_progress_becomes_the_message_of_a_task_and_goes_to_nobody_else(run, line):
    async def talk():
        yard = Yard()
        async with line(yard) as another, another() as one, another() as two:
            meta = {"progressToken": "p", "io.modelcontextprotocol/logLevel": "debug"}
            id = await begin(one, "walk", _meta=meta)
            await says(one, id, "1 of 3")
            ear = await two.begin("subscriptions/listen", {"notifications": {"taskIds": [id]}})
            told = (await two.hear("notifications/tasks"))["params"]
            assert told["_meta"] == {"io.modelcontextprotocol/subscriptionId": ear}
            yard.go.set()
            while told["status"] not in ENDS:
                assert told["statusMessage"] in ("1 of 3", "nearly there")
                told = (await two.hear("notifications/tasks"))["params"]
            assert {heard["method"] for heard in two.heard} == {
                "notifications/subscriptions/acknowledged",
                "notifications/tasks",
            }
            await about(one, "tasks/get", id)
            assert one.heard == []

    run(talk())


def test_a_plain_function_in_a_thread_sees_that_its_task_was_cancelled(run, line):
    async def talk():
        yard, seen, go, over = Yard(), [], threading.Event(), threading.Event()

        @yard.mcp.tool(task="required")
        def dig(ctx: Context) -> str:
            ctx.wait(ctx.progress(1, 2, "digging"))
            go.wait(WAIT)
            seen.append(ctx.cancelled)
            over.set()
            return "dug"

        async with line(yard) as another, another() as peer:
            id = await begin(peer, "dig")
            await says(peer, id, "digging")
            await about(peer, "tasks/cancel", id)
            go.set()
            await asyncio.to_thread(over.wait, WAIT)
            assert (await about(peer, "tasks/get", id))["status"] == "cancelled"
        assert seen == [True]

    run(talk())


def test_the_steps_of_a_generator_are_the_messages_of_its_task(run):
    async def talk():
        yard = Yard()

        @yard.mcp.tool(task="required")
        async def count():
            yield Progress(1, 2, "one")
            await yard.go.wait()
            yield "counted"

        async with over_memory(yard) as another, another() as peer:
            id = await begin(peer, "count")
            await says(peer, id, "one")
            yard.go.set()
            assert text((await until(peer, id))["result"]) == "counted"

    run(talk())


def test_the_time_that_a_call_may_take_is_not_that_of_a_task(run):
    async def talk():
        yard = Yard(call_timeout=0.02)
        passed = asyncio.Event()

        @yard.mcp.tool(task="optional", task_at_once=False)
        async def linger(ctx: Context) -> str:
            yard.seen.append((await ctx.detach(), ctx.deadline))
            await passed.wait()
            return "done"

        async with over_memory(yard) as another, another() as peer:
            ids = [await begin(peer, "build"), await begin(peer, "linger")]
            peer.capabilities = {}
            refused = await peer.ask("tools/call", {"name": "build", "arguments": {}})
            assert refused["error"]["code"] == -31003  # By now the time of the others has passed as well.
            peer.capabilities = ABLE
            yard.go.set()
            passed.set()
            assert [(await until(peer, id))["status"] for id in ids] == ["completed", "completed"]
        assert yard.seen == [(True, None)]

    run(talk())


def test_a_task_that_runs_past_its_time_is_ended_and_forgotten(run, line):
    async def talk():
        yard = Yard(task_ttl=0.1)
        async with line(yard) as another, another() as peer:
            told = await until(peer, await begin(peer, "build"))
            assert (told["status"], told["error"]["code"]) == ("failed", -31003)
            await yard.stopped.wait()
            answer = await peer.ask("tasks/get", {"taskId": told["taskId"]})
            assert answer["error"]["code"] == -32602
            assert len(yard.mcp.station.tasks.table) == 0

    run(talk())


def test_each_task_ends_at_its_own_time(run):
    async def talk():
        yard = Yard()

        async def wait() -> None:
            await yard.go.wait()

        for name, seconds in (("short", 0.02), ("longer", 0.05)):
            yard.mcp.tool(name=name, task="required", task_ttl=seconds)(wait)
        async with over_memory(yard) as another, another() as peer:
            long, longer, short = [await begin(peer, name) for name in ("build", "longer", "short")]
            assert (await until(peer, short))["status"] == "failed"
            assert (await until(peer, longer))["status"] == "failed"
            assert (await about(peer, "tasks/get", long))["status"] == "working"
            yard.go.set()
            await until(peer, long)

    run(talk())


def test_a_server_that_goes_away_waits_for_tasks_that_work_and_ends_the_others(run):
    async def talk():
        yard = Yard()
        async with over_memory(yard) as another, another() as peer:
            working, asking = await begin(peer, "build"), await begin(peer, "ask")
            await until(peer, asking, "input_required")
            await yard.began.wait()
            draining = asyncio.create_task(yard.mcp.station.drain(WAIT))
            await asyncio.sleep(0)
            assert not draining.done()
            yard.go.set()
            assert await draining is True
            assert (await about(peer, "tasks/get", working))["status"] == "completed"
            yard.mcp.station.close()

    run(talk())


def test_the_defect_of_a_task_is_logged_and_masked(run, caplog):
    async def talk():
        yard = Yard()

        @yard.mcp.tool(task="required")
        async def fail() -> None:
            raise ValueError("marker")

        async with over_memory(yard) as another, another() as peer:
            told = await until(peer, await begin(peer, "fail"))
        assert told["status"] == "completed" and told["result"]["isError"]
        assert "marker" not in json.dumps(told)

    with caplog.at_level(logging.ERROR):
        run(talk())
    assert "ValueError" in caplog.text and "marker" not in caplog.text


def test_a_question_that_no_json_can_hold_fails_where_it_was_asked_and_leaves_the_task_well(run):
    async def talk():
        yard = Yard()

        @yard.mcp.tool(task="required")
        async def blunder(ctx: Context) -> str:
            try:
                await ctx.elicit("?", {"type": object()})
            except TypeError:
                answer = await ctx.elicit("How many?", NUMBER)
                return f"{answer.data['n']}"
            return "no"

        async with over_memory(yard) as another, another() as peer:
            id = await begin(peer, "blunder")
            [key] = (await until(peer, id, "input_required"))["inputRequests"]
            await about(peer, "tasks/update", id, inputResponses={key: {"action": "accept", "content": {"n": 4}}})
            assert text((await until(peer, id))["result"]) == "4"

    run(talk())


def test_a_script_that_calls_a_required_task_waits_for_its_outcome(run):
    async def talk():
        yard = Yard()

        @yard.mcp.tool(task="required")
        async def double(n: int) -> int:
            await asyncio.sleep(0)
            return 2 * n

        @yard.mcp.tool(task="required")
        async def break_down() -> None:
            raise PeerError(-32603, "the pier is gone")

        async with over_memory(yard):
            assert (await yard.mcp.call("double", n=4)).value == 8
            with pytest.raises(CallError, match="the pier is gone"):
                await yard.mcp.call("break_down")

    run(talk())
