"""Streamable HTTP in the stateless era, over real sockets: statuses, streams, disconnects, questions."""

import asyncio
import json

import pytest

from fairlead import Context
from tests.serve.boat import Boat
from tests.serve.harbour import WAIT, docked, moored
from tests.serve.peer import CAPABILITIES, STATELESS, VERSION
from tests.serve.web import BOTH, endpoint, initialize, request, served, settled, web

LOG = "io.modelcontextprotocol/logLevel"
ELICITS = {CAPABILITIES: {"elicitation": {}}}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


async def seen(boat):
    async with asyncio.timeout(WAIT):
        return await boat.seen.get()


def text(answer) -> str:
    return answer.json["result"]["content"][0]["text"]


@pytest.mark.requirement("HTTP-03")
def test_a_request_needs_no_earlier_one_and_is_answered_in_json(run):
    async def talk():
        async with served(Boat().mcp) as one:
            answer = await one.call("add", {"a": 1, "b": 2})
            assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
            assert answer.json["result"]["structuredContent"] == {"result": 3}
            assert "mcp-session-id" not in answer.headers
            for method in ("server/discover", "tools/list", "resources/list", "prompts/list"):
                assert (await one.modern(method)).json["result"]["resultType"] == "complete"
            # A session that is named anyway changes nothing.
            assert (await one.call("add", {"a": 1, "b": 2}, headers={"mcp-session-id": "none"})).status == 200

    run(talk())


@pytest.mark.parametrize("tool", ["add", "step", "nap", "whose", "told"])
def test_plain_and_other_functions_are_answered_alike(run, tool):
    async def talk():
        async with served(Boat().mcp) as one:
            for _ in range(2):
                answer = await one.call(tool, {"a": 1, "b": 2} if tool == "add" else {})
                assert answer.status == 200
                expected = {"add": "3", "step": "stepped", "nap": "slept", "whose": "nobody's", "told": "told"}
                assert text(answer) == expected[tool]

    run(talk())


@pytest.mark.requirement("HTTP-04")
@pytest.mark.parametrize("method", ["no/such", "initialize", "ping", "logging/setLevel", "resources/subscribe", ""])
def test_a_method_that_this_version_has_not_is_404(run, method):
    async def talk():
        async with served(Boat().mcp) as one:
            answer = await one.modern(method, {"level": "info", "uri": "x:y"})
            assert (answer.status, answer.code, answer.json["id"]) == (404, -32601, 1)

    run(talk())


@pytest.mark.parametrize(
    ("method", "params", "status", "code"),
    [
        ("tools/call", {"name": "sub"}, 400, -32602),
        ("tools/call", {"name": 7}, 400, -32602),
        ("prompts/get", {"name": "sub"}, 400, -32602),
        ("prompts/get", {"name": "explain"}, 400, -32602),
        ("resources/read", {"uri": "other://x"}, 400, -32602),
        ("tools/list", {"cursor": "mine"}, 400, -32602),
        ("tools/call", {"name": "ask"}, 400, -32021),
    ],
)
def test_an_error_has_its_status(run, method, params, status, code):
    async def talk():
        async with served(Boat().mcp) as one:
            answer = await one.modern(method, params)
            assert (answer.status, answer.code) == (status, code)
            assert answer.json["id"] == 1

    run(talk())


def test_what_fails_in_a_tool_is_a_result_and_tells_nothing(run):
    async def talk():
        async with served(Boat().mcp) as one:
            for tool in ("fail", "refuse", "leap"):
                answer = await one.call(tool)
                assert answer.status == 200 and answer.json["result"]["isError"] is True
                assert b"marker" not in answer.body
            wrong = await one.call("add", {"a": "x"})
            assert wrong.status == 200 and wrong.json["result"]["isError"] is True

    run(talk())


@pytest.mark.requirement("HTTP-05")
@pytest.mark.parametrize("member", [VERSION, CAPABILITIES])
def test_a_request_without_its_meta_is_400(run, member):
    async def talk():
        async with served(Boat().mcp) as one:
            headers, body = one.stateless("tools/list")
            message = json.loads(body)
            del message["params"]["_meta"][member]
            answer = await one.ask("POST", headers=headers, body=json.dumps(message).encode())
            assert (answer.status, answer.code) == (400, -32602)
            assert member in answer.json["error"]["message"]
            del message["params"]
            answer = await one.ask("POST", headers=headers, body=json.dumps(message).encode())
            assert (answer.status, answer.code) == (400, -32602)

    run(talk())


@pytest.mark.requirement("HTTP-06")
def test_an_unknown_version_in_header_or_body_is_400_with_the_list(run):
    async def talk():
        async with served(Boat().mcp) as one:
            answer = await one.modern("tools/list", headers={"mcp-protocol-version": "2031-01-01"})
            assert (answer.status, answer.code) == (400, -32020)  # header and body disagree before all else
            answer = await one.modern(
                "tools/list", headers={"mcp-protocol-version": "2031-01-01"}, **{VERSION: "2031-01-01"}
            )
            assert (answer.status, answer.code) == (400, -32022)
            assert STATELESS in answer.json["error"]["data"]["supported"]
            assert answer.json["error"]["data"] | {"requested": "2031-01-01"} == answer.json["error"]["data"]

    run(talk())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b'{"jsonrpc":"2.0","id":1e999}', -32700),
        (b"[" * 500 + b"]" * 500, -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    ],
)
def test_a_body_that_is_no_message_is_400(run, body, code):
    async def talk():
        async with served(Boat().mcp) as one:
            for headers in ({}, {"mcp-protocol-version": STATELESS}, {"mcp-protocol-version": "2025-11-25"}):
                answer = await one.ask("POST", headers=headers, body=body)
                assert (answer.status, answer.code) == (400, code)
            assert (await one.call("add", {"a": 1, "b": 2})).status == 200

    run(talk())


@pytest.mark.requirement("HTTP-07")
def test_what_is_said_before_the_answer_makes_a_stream(run):
    async def talk():
        async with served(Boat().mcp) as one:
            answer = await one.call("told", progressToken=5)
            assert answer.streams and answer.status == 200
            assert answer.headers["cache-control"] == "no-store"
            events = await answer.rest()
            messages = [event.message for event in events]
            assert [m["method"] for m in messages[:3]] == ["notifications/progress"] * 3
            assert [m["params"]["progressToken"] for m in messages[:3]] == [5] * 3
            assert messages[3]["id"] == 1 and messages[3]["result"]["resultType"] == "complete"
            assert len(messages) == 4
            assert all(event.id is None for event in events)  # There is nothing to come back for.
            # The connection serves the next request.
            assert text(await one.call("add", {"a": 1, "b": 2})) == "3"

    run(talk())


def test_a_client_that_takes_json_alone_hears_the_answer_alone(run):
    async def talk():
        async with served(Boat().mcp) as one:
            for tool in ("told", "step", "add", "nap"):
                params = {"name": tool, "arguments": {"a": 1, "b": 2} if tool == "add" else {}}
                answer = await one.modern("tools/call", params, headers={"accept": "application/json"}, progressToken=5)
                assert answer.status == 200 and answer.headers["content-type"] == "application/json"
                assert answer.json["result"]["resultType"] == "complete"

    run(talk())


def test_a_client_that_takes_events_alone_gets_one(run):
    async def talk():
        async with served(Boat().mcp) as one:
            for tool in ("add", "told"):
                params = {"name": tool, "arguments": {"a": 1, "b": 2} if tool == "add" else {}}
                answer = await one.modern("tools/call", params, headers={"accept": "text/event-stream"})
                assert answer.streams
                [event] = await answer.rest()
                assert event.message["id"] == 1

    run(talk())


@pytest.mark.parametrize("accept", [BOTH, "application/json"])
def test_closing_the_stream_of_what_cannot_be_resumed_changes_nothing(run, accept):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            headers, body = one.stateless("tools/call", {"name": "released", "arguments": {}})
            await one.send("POST", headers={**headers, "accept": accept}, body=body)
            assert await seen(boat) == "let go"
            async with web(one.address) as other:  # The server goes on serving.
                assert text(await other.call("add", {"a": 1, "b": 2})) == "3"
            boat.go.set()
            answer = await one.answer()
            assert text(answer) == "after all"

    run(talk())


@pytest.mark.requirement("HTTP-08")
@pytest.mark.parametrize("tool", ["hold", "hold_aloud"])
@pytest.mark.parametrize("token", [{}, {"progressToken": 1}])
def test_a_client_that_leaves_cancels_its_request(run, tool, token):
    async def talk():
        boat = Boat()
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address:
            tasks = len(asyncio.all_tasks())
            async with web(address) as one:
                headers, body = one.stateless("tools/call", {"name": tool, "arguments": {}}, **token)
                await one.send("POST", headers=headers, body=body)
                assert await seen(boat) == "began"
                if tool == "hold_aloud" and token:
                    assert (await (await one.answer()).message())["method"] == "notifications/progress"
                one.drop()
                assert await seen(boat) == "cancelled"
            await settled(boat.mcp, tasks)

    run(talk())


def test_a_client_that_leaves_at_once_leaves_nothing(run):
    async def talk():
        boat = Boat()
        async with docked(boat.mcp) as address:
            tasks = len(asyncio.all_tasks())
            for tool in ("hold", "hold_aloud", "add", "told", "nap"):
                for _ in range(5):
                    async with web(address) as one:
                        headers, body = one.stateless("tools/call", {"name": tool, "arguments": {"a": 1, "b": 2}})
                        await one.send("POST", headers=headers, body=body)
                        one.drop()
            await settled(boat.mcp, tasks)

    run(talk())


def test_a_long_silent_call_is_answered_by_a_stream_that_says_it_lives(run, monkeypatch):
    monkeypatch.setattr("fairlead.serve.events._STREAM_AFTER", 0.1)
    monkeypatch.setattr("fairlead.serve.events.BEAT", 0.05)

    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            for tool in ("hold", "hold_aloud"):
                boat.go.clear()
                headers, body = one.stateless("tools/call", {"name": tool, "arguments": {}})
                await one.send("POST", headers=headers, body=body)
                answer = await one.answer()
                assert answer.streams
                async with asyncio.timeout(WAIT):
                    raw = b""
                    while raw.count(b"still here") < 2:
                        raw += await one.reader.readline()
                boat.go.set()
                one._buffer = b""
                async with asyncio.timeout(WAIT):
                    while b'"let go"' not in raw:
                        raw += await one.reader.readline()
                    await one.reader.readuntil(b"0\r\n\r\n")

    run(talk())


def test_headers_reach_the_tool(run):
    async def talk():
        async with served(Boat().mcp) as one:
            assert text(await one.call("whose", headers={"X-Boat": "Ida"})) == "Ida"
            assert text(await one.call("whose")) == "nobody's"

    run(talk())


# Listening.


@pytest.mark.requirement("HTTP-09")
def test_what_is_listened_to_comes_as_a_stream(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            answer = await one.modern(
                "subscriptions/listen",
                {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["notes://a"]}},
                id="ear",
            )
            assert answer.streams
            first = await answer.message()
            assert first["method"] == "notifications/subscriptions/acknowledged"
            assert first["params"]["_meta"] == {SUBSCRIPTION: "ear"}
            boat.mcp.disable("add")
            changed = await answer.message()
            assert changed["method"] == "notifications/tools/list_changed"
            assert changed["params"]["_meta"] == {SUBSCRIPTION: "ear"}
            boat.mcp.notify_updated("notes://b")
            boat.mcp.notify_updated("notes://a")
            assert (await answer.message())["params"]["uri"] == "notes://a"
            one.drop()

    run(talk())


def test_listening_ends_with_the_server(run):
    async def talk():
        boat = Boat(drain_seconds=5)
        with moored(boat.mcp) as address:
            async with web(address) as one:
                answer = await one.modern(
                    "subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id="ear"
                )
                await answer.message()
                asyncio.run_coroutine_threadsafe(
                    boat.mcp.station.drain(5), next(iter(boat.mcp.station.conversations)).loop
                )
                farewell = await answer.message()
                assert farewell["id"] == "ear" and farewell["result"]["resultType"] == "complete"
                assert await answer.event() is None

    run(talk())


def test_who_takes_json_alone_cannot_listen(run):
    async def talk():
        async with served(Boat().mcp) as one:
            answer = await one.modern(
                "subscriptions/listen",
                {"notifications": {"toolsListChanged": True}},
                headers={"accept": "application/json"},
            )
            assert answer.status == 406

    run(talk())


# Questions.


def responses(result, *values):
    keys = list(result["inputRequests"])
    given = {key: {"action": "accept", "content": {"n": value}} for key, value in zip(keys, values, strict=True)}
    return {"requestState": result["requestState"], "inputResponses": given}


@pytest.mark.requirement("HTTP-10")
def test_a_question_is_answered_by_a_retry_on_another_connection(run):
    async def talk():
        async with served(Boat().mcp) as one:
            first = (await one.call("ask", **ELICITS)).json["result"]
            assert first["resultType"] == "input_required"
            async with web(one.address) as other:
                answer = await other.call("ask", more=responses(first, 4), id=2, **ELICITS)
                assert text(answer) == "accept {'n': 4}" and answer.json["id"] == 2

    run(talk())


def test_several_questions_travel_side_by_side_or_one_after_another(run):
    async def talk():
        async with served(Boat().mcp) as one:
            both = (await one.call("ask_both", **ELICITS)).json["result"]
            assert len(both["inputRequests"]) == 2
            answer = await one.call("ask_both", more=responses(both, 1, 2), id=2, **ELICITS)
            assert text(answer) == "{'n': 1} {'n': 2}"
            first = (await one.call("ask_twice", **ELICITS)).json["result"]
            async with web(one.address) as other:
                second = (await other.call("ask_twice", more=responses(first, 3), id=3, **ELICITS)).json["result"]
            assert second["resultType"] == "input_required"
            answer = await one.call("ask_twice", more=responses(second, 4), id=4, **ELICITS)
            assert text(answer) == "{'n': 3} {'n': 4}"

    run(talk())


def test_a_retry_whose_client_leaves_ends_the_call(run):
    async def talk():
        boat = Boat()

        @boat.mcp.tool
        async def ask_and_hold(ctx: Context) -> str:
            await ctx.elicit("?", {"type": "object", "properties": {"n": {"type": "integer"}}})
            return await boat._wait()

        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address:
            async with web(address) as one:
                first = (await one.call("ask_and_hold", **ELICITS)).json["result"]
                headers, body = one.stateless(
                    "tools/call",
                    {"name": "ask_and_hold", "arguments": {}, **responses(first, 1)},
                    **ELICITS,
                )
                await one.send("POST", headers=headers, body=body)
                assert await seen(boat) == "began"
                one.drop()
                assert await seen(boat) == "cancelled"
            assert endpoint(app)._station.parking.__len__() == 0

    run(talk())


# What a server is asked for, and what it is not.


@pytest.mark.parametrize("method", ["sampling/create", "sampling/complete", "sampling/createMessage"])
def test_sampling_asked_of_the_server_is_told_whose_it_is(run, method):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            answer = await one.post(request(5, method, {}))
            assert answer.code == -32601
            assert "its client" in answer.json["error"]["data"]["next"]
            assert "tools/call" in answer.json["error"]["data"]["next"]
            modern = await one.modern(method)
            assert (modern.status, modern.code) == (404, -32601)
            assert "its client" in modern.json["error"]["data"]["next"]

    run(talk())


def test_roots_asked_of_the_server_are_none(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            assert (await one.post(request(5, "roots/list"))).json["result"] == {"roots": []}

    run(talk())


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/mcp//"])
def test_a_trailing_slash_does_not_matter(run, path):
    async def talk():
        async with served(Boat().mcp) as one:
            headers, body = one.stateless("tools/list")
            assert (await one.ask("POST", path, headers, body)).status == 200
            hello = await one.ask("POST", path, {}, json.dumps(initialize()).encode())
            assert hello.status == 200 and hello.headers["mcp-session-id"]

    run(talk())


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH"])
def test_other_methods_are_405_and_say_which_are_served(run, method):
    async def talk():
        async with served(Boat().mcp) as one:
            answer = await one.ask(method)
            assert answer.status == 405 and answer.headers["allow"] == "POST, GET, DELETE"
        async with served(Boat(stateless_http=True).mcp) as one:
            for also in (method, "GET", "DELETE"):
                answer = await one.ask(also)
                assert answer.status == 405 and answer.headers["allow"] == "POST"

    run(talk())


# Handshake clients where no sessions are kept.


@pytest.mark.requirement("HTTP-26")
def test_without_sessions_a_handshake_client_is_served_all_the_same(run):
    async def talk():
        boat = Boat(stateless_http=True)
        async with served(boat.mcp) as one:
            hello = await one.post(initialize())
            assert hello.status == 200 and "mcp-session-id" not in hello.headers
            assert (await one.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).status == 202
            version = {"mcp_protocol_version": "2025-11-25"}
            answer = await one.post(request(1, "tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}), **version)
            assert answer.json["result"]["structuredContent"] == {"result": 3}
            assert (
                "structuredContent"
                not in (await one.post(request(1, "tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}))).json[
                    "result"
                ]
            )  # Who names no version speaks 2025-03-26.
            asked = await one.post(request(2, "tools/call", {"name": "ask", "arguments": {}}), **version)
            assert asked.json["result"]["isError"] is True
            assert (await one.listen()).status == 405
            assert (await one.call("add", {"a": 1, "b": 2})).status == 200
            batch = await one.post([request(1, "ping"), request(2, "ping")])
            assert {answer["id"] for answer in batch.json} == {1, 2}
        assert not boat.mcp.station.conversations

    run(talk())
