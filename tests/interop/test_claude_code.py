"""A client of the WebSocket line that does what Claude Code does with `{"type": "ws", "url": …}`.

It offers the subprotocol `mcp` and permessage-deflate, and goes away from a server that does not echo the former. It
counts its requests from 0, shakes hands for 2025-11-25, speaks in text frames, and closes with 1000, without a status,
or not at all. So version 2.1.197 was seen to do.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.typing import Subprotocol

from tests.conformance.processes import FAIRLEAD, started
from tests.interop.lines import QUAY, WAIT

NO_STATUS = 1005


class Refusal(Exception):
    """The server did not echo the subprotocol."""


class Visitor:
    """One connection."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket
        self._id = 0

    async def notify(self, method, **params):
        message = {"method": method, "jsonrpc": "2.0"}
        await self.socket.send(json.dumps({**message, "params": params} if params else message))

    async def begin(self, method, **params):
        """Send a request; returns its id."""
        id, self._id = self._id, self._id + 1
        told = {"params": params} if params else {}
        await self.socket.send(json.dumps({"method": method, **told, "jsonrpc": "2.0", "id": id}))
        return id

    async def receive(self):
        """The next message."""
        async with asyncio.timeout(WAIT):
            frame = await self.socket.recv()
        assert isinstance(frame, str), "a binary frame"
        message = json.loads(frame)
        assert message["jsonrpc"] == "2.0"
        return message

    async def ask(self, method, **params):
        """The result of a request. Whatever else the server says first is passed over."""
        id = await self.begin(method, **params)
        while True:
            message = await self.receive()
            if "method" not in message:
                assert message["id"] == id and type(message["id"]) is int, message
                return message["result"]

    async def shake(self):
        told = await self.ask(
            "initialize",
            protocolVersion="2025-11-25",
            capabilities={"roots": {}, "elicitation": {}},
            clientInfo={
                "name": "claude-code",
                "title": "Claude Code",
                "version": "2.1.197",
                "websiteUrl": "https://claude.com/claude-code",
            },
        )
        await self.notify("notifications/initialized")
        return told

    async def leave(self, how="without a status"):
        """Close, and wait for the server to do the same."""
        if how == "without a word":
            self.socket.transport.abort()
        elif how == "without a status":
            async with self.socket.send_context():
                self.socket.protocol.send_close()
        else:
            await self.socket.close()
        async with asyncio.timeout(WAIT):
            await self.socket.wait_closed()


@asynccontextmanager
async def visiting(address: str, path: str = "/mcp", **headers: str) -> AsyncIterator[Visitor]:
    """Connected as Claude Code connects. Raises Refusal."""
    async with connect(
        f"ws://{address}{path}",
        subprotocols=[Subprotocol("mcp")],
        additional_headers=headers,
        compression="deflate",
        origin=None,
        proxy=None,
    ) as socket:
        assert socket.request.headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
        if socket.subprotocol != "mcp":
            raise Refusal(socket.subprotocol)
        yield Visitor(socket)


@pytest.fixture(scope="module")
def compressing():
    """The address of a server that takes the compression which is offered."""
    with started((*FAIRLEAD, str(QUAY), "--port", "0", "--compression"), r"ws://(127\.0\.0\.1:\d+)") as address:
        yield address


async def visit(address, path="/mcp", *, compressed):
    async with visiting(address, path, Authorization="Bearer of-nothing") as visitor:
        deflates = any(isinstance(one, PerMessageDeflate) for one in visitor.socket.protocol.extensions)
        assert deflates is compressed
        told = await visitor.shake()
        assert told["protocolVersion"] == "2025-11-25" and told["serverInfo"]["name"] == "quay"
        assert told["capabilities"]["tools"] == {"listChanged": True}
        names, page = [], await visitor.ask("tools/list")
        names += [tool["name"] for tool in page["tools"]]
        while "nextCursor" in page:
            page = await visitor.ask("tools/list", cursor=page["nextCursor"])
            names += [tool["name"] for tool in page["tools"]]
        assert names[:3] == ["add", "shout", "load"] and len(names) > 15
        called = await visitor.ask("tools/call", name="add", arguments={"a": 2, "b": 3}, _meta={"progressToken": 7})
        assert called["content"] == [{"type": "text", "text": "5"}] and called["structuredContent"] == {"result": 5}
        long = "sail " * 20_000
        [block] = (await visitor.ask("tools/call", name="shout", arguments={"text": long}))["content"]
        assert block["text"] == long.upper()
        await visitor.leave()
        assert visitor.socket.close_code == NO_STATUS


@pytest.mark.requirement("WS-02", "WS-04", "WS-07", "SERVER-10")
@pytest.mark.parametrize("path", ["/mcp", "/mcp/ws"])
def test_a_client_like_claude_code_lists_and_calls_and_closes_without_a_status(run, quay, path):
    run(visit(quay, path, compressed=False), within=20)


@pytest.mark.requirement("WS-04")
def test_a_client_like_claude_code_may_have_the_compression_that_it_offers(run, compressing):
    run(visit(compressing, compressed=True), within=20)


@pytest.mark.requirement("WS-16")
@pytest.mark.parametrize("how", ["with 1000", "without a status", "without a word"])
def test_a_client_like_claude_code_leaves_as_it_likes_and_comes_back(run, quay, how):
    async def talk():
        for _ in range(2):
            async with visiting(quay) as visitor, visiting(quay) as beside:
                for one in (visitor, beside):
                    await one.shake()
                    assert (await one.ask("tools/call", name="greet"))["content"][0][
                        "text"
                    ] == "claude-code 2.1.197 2025-11-25"
                mark = f"claude {how} {visitor.socket.id}"
                await visitor.begin("tools/call", name="hang", arguments={"mark": mark}, _meta={"progressToken": 0})
                assert (await visitor.receive())["method"] == "notifications/progress"
                await visitor.leave(how)
                assert await beside.ask("tools/call", name="gone", arguments={"mark": mark})
                assert (await beside.ask("ping")) == {}

    run(talk(), within=20)


def test_this_client_refuses_a_server_that_does_not_echo_the_subprotocol(run):
    async def silent(socket):
        with pytest.raises(ConnectionClosed):
            await socket.recv()

    async def talk():
        async with serve(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Refusal):
                async with visiting(f"127.0.0.1:{port}"):
                    pass

    run(talk())
