"""The official SDK's client calls tools, over every line in both eras."""

import base64
from contextlib import suppress

import anyio
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import Request, RequestParams, Result

from tests.interop.lines import Reach, only
from tests.interop.quay import PIXEL, SECRET

INVALID_PARAMS = -32602
NO_METHOD = -32601
TIMED_OUT = -32001

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


def text(result):
    return "".join(block.text for block in result.content)


@pytest.mark.requirement("ERA-16", "ERA-17")
def test_the_sdk_gets_numbers_text_objects_and_pictures(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            total = await client.call_tool("add", {"a": 2, "b": 40})
            assert (total.structured_content, text(total), total.is_error) == ({"result": 42}, "42", False)
            assert text(await client.call_tool("shout", {"text": "ahöy 🚢"})) == "AHÖY 🚢"
            # The SDK itself holds the value to the output schema that the tool declared.
            cargo = (await client.call_tool("load", {"tons": 3, "marks": ["x"]})).structured_content
            assert cargo == {"tons": 3, "marks": ["x"]}
            [picture] = (await client.call_tool("paint")).content
            assert (picture.type, picture.mime_type) == ("image", "image/png")
            assert base64.b64decode(picture.data) == PIXEL

    run(talk())


@only(line="stdio")
def test_what_a_tool_prints_is_never_on_the_wire(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            assert text(await client.call_tool("shout", {"text": "overboard"})) == "OVERBOARD"

    run(talk())
    assert "overboard" in reach.errors()


@pytest.mark.requirement("ERR-07", "ERR-12", "ERR-17", "ERR-18")
def test_the_sdk_tells_a_tool_that_fails_from_a_call_that_is_wrong(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            refused = await client.call_tool("refuse")
            assert refused.is_error and text(refused) == "The quay is full."
            sunk = await client.call_tool("sink")
            assert sunk.is_error and SECRET not in str(sunk)
            misfit = await client.call_tool("add", {"a": "two", "b": 1})
            assert misfit.is_error and "a" in text(misfit)
            with pytest.raises(MCPError) as caught:
                await client.call_tool("nothing")
            assert caught.value.code == INVALID_PARAMS

    run(talk())


@pytest.mark.requirement("ERR-05", "ERA-09")
def test_a_method_that_is_not_there_is_an_error_in_the_sdk(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            with pytest.raises(MCPError) as caught:
                await client.session.send_request(
                    Request[RequestParams, str](method="quay/unknown", params=RequestParams()), Result
                )
            assert caught.value.code == NO_METHOD
            if reach.era == "stateless":
                with pytest.raises(MCPError) as caught:
                    await client.send_ping()
                assert caught.value.code == NO_METHOD

    run(talk())


@pytest.mark.requirement("SERVER-02", "SERVER-04")
def test_the_sdk_hears_of_progress_before_the_result(run, reach: Reach):
    async def talk():
        heard = []

        async def progress(done, total, message):
            heard.append((done, total, message))

        async with reach.client() as client:
            assert text(await client.call_tool("steps", progress_callback=progress)) == "done"
            assert heard == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]
            assert text(await client.call_tool("steps")) == "done"
            assert len(heard) == 3

    run(talk())


@pytest.mark.requirement("SERVER-14", "STATELESS-21")
def test_the_sdk_is_sent_the_log_that_it_asked_for(run, reach: Reach):
    async def talk():
        heard = []

        async def log(message):
            heard.append((message.level, message.data))

        async with reach.client(logging_callback=log, log_level="info") as client:
            if reach.era == "handshake":
                await client.set_logging_level("info")
            await client.call_tool("steps", {"of": 2})
            assert heard == [("warning", "step 1"), ("warning", "step 2")]

    run(talk())


@only(era="stateless")
@pytest.mark.requirement("STATELESS-21")
def test_the_sdk_is_sent_no_log_in_the_stateless_era_unless_it_asks(run, reach: Reach):
    async def talk():
        heard = []

        async def log(message):
            heard.append(message)

        async with reach.client(logging_callback=log) as client:
            await client.call_tool("steps")
            await client.call_tool("add", {"a": 1, "b": 1})
            assert heard == []

    run(talk())


@pytest.mark.requirement("ERA-18", "SERVER-09")
def test_the_sdk_is_answered_at_once_while_a_tool_holds_a_thread(run, reach: Reach):
    async def talk():
        began = anyio.Event()
        results = []

        async def progress(*_):
            began.set()

        async with reach.client() as client:

            async def held():
                results.append(text(await client.call_tool("block", progress_callback=progress)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(held)
                await began.wait()
                if reach.era == "handshake":
                    await client.send_ping()
                else:
                    await client.list_tools()
                await client.call_tool("release")
            assert results == ["released"]

    run(talk())


def test_calls_of_the_sdk_run_side_by_side(run, reach: Reach):
    async def talk():
        sums = []

        async with reach.client() as client:

            async def met():
                # None of them returns before all of them are there.
                assert (await client.call_tool("meet", {"mark": mark, "parties": 12})).structured_content[
                    "result"
                ] == 12

            async def added(number):
                sums.append((await client.call_tool("add", {"a": number, "b": number})).structured_content["result"])

            mark = f"{reach.line} {reach.era}"
            async with anyio.create_task_group() as tasks:
                for number in range(12):
                    tasks.start_soon(met)
                    tasks.start_soon(added, number)
            assert sorted(sums) == [2 * number for number in range(12)]

    run(talk())


@pytest.mark.requirement("WS-15", "SERVER-05")
def test_a_call_that_the_sdk_gives_up_ends_on_the_server(run, reach: Reach):
    async def talk():
        mark = f"given up {reach.line} {reach.era}"
        async with reach.client() as client:
            with anyio.CancelScope() as scope:

                async def progress(*_):
                    scope.cancel()

                await client.call_tool("hang", {"mark": mark}, progress_callback=progress)
            assert scope.cancelled_caught
            assert (await client.call_tool("gone", {"mark": mark})).structured_content == {"result": True}

    run(talk())


@pytest.mark.requirement("WS-15", "SERVER-05")
def test_a_call_that_takes_the_sdk_too_long_ends_on_the_server(run, reach: Reach):
    async def talk():
        mark = f"too long {reach.line} {reach.era}"
        async with reach.client() as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("hang", {"mark": mark}, read_timeout_seconds=0.5)
            assert caught.value.code == TIMED_OUT
            assert (await client.call_tool("gone", {"mark": mark})).structured_content == {"result": True}

    run(talk())


# Over stdio the server ends with its only client.
@only(line=("http", "sse", "websocket"))
@pytest.mark.requirement("WS-16")
def test_what_the_sdk_leaves_in_flight_ends_when_its_line_closes(run, reach: Reach):
    async def talk():
        mark = f"left {reach.line} {reach.era}"
        began = anyio.Event()

        async def progress(*_):
            began.set()

        async def left(client):
            with suppress(MCPError):
                await client.call_tool("hang", {"mark": mark}, progress_callback=progress)

        async with anyio.create_task_group() as tasks, reach.client() as client:
            tasks.start_soon(left, client)
            await began.wait()
        async with reach.client() as client:
            assert (await client.call_tool("gone", {"mark": mark})).structured_content == {"result": True}

    run(talk())
