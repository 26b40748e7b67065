"""Streamable HTTP in the handshake era, over real sockets: sessions, their streams, their ends."""

import asyncio
import json

import pytest

from tests.serve.boat import Boat
from tests.serve.harbour import WAIT, docked
from tests.serve.web import called, endpoint, initialize, open_sessions, request, served, settled, web

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
OLD = "2025-06-18"


async def seen(boat):
    async with asyncio.timeout(WAIT):
        return await boat.seen.get()


def text(message) -> str:
    return message["result"]["content"][0]["text"]


def accepted(n: int):
    return {"action": "accept", "content": {"n": n}}


async def until(condition):
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.005)


# Lifecycle.


@pytest.mark.requirement("HTTP-11")
def test_a_handshake_opens_a_session_and_delete_ends_it(run):
    async def talk():
        boat = Boat()
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one:
            hello = await one.shake()
            assert hello.json["result"]["protocolVersion"] == "2025-11-25"
            assert one.session and len(one.session) >= 22 and one.session.isascii()
            async with web(address, one) as other:
                answer = await other.post(called(1, "add", {"a": 1, "b": 2}))
                assert text(answer.json) == "3" and "resultType" not in answer.json["result"]
            ended = await one.ask(
                "DELETE", headers={"mcp-session-id": one.session, "mcp-protocol-version": one.version}
            )
            assert (ended.status, ended.body) == (204, b"")
            assert (await one.post(request(2, "ping"))).status == 404
            assert (await one.listen()).status == 404
            again = await one.ask("DELETE", headers={"mcp-session-id": one.session})
            assert again.status == 404 and open_sessions(app) == 0
            assert not boat.mcp.station.conversations

    run(talk())


@pytest.mark.requirement("HTTP-12")
def test_a_request_without_a_session_is_400_and_one_of_another_404(run):
    async def talk():
        async with served(Boat().mcp) as one:
            for message in (request(1, "tools/list"), INITIALIZED, {"jsonrpc": "2.0", "id": 4, "result": {}}):
                for version in ({}, {"mcp_protocol_version": "2025-11-25"}):
                    answer = await one.post(message, **version)
                    assert answer.status == 400, (message, answer)
                    assert (await one.post(message, mcp_session_id="guessed", **version)).status == 404
            assert (await one.listen()).status in (400, 404)
            assert (await one.ask("DELETE")).status == 400

    run(talk())


def test_a_session_that_is_named_twice_is_refused(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            pairs = [("mcp-session-id", one.session), ("mcp-session-id", "other")]
            assert (await one.ask("POST", headers=pairs, body=json.dumps(request(1, "ping")).encode())).status == 400

    run(talk())


@pytest.mark.requirement("HTTP-13")
def test_a_session_is_of_the_caller_who_opened_it(run):
    async def talk():
        boat = Boat()
        inner = boat.mcp.asgi()

        async def app(scope, receive, send):
            who = dict(scope["headers"]).get(b"x-who")
            await inner({**scope, "fairlead.principal": who and who.decode()}, receive, send)

        async with docked(boat.mcp, app) as address, web(address) as one:
            mine = {"x_who": "ida"}
            one.session = (await one.post(initialize(), **mine)).headers["mcp-session-id"]
            assert (await one.post(request(1, "ping"), **mine)).status == 200
            for who in ({"x_who": "eve"}, {}):
                assert (await one.post(request(1, "ping"), **who)).status == 404
                assert (await one.listen(**who)).status == 404
            assert (await one.ask("DELETE", headers={"mcp-session-id": one.session, "x-who": "eve"})).status == 404
            assert (await one.post(request(1, "ping"), **mine)).status == 200

    run(talk())


@pytest.mark.requirement("HTTP-14")
def test_notifications_and_responses_are_taken_with_202(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            for message in (
                INITIALIZED,
                {"jsonrpc": "2.0", "method": "notifications/unknown"},
                {"jsonrpc": "2.0", "id": 99, "result": {}},
                {"jsonrpc": "2.0", "id": 99, "error": {"code": 1, "message": "x"}},
            ):
                answer = await one.post(message)
                assert (answer.status, answer.body) == (202, b"")

    run(talk())


@pytest.mark.requirement("HTTP-15")
def test_the_version_header_of_a_session_is_one_that_is_served(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake(OLD)
            for good in (None, OLD, f" {OLD} "):
                assert (await one.post(request(1, "ping"), mcp_protocol_version=good)).status == 200
            for bad in ("2031-01-01", "x", ""):
                answer = await one.post(request(1, "ping"), mcp_protocol_version=bad)
                assert (answer.status, answer.code) == (400, -32022)
                assert OLD in answer.json["error"]["data"]["supported"]
                assert (await one.listen(mcp_protocol_version=None)).status == 200
                break
            one.drop()

    run(talk())


def test_an_unknown_version_is_answered_with_one_that_is_served(run):
    async def talk():
        async with served(Boat().mcp) as one:
            hello = await one.post(initialize("1999-01-01"))
            assert hello.status == 200 and hello.json["result"]["protocolVersion"] == "2025-11-25"
            assert hello.headers["mcp-session-id"]

    run(talk())


def test_an_initialize_that_is_wrong_opens_no_session(run):
    async def talk():
        boat = Boat()
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one:
            answer = await one.post(request(1, "initialize", {"protocolVersion": 7}))
            assert (answer.status, answer.code) == (400, -32602) and "mcp-session-id" not in answer.headers
            assert open_sessions(app) == 0 and not boat.mcp.station.conversations

    run(talk())


@pytest.mark.requirement("HTTP-16")
def test_errors_of_a_session_are_results_of_a_request_that_went_well(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            for method, code in (("no/such", -32601), ("server/discover", -32601), ("tools/call", -32602)):
                answer = await one.post(request(1, method, {}))
                assert (answer.status, answer.code) == (200, code), method

    run(talk())


def test_a_session_hears_the_headers_of_its_newest_request(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            assert text((await one.post(called(1, "whose"), x_boat="Ida")).json) == "Ida"
            assert text((await one.post(called(1, "whose"))).json) == "nobody's"

    run(talk())


def test_a_stateless_body_in_a_session_needs_its_headers(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            headers, body = one.stateless("tools/list")
            answer = await one.post(body)
            assert (answer.status, answer.code) == (400, -32020)
            answer = await one.ask("POST", headers={**headers, "mcp-session-id": one.session}, body=body)
            assert answer.status == 200

    run(talk())


# Batches.


@pytest.mark.requirement("HTTP-17")
def test_a_batch_is_answered_where_the_version_has_batches(run):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake("2025-03-26")
            answer = await one.post([request(1, "ping"), called(2, "add", {"a": 1, "b": 2}), INITIALIZED, 7])
            assert answer.status == 200 and {member.get("id") for member in answer.json} == {1, 2, None}
            assert (await one.post([INITIALIZED, INITIALIZED])).status == 202
            assert (await one.post([])).status == 400
            streamed = await one.post([called(1, "told", _meta={"progressToken": 1}), request(2, "ping")])
            assert streamed.streams
            events = await streamed.rest()
            assert len(events) == 4 and {member["id"] for member in events[-1].message} == {1, 2}
        for version in (OLD, "2025-11-25"):
            async with served(Boat().mcp) as one:
                await one.shake(version)
                answer = await one.post([request(1, "ping")])
                assert (answer.status, answer.code) == (400, -32600)

    run(talk())


def test_initialize_never_stands_in_a_batch(run):
    async def talk():
        boat = Boat()
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one:
            answer = await one.post([initialize("2025-03-26")])
            assert answer.json[0]["error"]["code"] == -32600 and open_sessions(app) == 0

    run(talk())


def test_a_batch_of_a_stateless_client_is_400(run):
    async def talk():
        async with served(Boat().mcp) as one:
            headers, body = one.stateless("tools/list")
            answer = await one.ask("POST", headers=headers, body=b"[" + body + b"]")
            assert (answer.status, answer.code) == (400, -32600)

    run(talk())


def test_cancelling_the_last_of_a_batch_sends_the_rest_where_it_belongs(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake("2025-03-26")
            await one.send_post([request(1, "ping"), called(2, "hold")])
            assert await seen(boat) == "began"
            async with web(one.address, one) as other:
                cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
                assert (await other.post(cancel)).status == 202
            answer = await one.answer()
            assert [member["id"] for member in answer.json] == [1]
            assert await seen(boat) == "cancelled"

    run(talk())


# Streams of POSTs.


@pytest.mark.requirement("HTTP-18")
@pytest.mark.parametrize(
    ("tool", "method", "result", "said"),
    [
        ("ask", "elicitation/create", accepted(4), "accept {'n': 4}"),
        (
            "sample",
            "sampling/createMessage",
            {"role": "assistant", "model": "m", "content": {"type": "text", "text": "ahoy"}},
            "ahoy",
        ),
    ],
)
def test_a_question_of_the_server_comes_over_the_stream_of_its_request(run, tool, method, result, said):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake(elicitation={}, sampling={})
            stream = await one.post(called(1, tool))
            assert stream.streams
            question = await stream.message()
            assert question["method"] == method
            async with web(one.address, one) as other:
                answer = await other.post({"jsonrpc": "2.0", "id": question["id"], "result": result})
                assert answer.status == 202
            [last] = await stream.rest()
            assert text(last.message) == said

    run(talk())


@pytest.mark.requirement("HTTP-19")
def test_leaving_is_no_cancel_and_the_rest_is_kept(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            async with web(one.address, one) as other:
                stream = await other.post(called(1, "hold_aloud", _meta={"progressToken": 1}))
                primer = await stream.any_event()
                progress = await stream.event()
                other.drop()
            await until(lambda: all(j.reader is None for j in the_session(boat).store.journals.values()))
            boat.go.set()
            async with web(one.address, one) as third:
                resumed = await third.listen(last_event_id=progress.id)
                [last] = await resumed.rest()
                assert text(last.message) == "let go"
                whole = await third.listen(last_event_id=primer.id)
                events = await whole.rest()
                assert [event.id for event in events] == [progress.id, last.id]
                assert (await (await third.listen(last_event_id=last.id)).rest()) == []
            assert await seen(boat) == "began" and boat.seen.empty()

    run(talk())


def the_session(boat):
    return next(iter(boat.mcp.station.conversations))


@pytest.mark.parametrize("tool", ["hold", "hold_aloud"])
def test_leaving_before_anything_was_said_lets_the_call_run_on(run, tool):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            async with web(one.address, one) as other:
                await other.send_post(called(1, tool))
                assert await seen(boat) == "began"
                other.drop()
            await asyncio.sleep(0.1)  # Time in which the absence is noticed.
            assert boat.mcp.station.in_flight() == 1 and boat.seen.empty()
            boat.go.set()
            await until(lambda: boat.mcp.station.in_flight() == 0)

    run(talk())


@pytest.mark.requirement("HTTP-20")
@pytest.mark.parametrize("tool", ["hold", "hold_aloud"])
@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "application/json"])
def test_a_cancelled_request_ends_without_an_answer(run, tool, accept):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            async with web(one.address, one) as other:
                await other.send_post(called(7, tool), accept=accept)
                assert await seen(boat) == "began"
                cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
                assert (await one.post(cancel)).status == 202
                assert await seen(boat) == "cancelled"
                answer = await other.answer()
                if answer.streams:
                    assert await answer.rest() == []
                else:
                    assert (answer.status, answer.body) == (202, b"")
                # The connection goes on.
                assert (await other.post(request(8, "ping"))).status == 200

    run(talk())


@pytest.mark.requirement("HTTP-21")
def test_a_stream_that_the_tool_gave_back_is_taken_up_again(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            stream = await one.post(called(1, "released", {"words": 2}))
            primer = await stream.any_event()
            assert primer.id and not primer.data
            assert await stream.event() is None
            assert await seen(boat) == "let go"
            boat.go.set()
            resumed = await one.listen(last_event_id=primer.id)
            events = await resumed.rest()
            assert [event.message.get("method") for event in events] == ["notifications/message"] * 2 + [None]
            assert text(events[-1].message) == "after all"

    run(talk())


def test_a_client_that_takes_json_alone_is_not_let_go(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            await one.send_post(called(1, "released"), accept="application/json")
            assert await seen(boat) == "let go"
            async with web(one.address, one) as other:
                assert (await other.post(request(2, "ping"))).status == 200
            boat.go.set()
            assert text((await one.answer()).json) == "after all"

    run(talk())


@pytest.mark.requirement("HTTP-22")
@pytest.mark.parametrize(("version", "primed"), [("2025-03-26", False), (OLD, False), ("2025-11-25", True)])
def test_a_stream_begins_with_an_event_without_data_where_the_version_has_it(run, version, primed):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake(version)
            stream = await one.post(called(1, "told", _meta={"progressToken": 1}))
            first = await stream.any_event()
            assert bool(first.data) is not primed and first.id
            await stream.rest()
            async with web(one.address, one) as other:
                ear = await other.listen()
                if primed:
                    assert (await ear.any_event()).data == ""

    run(talk())


# The session's own stream.


@pytest.mark.requirement("HTTP-23")
def test_a_session_has_one_stream_of_its_own_at_a_time(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            async with web(one.address, one) as ear:
                stream = await ear.listen()
                assert stream.streams
                taken = await one.listen()
                assert (taken.status, taken.code) == (409, "STREAM_TAKEN")
                boat.mcp.disable("add")
                assert (await stream.message())["method"] == "notifications/tools/list_changed"
                ear.drop()
            await until(lambda: the_session(boat).standalone().reader is None)
            async with web(one.address, one) as ear:
                assert (await ear.listen()).status == 200

    run(talk())


@pytest.mark.requirement("HTTP-24")
def test_what_happens_while_nobody_listens_is_kept_and_never_repeated(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            boat.mcp.disable("add")
            boat.mcp.enable("add")
            last = None
            for _ in range(2):
                async with web(one.address, one) as ear:
                    stream = await ear.listen()
                    got = [await stream.event(), await stream.event()]
                    ids = [event.id for event in got]
                    assert ids != last and len(set(ids)) == 2
                    last = ids
                    ear.drop()
                await until(lambda: the_session(boat).standalone().reader is None)
                boat.mcp.disable("add")
                boat.mcp.enable("add")
            async with web(one.address, one) as ear:
                again = await ear.listen(last_event_id=last[0])
                assert (await again.event()).id == last[1]

    run(talk())


@pytest.mark.parametrize("wrong", ["x", "", "1", "1-", "-1", "99-1", "1-99", "1-1-1", "²-²", "1" * 50 + "-1"])
def test_an_event_that_is_not_kept_is_refused(run, wrong):
    async def talk():
        async with served(Boat().mcp) as one:
            await one.shake()
            answer = await one.listen(last_event_id=wrong.encode().decode("latin-1"))
            assert (answer.status, answer.code) == (400, "EVENT_NOT_FOUND")

    run(talk())


def test_each_message_goes_over_one_stream_alone(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            async with web(one.address, one) as ear, web(one.address, one) as other:
                heard = await ear.listen()
                await other.send_post(called(1, "told", _meta={"progressToken": 1}))
                told = await (await other.answer()).rest()
                assert len(told) == 4
                boat.mcp.disable("add")
                # The first that comes here is of nobody's request.
                assert (await heard.message())["method"] == "notifications/tools/list_changed"
                ids = {event.id for event in told}
                assert len(ids) == 4

    run(talk())


def test_a_reader_who_gets_a_stream_elsewhere_ends_the_older_one(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            async with web(one.address, one) as ear:
                stream = await ear.listen()
                boat.mcp.disable("add")
                event = await stream.event()
                newer = await one.listen(last_event_id=event.id)
                assert await stream.event() is None
                boat.mcp.enable("add")
                assert (await newer.message())["method"] == "notifications/tools/list_changed"
                one.drop()

    run(talk())


# Bounds.


@pytest.mark.requirement("HTTP-25")
def test_an_idle_session_ends(run):
    async def talk():
        boat = Boat(session_idle=0.1)
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one:
            await one.shake()
            await until(lambda: open_sessions(app) == 0)
            assert (await one.post(request(1, "ping"))).status == 404
            assert not boat.mcp.station.conversations

    run(talk())


@pytest.mark.parametrize("busy", ["call", "stream", "journal"])
def test_a_session_that_is_used_does_not_end(run, busy):
    async def talk():
        boat = Boat(session_idle=0.1)
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one, web(address) as ear:
            await one.shake()
            ear.session, ear.version = one.session, one.version
            if busy == "call":
                await ear.send_post(called(1, "hold"))
            elif busy == "stream":
                await ear.listen()
            else:
                stream = await ear.post(called(1, "hold_aloud", _meta={"progressToken": 1}))
                await stream.event()
            await asyncio.sleep(0.35)
            assert (await one.post(request(2, "ping"))).status == 200
            ear.drop()
            boat.go.set()
            await until(lambda: open_sessions(app) == 0)

    run(talk())


@pytest.mark.requirement("HTTP-27")
def test_the_number_of_sessions_is_bounded(run):
    async def talk():
        boat = Boat(sessions=2)
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one, web(address) as two, web(address) as three:
            await one.shake()
            await two.shake()
            full = await three.post(initialize())
            assert (full.status, full.code) == (503, -31001) and full.headers["retry-after"] == "1"
            assert full.json["error"]["data"]["limit"] == 2 and "mcp-session-id" not in full.headers
            assert len(boat.mcp.station.conversations) == 2
            assert (await three.call("add", {"a": 1, "b": 2})).status == 200
            assert (await one.ask("DELETE", headers={"mcp-session-id": one.session})).status == 204
            await three.shake()

    run(talk())


@pytest.mark.requirement("HTTP-24")
def test_what_is_kept_is_bounded_and_what_fell_out_is_refused(run):
    async def talk():
        boat = Boat()
        async with served(boat.mcp) as one:
            await one.shake()
            stream = await one.post(called(1, "told", {"times": 300, "size": 8_000}, _meta={"progressToken": 1}))
            events = await stream.rest()
            assert len(events) == 301
            journal = max(the_session(boat).store.journals.values(), key=lambda one: len(one.events))
            assert sum(len(event.frame) for event in journal.events) <= 1024 * 1024
            assert (await one.listen(last_event_id=events[0].id)).code == "EVENT_NOT_FOUND"
            kept = await one.listen(last_event_id=events[-3].id)
            assert [event.id for event in await kept.rest()] == [event.id for event in events[-2:]]

    run(talk())


def test_a_session_that_ends_ends_what_is_open(run):
    async def talk():
        boat = Boat()
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one, web(address) as two, web(address) as three:
            tasks = len(asyncio.all_tasks())
            await one.shake()
            for other in (two, three):
                other.session, other.version = one.session, one.version
            ear = await two.listen()
            await three.send_post(called(1, "hold_aloud", _meta={"progressToken": 1}))
            stream = await three.answer()
            await stream.event()
            assert (await one.ask("DELETE", headers={"mcp-session-id": one.session})).status == 204
            assert await ear.event() is None
            assert await stream.event() is None
            assert [await seen(boat), await seen(boat)] == ["began", "cancelled"]
            await settled(boat.mcp, tasks + 3)

    run(talk())


def test_streams_end_with_the_server(run):
    async def talk():
        boat = Boat()
        app = boat.mcp.asgi()
        async with docked(boat.mcp, app) as address, web(address) as one, web(address) as two:
            await one.shake()
            two.session, two.version = one.session, one.version
            ear = await two.listen()
            boat.mcp.station.part()
            assert await ear.event() is None
            endpoint(app).close()
            assert open_sessions(app) == 0 and not boat.mcp.station.conversations
            boat.mcp.station.closing = True
            refused = await one.call("add", {"a": 1, "b": 2})
            assert (refused.status, refused.code) == (503, -31004)

    run(talk())


def test_a_cancelled_call_leaves_the_task_of_its_request_as_it_was(run):
    async def talk():
        boat = Boat()
        inner = boat.mcp.asgi()
        left = []

        async def app(scope, receive, send):
            await inner(scope, receive, send)
            left.append(asyncio.current_task().cancelling())

        async with docked(boat.mcp, app) as address, web(address) as one, web(address) as other:
            await one.shake()
            other.session, other.version = one.session, one.version
            await other.send_post(called(7, "hold"))
            assert await seen(boat) == "began"
            await one.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
            assert (await other.answer()).status == 200
            await until(lambda: len(left) == 4)
            assert left == [0] * 4

    run(talk())
