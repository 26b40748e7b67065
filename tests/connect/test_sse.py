"""The line of 2024-11-05, and how a client comes to speak it."""

import asyncio

import pytest

from fairlead.client import Client
from fairlead.connect.line import ConnectError
from fairlead.errors import ConnectionLost
from tests.connect.ways import INITIALIZE, QUICK, text, until
from tests.connect.web import web


def old(*, endpoint="/messages?session_id=1", path="/sse", post=405):
    """A server of 2024-11-05: GET is its stream, a POST to that is refused, and answers come on the stream."""
    streams = []

    async def act(request):
        if request.method == "GET" and request.path == path:
            await request.begin_events()
            await request.event(endpoint, event="endpoint")
            streams.append(request)
            await asyncio.sleep(60)
        elif request.path == path:
            await request.answer(post, b"no", content_type="text/plain")
        else:
            await request.answer(202)
            said = request.said
            results = {
                "initialize": {**INITIALIZE, "protocolVersion": "2024-11-05"},
                "tools/call": text("x"),
                "ping": {},
            }
            if "id" in said:
                known = said["method"] in results
                body = {"result": results[said["method"]]} if known else {"error": {"code": -32601, "message": "no"}}
                await streams[-1].event({"jsonrpc": "2.0", "id": said["id"], **body}, event="message")

    act.streams = streams
    return act


def test_a_path_that_ends_in_sse_is_spoken_to_as_one(run):
    async def main():
        async with web(old()) as server, Client(f"http://{server.address}/sse", proxy=False) as client:
            assert client.protocol_version == "2024-11-05" and (await client.call_tool("t")).text == "x"
            assert {one.path for one in server.requests} == {"/sse", "/messages?session_id=1"}

    run(main())


@pytest.mark.parametrize("status", [400, 404, 405])
def test_a_server_that_refuses_the_handshake_with_a_4xx_is_tried_as_an_old_one(run, status):
    async def main():
        async with web(old(path="/mcp", post=status)) as server:
            async with Client(f"http://{server.address}/mcp", proxy=False) as client:
                assert client.protocol_version == "2024-11-05" and (await client.call_tool("t")).text == "x"
            ways = [(one.method, one.path) for one in server.requests]
            assert ways[:3] == [("POST", "/mcp"), ("POST", "/mcp"), ("GET", "/mcp")]

    run(main())


def test_a_server_that_is_none_at_all_is_told_so(run):
    async def main():
        async with web(lambda one: one.answer(404)) as server:
            with pytest.raises(ConnectError, match="404"):
                async with Client(f"http://{server.address}/mcp", proxy=False):
                    pass
            with pytest.raises(ConnectError, match="404") as fault:
                async with Client(f"http://{server.address}/sse", proxy=False):
                    pass
            assert fault.value.final

    run(main())


def test_an_endpoint_at_another_host_gets_nothing(run):
    async def main():
        async with web(old()) as thief, web(old(endpoint=f"http://{thief.address}/messages")) as server:
            with pytest.raises(ConnectError, match="another host"):
                async with Client(f"http://{server.address}/sse", token="secret", proxy=False):
                    pass
            assert not thief.requests

    run(main())


def test_when_the_stream_ends_the_line_is_opened_again(run):
    async def main():
        act = old()
        async with web(act) as server, Client(f"http://{server.address}/sse", reconnect=QUICK, proxy=False) as client:
            act.streams[0].hang_up()
            await until(lambda: len(act.streams) == 2 and client.connected)
            assert (await client.call_tool("t")).text == "x"

    run(main())


def test_a_post_to_a_stream_that_is_gone_was_not_taken(run):
    async def main():
        act = old()

        async def gone(request):
            await (request.answer(404) if request.said.get("method") == "tools/call" else act(request))

        async with web(gone) as server, Client(f"http://{server.address}/sse", reconnect=False, proxy=False) as client:
            with pytest.raises(ConnectionLost) as lost:
                await client.call_tool("t")
            assert lost.value.state == "not_sent"

    run(main())


def test_a_stream_that_never_says_where_to_post_is_given_up(run, monkeypatch):
    from fairlead.connect import sse

    monkeypatch.setattr(sse, "_OPEN_SECONDS", 0.1)

    async def silent(request):
        await request.begin_events()
        await asyncio.sleep(60)

    async def main():
        async with web(silent) as server:
            with pytest.raises(ConnectError, match="where to POST"):
                async with Client(f"http://{server.address}/sse", proxy=False):
                    pass

    run(main())
