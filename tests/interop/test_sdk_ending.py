"""How the official SDK's client sees a server that stops, starts again, or was never reached."""

import signal

import anyio
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from tests.interop.lines import QUAY, WAIT, Reach, only
from tests.serve.harbour import child

GONE = -32000
"""The SDK's own code for a connection that was closed."""

ENDING = 3.0
"""Seconds in which a server ends that has nothing left to do: far fewer than the quay would give to its calls."""

ENDED = (-32600, "Session terminated")
"""What the SDK makes of a 404 to a request of a session."""


async def known(client):
    """Let the SDK list all tools. It would do so after its first call of a tool, which a server that stops refuses."""
    cursor = (await client.list_tools()).next_cursor
    while cursor is not None:
        cursor = (await client.list_tools(cursor=cursor)).next_cursor


@pytest.fixture
def elsewhere(reach: Reach):
    """`reach`, to a server of this test's own: `elsewhere(address)`."""

    def to(address):
        return Reach(reach.line, reach.era, lambda: address, reach.log)

    return to


def test_the_sdk_needs_nothing_but_the_url(run, quay):
    async def talk():
        async with Client(f"http://{quay}/mcp", read_timeout_seconds=WAIT) as client:
            assert client.protocol_version == "2026-07-28"
            assert (await client.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}

    run(talk(), within=20)


@only(line=("http", "sse", "websocket"))
@pytest.mark.requirement("WS-13")
def test_a_server_that_is_told_to_stop_lets_the_call_of_the_sdk_finish(run, reach, elsewhere):
    async def talk():
        results = []
        began = anyio.Event()

        async def progress(*_):
            began.set()

        async with child("serve", str(QUAY), "--port", "0") as server:
            address = await server.address()

            async def lingered(client):
                results.append((await client.call_tool("linger", progress_callback=progress)).content[0].text)

            async with elsewhere(address).client() as client:
                await known(client)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(lingered, client)
                    await began.wait()
                    server.process.send_signal(signal.SIGTERM)
                assert results == ["finished"]
                assert await server.ends(within=ENDING) == 0
                if reach.line != "http":  # There, the SDK lets the error of its next connection through as it is.
                    with pytest.raises(MCPError) as caught:
                        await client.call_tool("add", {"a": 1, "b": 1})
                    assert caught.value.code == GONE

    run(talk(), within=20)


@only(line=("sse", "websocket"))
def test_the_sdk_is_told_at_once_when_the_server_dies(run, reach, elsewhere):
    async def talk():
        began = anyio.Event()

        async def progress(*_):
            began.set()

        async with child("serve", str(QUAY), "--port", "0") as server:
            async with elsewhere(await server.address()).client() as client:
                caught = []

                async def lost():
                    with pytest.raises(MCPError) as error:
                        await client.call_tool("hang", {"mark": "never"}, progress_callback=progress)
                    caught.append(error.value.code)

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(lost)
                    await began.wait()
                    server.process.kill()
                assert caught == [GONE]

    run(talk(), within=20)


@only(line="http")
def test_a_server_that_started_anew_goes_on_or_ends_the_session_of_the_sdk(run, reach, elsewhere):
    async def talk():
        async with child("serve", str(QUAY), "--port", "0") as server:
            address = await server.address()
            async with elsewhere(address).client() as client:
                assert (await client.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}
                server.process.send_signal(signal.SIGTERM)
                assert await server.ends() == 0
                async with child("serve", str(QUAY), "--port", address.rpartition(":")[2]) as again:
                    await again.address()
                    if reach.era == "stateless":
                        # Nothing of the connection is remembered, so nothing was lost.
                        assert (await client.call_tool("add", {"a": 2, "b": 2})).structured_content == {"result": 4}
                        return
                    with pytest.raises(MCPError) as caught:
                        await client.call_tool("add", {"a": 2, "b": 2})
                    assert (caught.value.code, caught.value.message) == ENDED

    run(talk(), within=30)


@only(line="stdio")
def test_a_server_over_stdio_leaves_by_itself_when_the_sdk_hangs_up(run, reach, monkeypatch):
    async def killed(process):
        raise AssertionError("the client had to end the server")

    async def talk():
        async with reach.client() as client:
            await client.call_tool("add", {"a": 1, "b": 1})

    monkeypatch.setattr("mcp.client.stdio._terminate_process_tree", killed)
    run(talk())
    assert reach.errors() == ""


@only(line="stdio")
def test_the_sdk_is_told_at_once_when_a_server_over_stdio_dies(run, reach):
    async def talk():
        async with reach.client() as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("founder")
            assert caught.value.code == GONE

    run(talk())
