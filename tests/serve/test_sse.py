"""HTTP+SSE of 2024-11-05: one stream out, POSTs in, on its own paths and on MCP's."""

import asyncio
import json

import pytest

from tests.serve.boat import Boat
from tests.serve.harbour import WAIT, docked
from tests.serve.web import called, endpoint, initialize, request, settled, web

GET = {"accept": "text/event-stream"}


class Old:
    """A client of 2024-11-05: what it hears on its stream, and where it posts."""

    def __init__(self, ear, mouth, stream, post_to):
        self.ear, self.mouth, self.stream, self.post_to = ear, mouth, stream, post_to

    async def post(self, message, **headers):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return await self.mouth.ask("POST", self.post_to, headers, body)

    async def ask(self, message):
        answer = await self.post(message)
        assert (answer.status, answer.body) == (202, b"")
        return await self.stream.message()


class Opened:
    """`async with Opened(address)`: a client with its stream open."""

    def __init__(self, address, path="/sse", headers=GET):
        self.address, self.path, self.headers = address, path, headers

    async def __aenter__(self):
        self._contexts = [web(self.address), web(self.address)]
        ear, mouth = [await context.__aenter__() for context in self._contexts]
        stream = await ear.ask("GET", self.path, self.headers)
        assert stream.status == 200 and stream.streams, stream
        first = await stream.event()
        assert first.kind == "endpoint" and first.id is None
        return Old(ear, mouth, stream, first.data)

    async def __aexit__(self, *exc):
        for context in self._contexts:
            await context.__aexit__(*exc)


async def seen(boat):
    async with asyncio.timeout(WAIT):
        return await boat.seen.get()


@pytest.mark.requirement("HTTP-28")
@pytest.mark.parametrize(
    ("path", "posts"),
    [("/sse", "/messages/?session_id="), ("/sse/", "/messages/?session_id="), ("/mcp", "/mcp?session_id=")],
)
def test_a_client_of_the_first_version_is_served(run, path, posts):
    async def talk():
        boat = Boat()
        async with docked(boat.mcp) as address:
            tasks = len(asyncio.all_tasks())
            async with Opened(address, path) as old:
                assert old.post_to.startswith(posts)
                hello = await old.ask(initialize("2024-11-05", elicitation={}))
                assert hello["result"]["protocolVersion"] == "2024-11-05"
                assert (await old.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).status == 202
                answer = await old.ask(called(1, "add", {"a": 1, "b": 2}))
                assert answer["id"] == 1 and answer["result"]["content"][0]["text"] == "3"
                await old.post(called(2, "told", _meta={"progressToken": 9}))
                methods = [(await old.stream.message()).get("method") for _ in range(4)]
                assert methods == ["notifications/progress"] * 3 + [None]
                batch = await old.ask([request(3, "ping"), request(4, "ping")])
                assert {member["id"] for member in batch} == {3, 4}
                boat.mcp.disable("add")
                assert (await old.stream.message())["method"] == "notifications/tools/list_changed"
                assert (await old.ask(b"{"))["error"]["code"] == -32700
            await settled(boat.mcp, tasks)

    run(talk())


def test_a_get_without_accept_is_such_a_client_too(run):
    async def talk():
        async with docked(Boat().mcp) as address, Opened(address, headers={}) as old:
            assert (await old.ask(request(1, "ping")))["result"] == {}

    run(talk())


def test_a_question_is_answered_with_a_post(run):
    async def talk():
        async with docked(Boat().mcp) as address, Opened(address) as old:
            await old.ask(initialize("2025-06-18", elicitation={}))
            await old.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
            question = await old.ask(called(1, "ask"))
            assert question["method"] == "elicitation/create"
            answer = await old.ask(
                {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"n": 4}}}
            )
            assert answer["result"]["content"][0]["text"] == "accept {'n': 4}"

    run(talk())


def test_whoever_leaves_the_stream_ends_its_conversation(run):
    async def talk():
        boat = Boat()
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address:
            async with Opened(address) as old:
                await old.ask(initialize("2024-11-05"))
                await old.post(called(1, "hold"))
                assert await seen(boat) == "began"
                old.ear.drop()
                assert await seen(boat) == "cancelled"
                assert (await old.post(request(2, "ping"))).status == 404
            assert len(endpoint(app)._sse) == 0 and not boat.mcp.station.conversations

    run(talk())


@pytest.mark.parametrize("query", ["?session_id=guessed", "?sessionId=", "?session_id=a&session_id=b"])
@pytest.mark.parametrize("path", ["/messages/", "/messages", "/sse"])
def test_a_post_to_no_stream_is_404(run, path, query):
    async def talk():
        async with docked(Boat().mcp) as address, web(address) as one:
            answer = await one.ask("POST", path + query, {}, b"{}")
            assert (answer.status, answer.code) == (404, "SESSION_NOT_FOUND")
            assert (await one.ask("POST", path, {}, b"{}")).code == "SESSION_MISSING"

    run(talk())


def test_a_stream_is_of_the_caller_who_opened_it(run):
    async def talk():
        boat = Boat()
        inner = boat.mcp.asgi()

        async def app(scope, receive, send):
            who = dict(scope["headers"]).get(b"x-who")
            await inner({**scope, "fairlead.principal": who and who.decode()}, receive, send)

        async with docked(boat.mcp, app) as address, Opened(address, headers={**GET, "x-who": "ida"}) as old:
            assert (await old.post(request(1, "ping"))).status == 404
            assert (await old.post(request(1, "ping"), **{"x-who": "eve"})).status == 404
            assert (await old.post(request(1, "ping"), **{"x-who": "ida"})).status == 202

    run(talk())


def test_the_number_of_streams_is_bounded(run):
    async def talk():
        async with docked(Boat(sessions=1).mcp) as address, Opened(address), web(address) as one:
            full = await one.ask("GET", "/sse", GET)
            assert (full.status, full.code) == (503, "BUSY") and full.headers["retry-after"] == "1"

    run(talk())


def test_the_endpoint_stands_below_the_prefix_of_a_proxy(run):
    async def talk():
        boat = Boat(root_path="/boats")
        async with docked(boat.mcp) as address:
            for path, posts in (("/sse", "/boats/messages/?session_id="), ("/mcp", "/boats/mcp?session_id=")):
                async with Opened(address, path) as old:
                    assert old.post_to.startswith(posts)
                    old.post_to = old.post_to.removeprefix("/boats")  # as the proxy does
                    assert (await old.ask(request(1, "ping")))["result"] == {}

    run(talk())


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/sse", "GET, POST"),
        ("HEAD", "/sse", "GET, POST"),
        ("GET", "/messages/?session_id=x", "POST"),
        ("DELETE", "/messages", "POST"),
        ("POST", "/health", "GET, HEAD"),
    ],
)
def test_other_methods_are_405_and_say_which_are_served(run, method, path, allow):
    async def talk():
        async with docked(Boat().mcp) as address, web(address) as one:
            answer = await one.ask(method, path)
            assert answer.status == 405 and answer.headers["allow"] == allow

    run(talk())


def test_streams_end_with_the_server(run):
    async def talk():
        boat = Boat()
        async with docked(boat.mcp) as address, Opened(address) as old:
            boat.mcp.station.part()
            assert await old.stream.event() is None

    run(talk())


def test_a_reader_that_lags_holds_up_its_own_posts_alone(run):
    async def talk():
        boat = Boat(queued_bytes=65536, stall_seconds=60)
        async with docked(boat.mcp) as address, Opened(address) as old, web(address) as other:
            await old.ask(initialize("2024-11-05"))
            posted = 0
            try:
                # 1 MB a call, of which nothing is read: at some point no more is taken.
                for number in range(60):
                    async with asyncio.timeout(1 if number > 8 else WAIT):
                        await old.post(called(number, "large", {"size": 1_000_000}))
                    posted += 1
            except TimeoutError:
                pass
            assert 0 < posted < 60
            assert (await other.call("add", {"a": 1, "b": 2})).status == 200

    run(talk(), within=30)
