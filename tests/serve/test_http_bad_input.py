"""What nobody should send: each is refused with its status, ends alone, and leaves nothing behind."""

import asyncio
import gc
import json
from contextlib import asynccontextmanager

import pytest

from fairlead import Context
from fairlead.guard.protocol import GuardedHttp
from tests.serve.boat import Boat
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import STATELESS
from tests.serve.web import called, endpoint, initialize, request, settled, web

JSON = {"content-type": "application/json"}
PING = json.dumps(request(1, "ping")).encode()


@asynccontextmanager
async def afloat(**settings):
    """A server and a connection; afterwards it serves on, and no task, session or conversation is left."""
    boat = Boat(**settings)
    app = boat.mcp.asgi()
    async with docked(boat.mcp, app) as address:
        tasks = len(asyncio.all_tasks())
        async with web(address) as one:
            yield boat, one
        await settled(boat.mcp, tasks)
        assert len(endpoint(app)._http.sessions) == len(endpoint(app)._sse) == 0
        async with web(address) as two:
            assert (await two.call("add", {"a": 1, "b": 2})).status == 200


@pytest.mark.requirement("HTTP-29")
@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("path", ["/mcp", "/messages/?session_id=x", "/mcp?session_id=x"])
def test_a_body_of_another_kind_is_415(run, kind, path):
    async def talk():
        async with afloat() as (_, one):
            answer = await one.ask("POST", path, {"content-type": kind}, PING)
            assert answer.status == (415 if path == "/mcp" else 404)

    run(talk())


@pytest.mark.requirement("HTTP-29")
@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", ""])
def test_a_client_that_takes_neither_json_nor_events_is_406(run, accept):
    async def talk():
        async with afloat() as (_, one):
            assert (await one.ask("POST", headers={"accept": accept}, body=PING)).status == 406
            for path in ("/mcp", "/sse"):
                assert (await one.ask("GET", path, {"accept": accept})).status == 406
            version = {"accept": "application/json", "mcp-protocol-version": "2025-11-25"}
            assert (await one.ask("GET", headers=version)).status == 406

    run(talk())


@pytest.mark.requirement("HTTP-06")
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_an_unknown_version_is_400_with_the_list(run, method):
    async def talk():
        async with afloat() as (_, one):
            headers = {"mcp-protocol-version": "1.0", "mcp-session-id": "x", "accept": "*/*"}
            answer = await one.ask(method, headers=headers, body=PING if method == "POST" else None)
            assert (answer.status, answer.code) == (400, -32022)
            assert answer.json["error"]["data"]["supported"][-1] == STATELESS

    run(talk())


@pytest.mark.requirement("HTTP-30")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("DELETE", "/mcp"),
        ("OPTIONS", "/mcp"),
        ("GET", "/sse"),
        ("POST", "/messages/?session_id=x"),
        ("POST", "/mcp?session_id=x"),
        ("GET", "/health"),
        ("GET", "/nowhere"),
    ],
)
def test_a_foreign_origin_is_403_and_a_foreign_host_421_everywhere(run, method, path):
    async def talk():
        async with afloat() as (_, one):
            body = PING if method == "POST" else None
            assert (await one.ask(method, path, {"origin": "https://evil.example"}, body)).status == 403
            assert (await one.ask(method, path, {"host": "evil.example"}, body)).status == 421
            assert (await one.ask(method, path, {"origin": "null"}, body)).status == 403

    run(talk())


@pytest.mark.requirement("HTTP-31")
@pytest.mark.parametrize("path", ["/mcp", "/messages"])
def test_a_body_that_is_too_long_is_413_declared_or_not(run, path):
    async def talk():
        async with afloat(frame_bytes=2048) as (_, one):
            where = path
            if path == "/messages":
                ear = web(one.address)
                stream = await (await ear.__aenter__()).ask("GET", "/sse", {})
                where = (await stream.event()).data
            # Declared: answered before any of it comes.
            await one.send("POST", where, {**JSON, "content-length": str(1 << 30)})
            answer = await one.answer()
            assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE") and answer.json["error"]["limit"] == 2048
            async with web(one.address) as two:
                await two.send("POST", where, {**JSON, "transfer-encoding": "chunked"})
                await two.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await two.write(b"401\r\n" + b"x" * 1025 + b"\r\n")
                assert (await two.answer()).status == 413
            if path == "/messages":
                await ear.__aexit__(None, None, None)

    run(talk())


@pytest.mark.requirement("HTTP-31")
@pytest.mark.parametrize("sent", [b"", b'{"jsonrpc"'])
@pytest.mark.parametrize("framing", ["content-length: 40", "transfer-encoding: chunked"])
def test_a_body_that_is_half_sent_is_408_and_ends_the_connection(run, sent, framing):
    async def talk():
        async with afloat(body_seconds=0.2) as (_, one):
            name, _, value = framing.partition(": ")
            await one.send("POST", "/mcp", {**JSON, name: value})
            if sent:
                await one.write(sent if name == "content-length" else b"%x\r\n%b\r\n" % (len(sent), sent))
            answer = await one.answer()
            assert (answer.status, answer.code) == (408, "BODY_TIMEOUT")
            assert answer.headers["connection"] == "close"
            assert await one.ended() == b""

    run(talk())


@pytest.mark.parametrize("after", [0, 10])
def test_a_client_that_leaves_in_its_body_leaves_nothing(run, after):
    async def talk():
        async with afloat() as (_, one):
            await one.send("POST", "/mcp", {**JSON, "content-length": "40"})
            await one.write(b"x" * after)
            one.drop()

    run(talk())


# A reader that stops.


async def given_up(one):
    """The connection was ended by the server, although much was still to be read."""
    async with asyncio.timeout(WAIT):
        try:
            while await one.reader.read(65536):
                pass
        except ConnectionError:
            return


@asynccontextmanager
async def deaf(address, like=None):
    """A connection whose little room is never emptied."""
    async with web(address, like, limit=1024) as one:
        one.writer.transport.pause_reading()
        yield one


@pytest.mark.requirement("HTTP-32")
def test_who_reads_no_stream_is_dropped_and_its_call_ended(run):
    async def talk():
        async with afloat(stall_seconds=0.2, queued_bytes=65536) as (boat, one):
            async with deaf(one.address) as two:
                headers, body = two.stateless(
                    "tools/call", {"name": "told", "arguments": {"times": 4000, "size": 10_000}}, progressToken=1
                )
                await two.send("POST", headers=headers, body=body)
                async with asyncio.timeout(WAIT):
                    while not boat.mcp.station.conversations:
                        await asyncio.sleep(0.01)
                    while boat.mcp.station.conversations:
                        await asyncio.sleep(0.01)
                    while lines() > 1:  # Its connection is gone although it reads nothing.
                        await asyncio.sleep(0.01)
                two.writer.transport.resume_reading()
                await given_up(two)

    run(talk(), within=20)


def lines() -> int:
    """Connections that the server holds."""
    found = [one for one in gc.get_objects() if type(one) is GuardedHttp]
    return sum(one.parser is not None for one in found)


LONG = "notes://" + "x" * 100_000
"""The name of a resource, which stands in each message that tells of a change."""


async def flood(boat, until):
    """Tell of changes until the listener is gone."""
    async with asyncio.timeout(WAIT):
        while not until():
            boat.mcp.notify_updated(LONG)
            await asyncio.sleep(0.005)


@pytest.mark.requirement("HTTP-32")
def test_who_listens_in_a_session_and_does_not_read_is_dropped_and_may_come_back(run):
    async def talk():
        async with afloat(stall_seconds=0.2, queued_bytes=65536) as (boat, one):
            await one.shake()
            assert (await one.post(request(1, "resources/subscribe", {"uri": LONG}))).json["result"] == {}
            named = {"mcp-session-id": one.session, "mcp-protocol-version": one.version}
            [session] = boat.mcp.station.conversations
            async with deaf(one.address) as two:
                await two.send("GET", headers={**named, "accept": "text/event-stream"})
                async with asyncio.timeout(WAIT):
                    while session.standalone().reader is None:
                        await asyncio.sleep(0.01)
                await flood(boat, lambda: session.standalone().reader is None)
                two.writer.transport.resume_reading()
                await given_up(two)
            async with web(one.address, one) as three:
                assert (await (await three.listen()).message())["params"]["uri"] == LONG
            assert (await one.ask("DELETE", headers=named)).status == 204

    run(talk(), within=20)


@pytest.mark.requirement("HTTP-32")
def test_who_opens_a_stream_of_the_first_version_and_does_not_read_is_dropped(run):
    async def talk():
        async with afloat(stall_seconds=0.2, queued_bytes=65536) as (boat, one):
            async with web(one.address, limit=1024) as two:
                where = (await (await two.ask("GET", "/sse", {})).event()).data
                two.writer.transport.pause_reading()
                for message in (
                    initialize("2024-11-05"),
                    {"jsonrpc": "2.0", "method": "notifications/initialized"},
                    request(1, "resources/subscribe", {"uri": LONG}),
                ):
                    assert (await one.ask("POST", where, {}, json.dumps(message).encode())).status == 202
                await flood(boat, lambda: not boat.mcp.station.conversations)
                two.writer.transport.resume_reading()
                await given_up(two)

    run(talk(), within=20)


@pytest.mark.requirement("HTTP-32")
def test_who_does_not_read_a_large_answer_is_dropped(run):
    async def talk():
        async with afloat(stall_seconds=0.2) as (boat, one):
            async with deaf(one.address) as two:
                headers, body = two.stateless("tools/call", {"name": "large", "arguments": {"size": 8_000_000}})
                await two.send("POST", headers=headers, body=body)
                await two.send("POST", headers=headers, body=body)
                async with asyncio.timeout(WAIT):
                    while not boat.mcp.station.conversations:
                        await asyncio.sleep(0.01)
                    while boat.mcp.station.conversations:
                        await asyncio.sleep(0.01)
                two.writer.transport.resume_reading()
                await given_up(two)

    run(talk(), within=30)


@pytest.mark.requirement("HTTP-32")
def test_a_call_waits_for_its_reader_instead_of_filling_memory(run):
    async def talk():
        async with afloat(stall_seconds=60, queued_bytes=65536) as (boat, one):
            poured = 0

            @boat.mcp.tool
            async def pour(ctx: Context) -> None:
                nonlocal poured
                for number in range(1, 6001):
                    await ctx.progress(number, 6000, "y" * 10_000)
                    poured = number

            async with deaf(one.address) as two:
                headers, body = two.stateless("tools/call", {"name": "pour", "arguments": {}}, progressToken=1)
                await two.send("POST", headers=headers, body=body)
                before = -1
                async with asyncio.timeout(WAIT):
                    while poured == 0 or poured != before:
                        before = poured
                        await asyncio.sleep(0.2)
                # What the system and our bound hold of 60 MB.
                assert poured < 3000
                [conversation] = boat.mcp.station.conversations
                [call] = conversation.session.calls.values()
                assert call.route.queued < 65536 + 2 * 10_200

    run(talk(), within=20)


@pytest.mark.requirement("HTTP-32")
def test_what_waits_for_a_listener_that_does_not_read_is_bounded_before_its_time_is_up(run):
    async def talk():
        async with afloat(stall_seconds=60, queued_bytes=65536) as (boat, one):
            await one.shake()
            await one.post(request(1, "resources/subscribe", {"uri": LONG}))
            named = {"mcp-session-id": one.session, "mcp-protocol-version": one.version}
            [session] = boat.mcp.station.conversations
            async with deaf(one.address) as two:
                await two.send("GET", headers={**named, "accept": "text/event-stream"})
                async with asyncio.timeout(WAIT):
                    while session.standalone().reader is None:
                        await asyncio.sleep(0.01)
                reader = session.standalone().reader
                await flood(boat, lambda: reader.gone)
                assert reader.queued == 0
                kept = sum(len(event.frame) for event in session.standalone().events)
                assert kept <= 1024 * 1024
            assert (await one.ask("DELETE", headers=named)).status == 204

    run(talk(), within=20)


def test_a_slow_reader_is_no_reader_that_stopped(run):
    async def talk():
        async with afloat(stall_seconds=0.3, queued_bytes=65536) as (_, one):
            async with web(one.address, limit=4096) as two:
                headers, body = two.stateless(
                    "tools/call", {"name": "told", "arguments": {"times": 400, "size": 10_000}}, progressToken=1
                )
                await two.send("POST", headers=headers, body=body)
                read = b""
                async with asyncio.timeout(20):
                    while b'"resultType":"complete"' not in read[-400:]:
                        piece = await two.reader.read(65536)
                        assert piece, "a slow reader was dropped"
                        read = read[-400:] + piece
                        await asyncio.sleep(0.02)

    run(talk(), within=30)


def test_more_than_may_run_at_once_is_refused_and_the_rest_answered(run):
    async def talk():
        boat = Boat(in_flight=2)
        async with docked(boat.mcp) as address, web(address) as one:
            await one.shake()
            others = [web(address, one) for _ in range(3)]
            lines = [await other.__aenter__() for other in others]
            for number, line in enumerate(lines[:2]):
                await line.send_post(called(number, "hold"))
                async with asyncio.timeout(WAIT):
                    assert await boat.seen.get() == "began"
            busy = await lines[2].post(called(7, "hold"))
            assert (busy.status, busy.code) == (200, -31001) and busy.json["error"]["data"]["limit"] == 2
            again = await lines[2].post(called(0, "add", {"a": 1, "b": 2}))
            assert again.code == -32600  # The id of a request in flight.
            boat.go.set()
            for line in lines[:2]:
                assert (await line.answer()).status == 200
            for other in others:
                await other.__aexit__(None, None, None)

    run(talk())
