"""The official SDK's clients and servers over the WebSocket transports that it no longer has, on real sockets."""

import asyncio
import contextlib
import importlib
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import mcp
import pytest
from mcp.client import Client as TheirClient
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from fairlead import Fairlead
from fairlead.client import Client
from fairlead.compat.sdk import websocket_client, websocket_server
from fairlead.connect.line import ConnectError
from tests.serve.harbour import WAIT, docked

MODES = {"legacy": "2025-11-25", "auto": "2026-07-28"}
pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


def ours() -> Fairlead:
    server = Fairlead("ours")

    @server.tool
    async def add(a: int, b: int) -> int:
        return a + b

    @server.tool
    async def size(text: str) -> int:
        return len(text)

    return server


@pytest.fixture
def wherry() -> Any:
    """A server of theirs, fresh: its events belong to the loop of one test."""
    sys.modules.pop("tests.sources.wherry", None)
    return importlib.import_module("tests.sources.wherry")


@contextlib.asynccontextmanager
async def asgi(server: Any, served: list[str] | None = None) -> AsyncIterator[str]:
    """Their server behind `websocket_server`, in an ASGI application; gives its URL."""
    kernel = server._lowlevel_server

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        async with websocket_server(scope, receive, send) as (read, write):
            await kernel.run(read, write, kernel.create_initialization_options())
        if served is not None:
            served.append("over")

    async with docked(Fairlead("nothing of its own"), app) as address:
        yield f"ws://{address}/mcp"


# Their client, over our transport.


@pytest.mark.parametrize("mode", MODES)
def test_their_client_speaks_to_our_server_over_a_websocket(run, mode):
    async def scene():
        async with docked(ours()) as address:
            transport = websocket_client(f"ws://{address}/mcp")
            async with TheirClient(transport, mode=mode, read_timeout_seconds=WAIT) as client:
                assert client.protocol_version == MODES[mode]
                assert {tool.name for tool in (await client.list_tools()).tools} == {"add", "size"}
                answers = await asyncio.gather(*(client.call_tool("add", {"a": n, "b": 1}) for n in range(20)))
                assert [answer.structured_content["result"] for answer in answers] == list(range(1, 21))
                long = await client.call_tool("size", {"text": "x" * 3_000_000})
                assert long.structured_content == {"result": 3_000_000}

    run(scene(), within=30)


def test_their_bare_session_takes_the_pair_of_streams(run):
    async def scene():
        async with docked(ours()) as address, websocket_client(f"ws://{address}/mcp") as (read, write):
            async with mcp.ClientSession(read, write) as session:
                assert (await session.initialize()).server_info.name == "ours"
                assert (await session.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}

    run(scene(), within=30)


def test_headers_go_with_the_upgrade_and_the_subprotocol_is_offered(run):
    async def scene():
        seen: list[Any] = []

        async def keep(peer: Any) -> None:
            seen.append((peer.request.headers.get("Authorization"), peer.subprotocol))

        async with serve(keep, "127.0.0.1", 0, subprotocols=["mcp"]) as server:
            port = server.sockets[0].getsockname()[1]
            async with websocket_client(f"ws://127.0.0.1:{port}/", {"Authorization": "Bearer t"}) as (read, _):
                async with asyncio.timeout(WAIT):
                    assert [one async for one in read] == []  # The end of the socket is the end of the stream.
        assert seen == [("Bearer t", "mcp")]

    run(scene())


def test_what_is_no_message_reaches_the_session_as_an_exception_and_a_binary_frame_ends_the_line(run):
    async def scene():
        closed = asyncio.get_running_loop().create_future()

        async def babble(peer: Any) -> None:
            await peer.send("no json")
            await peer.send('{"jsonrpc":"2.0","method":"notifications/progress"}')
            await peer.send(b"binary")
            await peer.wait_closed()
            closed.set_result(peer.close_code)

        async with serve(babble, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with websocket_client(f"ws://127.0.0.1:{port}/") as (read, _), asyncio.timeout(WAIT):
                told = [one async for one in read]
                assert isinstance(told[0], ValueError) and told[1].message.method == "notifications/progress"
                assert len(told) == 2 and await closed == 1003

    run(scene())


def test_an_address_where_nobody_answers_is_a_connect_error_without_the_address(run):
    async def scene():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(ConnectError) as refused:
            async with websocket_client(f"ws://127.0.0.1:{port}/?token=secret"):
                pass
        assert "secret" not in str(refused.value)
        async with docked(ours()) as address:
            with pytest.raises(ConnectError) as lost:
                async with websocket_client(f"ws://{address}/nowhere"):
                    pass
            assert lost.value.status == 404

    run(scene())


def test_what_is_raised_inside_goes_on_as_it_is(run):
    async def scene():
        async with docked(ours()) as address:
            with pytest.raises(KeyError):
                async with websocket_client(f"ws://{address}/mcp"):
                    raise KeyError("mine")

    run(scene())


# Their server, over our transport.


@pytest.mark.parametrize("era", ["handshake", "stateless"])
def test_their_server_accepts_websockets_again(run, wherry, era):
    async def scene():
        async with asgi(wherry.mcp) as url:
            told: list[Any] = []
            options = {"elicit": lambda params: {"name": "west quay"}, "timeout": WAIT, "proxy": False}
            async with Client(url, era=era, **options) as client:
                assert client.server.name == "wherry"
                assert (await client.call_tool("add", {"a": 1, "b": 2})).value == 3
                assert (await client.call_tool("row", progress=lambda *step: told.append(step))).text == "there"
                assert len(told) == 3
                assert (await client.call_tool("tie")).text == "tied at west quay"

    run(scene(), within=30)


@pytest.mark.parametrize("mode", MODES)
def test_both_sides_are_theirs_and_only_the_line_is_ours(run, wherry, mode):
    async def scene():
        async with asgi(wherry.mcp) as url:
            async with TheirClient(websocket_client(url), mode=mode, read_timeout_seconds=WAIT) as client:
                assert client.protocol_version == MODES[mode]
                answer = await client.call_tool("add", {"a": 1, "b": 2})
                assert answer.structured_content == {"result": 3}

    run(scene(), within=30)


def test_a_client_that_leaves_ends_its_calls_in_their_server_and_the_connection(run, wherry):
    async def scene():
        served: list[str] = []
        async with asgi(wherry.mcp, served) as url:
            async with Client(url, era="stateless", reconnect=False, timeout=WAIT, proxy=False) as client:
                call = asyncio.create_task(client.call_tool("drift"))
                async with asyncio.timeout(WAIT):
                    await wherry.reached.wait()
            async with asyncio.timeout(WAIT):
                await wherry.ended.wait()
            assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], Exception)
        assert served == ["over"]

    run(scene(), within=30)


def test_their_server_s_line_refuses_binary_frames_and_echoes_the_subprotocol_only_where_it_is_offered(run, wherry):
    async def scene():
        async with asgi(wherry.mcp) as url:
            async with connect(url, subprotocols=["mcp"], proxy=None) as peer:
                assert peer.subprotocol == "mcp"
                await peer.send(b"binary")
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.wait_for(peer.recv(), WAIT)
                assert closed.value.rcvd.code == 1003
            async with connect(url, proxy=None) as peer:
                assert peer.subprotocol is None

    run(scene(), within=30)


def test_a_scope_that_is_no_websocket_is_refused(run):
    async def scene():
        with pytest.raises(ConnectError, match="no WebSocket"):
            async with websocket_server({"type": "http"}, None, None):
                pass

        async def gone() -> dict[str, Any]:
            return {"type": "websocket.disconnect"}

        with pytest.raises(ConnectError, match="left"):
            async with websocket_server({"type": "websocket"}, gone, None):
                pass

    run(scene())
