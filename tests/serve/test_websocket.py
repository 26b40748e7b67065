"""The WebSocket line with real sockets: establishment, framing, cancellation, and its end."""

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosed

from fairlead import Context, Fairlead
from tests.guard.peers import TEXT, frame
from tests.guard.peers import connected as raw
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import Peer, connected, dialled

UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n"
)
PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'


def simple(**settings) -> Fairlead:
    mcp = Fairlead("simple", **settings)

    @mcp.tool
    async def add(a: int, b: int) -> int:
        return a + b

    return mcp


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


async def closing(socket) -> tuple[int, str]:
    """The code and reason that the server closes with."""
    try:
        async with asyncio.timeout(WAIT):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return closed.rcvd.code, closed.rcvd.reason


@pytest.mark.requirement("WS-02", "WS-03", "WS-05")
@pytest.mark.parametrize(
    ("offered", "echoed"),
    [
        (None, None),
        (["mcp"], "mcp"),
        (["other"], None),
        (["other", "mcp"], "mcp"),
        (["mcp.auth.c2VjcmV0"], None),
        (["mcp.auth.c2VjcmV0", "mcp"], "mcp"),
        (["MCP"], None),
    ],
)
def test_the_subprotocol_mcp_is_echoed_and_no_other(run, offered, echoed):
    async def talk():
        async with docked(simple()) as address, dialled(address, subprotocols=offered) as (peer, socket):
            assert socket.subprotocol == echoed
            assert "secret" not in str(socket.response.headers)
            assert (await peer.ask("server/discover"))["result"]

    run(talk())


@pytest.mark.requirement("WS-01")
@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/mcp/ws", "/mcp/ws/", "/mcp?x=1"])
def test_the_upgrade_is_taken_at_both_paths(run, path):
    async def talk():
        async with docked(simple()) as address, connected(address, path=path) as peer:
            assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}

    run(talk())


@pytest.mark.requirement("WS-04", "WS-07")
def test_a_client_like_claude_code_completes_a_call(run):
    async def talk():
        mcp = simple()
        offer = b"Sec-WebSocket-Protocol: mcp\r\n"
        offer += b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        async with docked(mcp) as address, raw(port(address)) as peer:
            await peer.send(UPGRADE % (b"/mcp", offer))
            head = await peer.head()
            assert head.startswith("HTTP/1.1 101 ") and "sec-websocket-protocol: mcp\r\n" in head.lower()
            assert "permessage-deflate" not in head

            async def ask(id, method, params):
                await peer.send(
                    frame(TEXT, json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode())
                )
                opcode, payload = await peer.frame()
                assert opcode == TEXT
                return json.loads(payload)

            client = {"name": "claude-code", "version": "2"}
            hello = await ask(
                0, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {"roots": {}}, "clientInfo": client}
            )
            assert hello["id"] == 0 and hello["result"]["protocolVersion"] == "2025-11-25"
            await peer.send(frame(TEXT, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'))
            assert (await ask(1, "tools/list", {}))["result"]["tools"][0]["name"] == "add"
            called = await ask(2, "tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}})
            assert called["result"]["structuredContent"] == {"result": 3}
            await peer.send(frame(8))  # a close without a status
            assert (await peer.frame())[0] == 8
            assert await peer.rest() == b""
            async with asyncio.timeout(WAIT):
                while mcp.station.conversations:
                    await asyncio.sleep(0.01)

    run(talk())


def test_compression_is_used_where_the_operator_wants_it(run):
    async def talk():
        async with docked(simple(compression=True)) as address:
            async with dialled(address, compression="deflate") as (peer, socket):
                assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
                assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}

    run(talk())


@pytest.mark.requirement("WS-09")
def test_a_binary_frame_closes_1003(run):
    async def talk():
        async with docked(simple()) as address, dialled(address) as (_, socket):
            await socket.send(PING.encode())
            code, reason = await closing(socket)
            assert code == 1003 and "text" in reason

    run(talk())


@pytest.mark.requirement("WS-10")
def test_a_message_that_is_too_large_closes_1009_before_its_payload_is_read(run):
    async def talk():
        async with docked(simple(frame_bytes=2048)) as address:
            async with dialled(address) as (_, socket):
                await socket.send('"' + "x" * 4096 + '"')
                assert (await closing(socket))[0] == 1009
            async with raw(port(address)) as peer:
                await peer.send(UPGRADE % (b"/mcp", b""))
                await peer.head()
                await peer.send(frame(TEXT, b"", length=1 << 30))
                assert await peer.close_code() == 1009

    run(talk())


@pytest.mark.requirement("WS-11")
def test_text_that_is_not_utf8_closes_1007(run):
    async def talk():
        async with docked(simple()) as address, raw(port(address)) as peer:
            await peer.send(UPGRADE % (b"/mcp", b""))
            await peer.head()
            await peer.send(frame(TEXT, b'{"jsonrpc":"2.0","id":1,"method":"\xff"}'))
            assert await peer.close_code() == 1007

    run(talk())


def test_a_fragmented_message_is_one_message(run):
    async def talk():
        async with docked(simple()) as address, dialled(address) as (peer, socket):
            await socket.send([PING[:10], PING[10:20], PING[20:]])
            assert (await peer.receive())["id"] == 1

    run(talk())


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"jsonrpc":"2.0"}', "[1,", '{"id":NaN}', "\x00"])
def test_what_is_no_message_is_answered_and_keeps_the_socket(run, broken):
    async def talk():
        async with docked(simple()) as address, connected(address) as peer:
            await peer.send(broken)
            refusal = await peer.receive()
            assert refusal["error"]["code"] in (-32700, -32600) and "id" not in refusal
            assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}

    run(talk())


@pytest.mark.requirement("WS-08")
def test_a_batch_is_answered_in_one_text_frame(run):
    async def talk():
        async with docked(simple()) as address, dialled(address) as (peer, _):
            await peer.shake("2025-03-26")
            asks = [
                {"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": {"name": "add", "arguments": pair}}
                for n, pair in enumerate(({"a": 1, "b": 1}, {"a": 2, "b": 2}), 10)
            ]
            await peer.send(asks)
            answers = await peer.receive()
            results = {answer["id"]: answer["result"]["content"][0]["text"] for answer in answers}
            assert results == {10: "2", 11: "4"}

    run(talk())


@pytest.mark.requirement("WS-18")
def test_a_stateless_client_needs_nothing_but_its_messages(run):
    async def talk():
        async with docked(simple()) as address, dialled(address) as (peer, socket):
            await socket.send(PING)
            assert (await peer.receive())["result"] == {}
            # The same socket, and nothing of one request is remembered for the next.
            assert (await peer.call("add", {"a": 1, "b": 2}))["resultType"] == "complete"
            bare = Peer(socket.send, socket.recv, era="handshake")
            refused = (await bare.ask("tools/list", id=99))["error"]
            assert refused["data"]["errorCode"] == "SESSION_NOT_INITIALIZED"

    run(talk())


@pytest.mark.requirement("WS-15")
def test_a_cancelled_call_ends_and_nothing_is_answered(run):
    async def talk():
        mcp = simple()
        ended = asyncio.Event()
        began = asyncio.Event()

        @mcp.tool
        async def wait() -> None:
            began.set()
            try:
                await asyncio.sleep(600)
            finally:
                ended.set()

        async with docked(mcp) as address, dialled(address) as (peer, socket):
            id = await peer.begin_call("wait")
            async with asyncio.timeout(WAIT):
                await began.wait()
                await peer.cancel(id)
                await ended.wait()
            # What comes next is the answer to the next request: nothing came between.
            await socket.send(PING.replace('"id":1', '"id":77'))
            assert (await peer.receive())["id"] == 77

    run(talk())


@pytest.mark.requirement("WS-16")
@pytest.mark.parametrize("rude", [False, True])
def test_closing_the_socket_abandons_what_is_in_flight_and_leaves_nothing(run, rude):
    async def talk():
        mcp = simple()
        seen: asyncio.Queue[str] = asyncio.Queue()

        @mcp.tool
        async def wait() -> None:
            seen.put_nowait("began")
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                seen.put_nowait("cancelled")
                raise

        async with docked(mcp) as address:
            tasks = len(asyncio.all_tasks())
            async with dialled(address) as (peer, socket):
                await peer.begin_call("wait")
                await peer.begin_call("wait")
                async with asyncio.timeout(WAIT):
                    assert [await seen.get(), await seen.get()] == ["began"] * 2
                assert mcp.station.in_flight() == 2
                if rude:
                    socket.transport.abort()
            async with asyncio.timeout(WAIT):
                assert [await seen.get(), await seen.get()] == ["cancelled"] * 2
                while mcp.station.conversations or len(asyncio.all_tasks()) > tasks:
                    await asyncio.sleep(0.01)
            assert mcp.station.in_flight() == 0

    run(talk())


def test_headers_of_the_handshake_reach_the_tool(run):
    async def talk():
        mcp = simple()

        @mcp.tool
        async def whose(ctx: Context) -> str:
            return ctx.headers["x-boat"]

        async with docked(mcp) as address, connected(address, additional_headers={"X-Boat": "Ida"}) as peer:
            assert (await peer.call("whose"))["structuredContent"] == {"result": "Ida"}

    run(talk())


def test_a_socket_closed_for_a_binary_frame_abandons_what_is_in_flight(run):
    async def talk():
        mcp = simple()
        seen: asyncio.Queue[str] = asyncio.Queue()

        @mcp.tool
        async def wait() -> None:
            seen.put_nowait("began")
            try:
                await asyncio.sleep(600)
            finally:
                seen.put_nowait("ended")

        async with docked(mcp) as address, dialled(address) as (peer, socket):
            await peer.begin_call("wait")
            async with asyncio.timeout(WAIT):
                assert await seen.get() == "began"
            await socket.send(b"x")
            assert (await closing(socket))[0] == 1003
            async with asyncio.timeout(WAIT):
                assert await seen.get() == "ended"

    run(talk())
