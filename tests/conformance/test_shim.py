"""The shim carries what comes, in both directions, and judges nothing: else the suite would judge the shim."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.conformance.shim import VERSION, Shim

STATELESS = {"_meta": {VERSION: "2026-07-28"}}


class Exchange:
    """One HTTP request to the shim, and what comes back; `leave` is the client going away."""

    def __init__(self, shim: Shim, method: str, message: Any = None, **headers: str):
        self._body = b"" if message is None else json.dumps(message).encode()
        self._left = asyncio.Event()
        self._asked = False
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": "me:1", **headers}.items()]
        scope = {"type": "http", "method": method, "path": "/mcp", "headers": raw}
        self.task = asyncio.ensure_future(shim(scope, self._receive, self.sent.put))

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body}
        await self._left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self._left.set()

    async def whole(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body, once the shim is done with the request."""
        await self.task
        start, *parts = [self.sent.get_nowait() for _ in range(self.sent.qsize())]
        return start["status"], dict(start["headers"]), b"".join(part["body"] for part in parts)


@asynccontextmanager
async def behind(talk: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[Shim]:
    """The shim in front of a server that does as `talk` says."""
    async with serve(talk, "127.0.0.1", 0, subprotocols=["mcp"]) as server:  # type: ignore[list-item]
        host, port = server.sockets[0].getsockname()
        shim = Shim(f"ws://{host}:{port}/mcp")
        try:
            yield shim
        finally:
            await shim.close()


def asked(id: Any, method: str = "tools/call", **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {**STATELESS, **params}}


def test_an_answer_that_comes_first_is_json_as_it_came(run: Callable[..., Any]) -> None:
    answers = {
        "a": {"result": {"x": 1}},
        "b": {"error": {"code": -32601, "message": "no"}},
        "c": {"error": {"code": 7}},
    }

    async def talk(socket: ServerConnection) -> None:
        async for frame in socket:
            id = json.loads(frame)["id"]
            await socket.send(json.dumps({"id": id, **answers[id]}))

    async def play() -> list[tuple[int, Any]]:
        async with behind(talk) as shim:
            got = [await Exchange(shim, "POST", asked(id)).whole() for id in answers]
        return [(status, json.loads(body)) for status, _, body in got]

    assert run(play()) == [
        (200, {"id": "a", **answers["a"]}),
        (404, {"id": "b", **answers["b"]}),
        (200, {"id": "c", **answers["c"]}),
    ]


def test_what_comes_before_the_answer_makes_a_stream_of_events(run: Callable[..., Any]) -> None:
    frames = [
        {"method": "notifications/progress", "params": {"progressToken": "t", "progress": 1}},
        {"id": 1, "method": "sampling/createMessage", "params": {}},
        {"id": 5, "result": {}},
    ]

    async def talk(socket: ServerConnection) -> None:
        await socket.recv()
        for frame in frames:
            await socket.send(json.dumps(frame))

    async def play() -> tuple[int, dict[bytes, bytes], bytes]:
        async with behind(talk) as shim:
            return await Exchange(shim, "POST", asked(5)).whole()

    status, headers, body = run(play())
    events = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: ")]
    assert (status, headers[b"content-type"], events) == (200, b"text/event-stream", frames)


def test_a_stateless_client_that_leaves_cancels_its_request_and_a_handshake_client_does_not(
    run: Callable[..., Any],
) -> None:
    got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def talk(socket: ServerConnection) -> None:
        async for frame in socket:
            message = json.loads(frame)
            got.put_nowait(message)
            if message["method"] == "initialize":
                await socket.send(json.dumps({"id": message["id"], "result": {}}))

    async def left(shim: Shim, message: dict[str, Any], **headers: str) -> None:
        exchange = Exchange(shim, "POST", message, **headers)
        assert await got.get() == message
        exchange.leave()
        await exchange.task

    async def play() -> None:
        async with behind(talk) as shim:
            await left(shim, asked(7))
            cancelled = await got.get()
            assert (cancelled["method"], cancelled["params"]) == ("notifications/cancelled", {"requestId": 7})
            opened = Exchange(shim, "POST", {"id": 0, "method": "initialize", "params": {}})
            session = (await opened.whole())[1][b"mcp-session-id"].decode()
            assert (await got.get())["method"] == "initialize"
            await left(shim, {"id": 8, "method": "tools/call", "params": {}}, mcp_session_id=session)
            assert (await Exchange(shim, "DELETE", mcp_session_id=session).whole())[0] == 204
            assert (await Exchange(shim, "GET", mcp_session_id=session).whole())[0] == 404

    run(play())
    assert got.empty()


@pytest.mark.parametrize("status", [403, 421])
def test_a_refused_upgrade_is_the_answer_and_host_and_origin_are_the_clients(
    run: Callable[..., Any], status: int
) -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def play() -> int:
        def judge(connection: ServerConnection, request: Any) -> Any:
            seen.append((request.headers.get("Host"), request.headers.get("Origin")))
            return connection.respond(status, "no")

        async def talk(socket: ServerConnection) -> None:
            raise AssertionError("nobody gets in")

        async with serve(talk, "127.0.0.1", 0, process_request=judge) as server:
            host, port = server.sockets[0].getsockname()
            shim = Shim(f"ws://{host}:{port}/mcp")
            got = await Exchange(shim, "POST", asked(1), host="evil.example", origin="http://evil.example").whole()
            return got[0]

    assert run(play()) == status
    assert seen == [("evil.example", "http://evil.example")]
