"""One client, the same over every line and in both eras."""

import asyncio

import pytest

from fairlead.client import Client
from fairlead.connect.line import ConnectError
from fairlead.errors import CallError, RequestTimeout, UsageError
from tests.connect.ways import LINES, reached, until

ERAS = ("auto", "stateless", "handshake")
SPOKEN = {"auto": "2026-07-28", "stateless": "2026-07-28", "handshake": "2025-11-25"}


@pytest.fixture(params=LINES)
def line(request):
    return request.param


@pytest.fixture(params=ERAS)
def era(request):
    return request.param


def test_a_client_finds_out_what_the_server_speaks_and_who_it_is(run, line, era):
    async def main():
        async with reached(line, era=era) as client:
            assert client.protocol_version == SPOKEN[era]
            assert (client.server.name, client.server.version) == ("pier", "9.9")
            assert "tools" in client.capabilities and client.connected
            await client.ping()

    run(main(), within=20)


def test_lists_calls_reads_prompts_and_completions_arrive_as_types(run, line, era):
    async def main():
        async with reached(line, era=era) as client:
            tools = await client.list_tools()
            assert [tool.name for tool in tools][:2] == ["add", "hang"]
            assert tools[0].description == "Add." and tools[0].input_schema["required"] == ["a", "b"]
            called = await client.call_tool("add", {"a": 2, "b": 3})
            assert (called.value, called.is_error) == (5, False)
            assert await client.invoke_tool("add", {"a": 1, "b": 1}) == 2
            [template] = await client.list_templates()
            assert template.uri_template == "notes://{name}"
            [content] = await client.read("notes://x")
            assert content.text == "note x"
            [prompt] = await client.list_prompts()
            assert prompt.name == "explain"
            [message] = await client.get_prompt("explain", {"topic": "tides"})
            assert message.content.text == "Explain tides"
            assert await client.list_resources() == []

    run(main(), within=20)


def test_what_a_server_refuses_is_a_call_error_and_a_tool_that_fails_is_a_result(run, line, era):
    async def main():
        async with reached(line, era=era) as client:
            with pytest.raises(CallError) as unknown:
                await client.call_tool("none")
            assert unknown.value.code == -32602
            refused = await client.call_tool("refuse")
            assert refused.is_error and refused.text == "no boats today"
            with pytest.raises(CallError, match="no boats today"):
                await client.invoke_tool("refuse")
            with pytest.raises(CallError) as missing:
                await client.read("nowhere://x")
            assert missing.value.code in (-32002, -32602)
            assert (await client.call_tool("add", {"a": 1, "b": 1})).value == 2

    run(main(), within=20)


def test_progress_comes_to_its_own_call_and_before_the_result(run, line, era):
    async def main():
        steps = {3: [], 5: []}
        async with reached(line, era=era) as client:

            async def count(to):
                heard = steps[to].append
                called = await client.call_tool(
                    "count", {"to": to}, progress=lambda done, total, _: heard((done, total))
                )
                assert called.text == "counted" or called.value == "counted"
                assert len(steps[to]) == to

            await asyncio.gather(count(3), count(5))
        assert steps == {to: [(step, to) for step in range(1, to + 1)] for to in steps}

    run(main(), within=20)


def test_log_messages_are_heard_when_they_are_wanted(run, line, era):
    async def main():
        logged = []
        async with reached(line, era=era, logged=logged.append, log_level="info") as client:
            await client.set_log_level("info")
            await client.call_tool("chatter")
            await until(lambda: len(logged) == 3)
        assert [one["level"] for one in logged] == ["warning"] * 3

    run(main(), within=20)


def test_the_servers_questions_are_answered_by_the_programs_handlers(run, line, era):
    async def main():
        async def elicit(params):
            assert params["message"] == "How many?"
            return {"n": 7}

        async with reached(line, era=era, elicit=elicit) as client:
            assert "accept" in (await client.call_tool("ask")).text
            assert "7" in (await client.call_tool("ask")).text

    run(main(), within=20)


def test_many_calls_share_one_line_and_each_gets_its_own_answer(run, line, era):
    async def main():
        async with reached(line, era=era) as client:
            answers = await asyncio.gather(*(client.call_tool("add", {"a": n, "b": 1}) for n in range(60)))
        assert [answer.value for answer in answers] == list(range(1, 61))

    run(main(), within=20)


def test_a_large_result_arrives_whole(run, line, era):
    async def main():
        async with reached(line, era=era) as client:
            assert len((await client.call_tool("large", {"size": 1_000_000})).value) == 1_000_000

    run(main(), within=20)


def test_a_call_that_takes_too_long_ends_and_leaves_the_line_usable(run, line, era):
    async def main():
        async with reached(line, era=era) as client:
            with pytest.raises(RequestTimeout):
                await client.call_tool("later", {"seconds": 30}, within=0.2)
            assert (await client.call_tool("add", {"a": 1, "b": 1})).value == 2

    run(main(), within=20)


@pytest.mark.parametrize("line", [line for line in LINES if line != "stdio"])
def test_a_cancelled_call_is_cancelled_at_the_server(run, line, era):
    from fairlead.sources import python
    from tests.serve.harbour import PIER

    async def main():
        mcp = python.load(str(PIER))
        async with reached(line, mcp, era=era) as client:
            begun = asyncio.Event()
            call = asyncio.create_task(client.call_tool("hang", progress=lambda *_: begun.set()))
            await begun.wait()
            assert mcp.station.in_flight() == 1
            call.cancel()
            await until(lambda: mcp.station.in_flight() == 0)
            with pytest.raises(asyncio.CancelledError):
                await call
            await client.ping()

    run(main(), within=20)


def test_a_client_that_is_not_open_says_so(run):
    async def main():
        with pytest.raises(UsageError, match="async with"):
            await Client("ws://127.0.0.1:9/mcp").call_tool("add")

    run(main())


def test_a_server_that_is_not_there_is_told_at_once_without_its_address(run):
    async def main():
        with pytest.raises(ConnectError, match="could not be reached") as fault:
            async with Client("ws://secret:token@127.0.0.1:9/mcp"):
                pass
        assert "secret" not in str(fault.value)

    run(main())
