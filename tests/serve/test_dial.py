"""Outbound sockets: the catalog for who waits at the far side, whatever that side does."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from fairlead import Context, Fairlead, UsageError
from fairlead.connect import websocket
from fairlead.connect.lifeline import Backoff
from fairlead.connect.line import ConnectError
from fairlead.errors import ConnectionLost
from fairlead.serve.dial import Dial, place_of
from fairlead.serve.outbound import is_stray, sender
from fairlead.serve.outlet import Outlet
from tests.serve.cloud import TOKEN, Caller, cloud, line
from tests.serve.harbour import WAIT, docked, moored
from tests.serve.peer import connected, text


def tools(**given) -> Fairlead:
    mcp = Fairlead("home", **given)

    @mcp.tool
    async def add(a: int, b: int) -> int:
        return a + b

    @mcp.tool
    async def note(ctx: Context, word: str) -> list[str]:
        ctx.session.setdefault("words", []).append(word)
        return ctx.session["words"]

    @mcp.tool
    async def hang() -> None:
        await asyncio.sleep(600)

    @mcp.tool
    async def large(size: int) -> str:
        return "x" * size

    @mcp.tool
    async def ask(ctx: Context) -> str:
        return (await ctx.elicit("name?", {"type": "object", "properties": {}})).action

    return mcp


@asynccontextmanager
async def dialling(mcp: Fairlead, *urls: str, **options) -> AsyncIterator[list[Dial]]:
    """Dials on this loop, ended with the server's own means."""
    dials = [mcp.dial(url, **options) for url in urls]
    try:
        yield dials
    finally:
        async with asyncio.timeout(WAIT):
            await mcp.station.rest()
        mcp.station.close()


@pytest.fixture
def hurried(monkeypatch) -> list[float]:
    """Waits between attempts are short; what the back-off was told is kept."""
    told: list[float] = []
    monkeypatch.setattr(Backoff, "next", lambda self: 0.01)
    monkeypatch.setattr(Backoff, "opened_for", lambda self, seconds: bool(told.append(seconds)))
    return told


async def until(true) -> None:
    async with asyncio.timeout(WAIT):
        while not true():
            await asyncio.sleep(0.01)  # what is waited for tells nobody


# What the far sides of today send.


def test_the_official_cloud_is_answered_as_it_asks(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            assert await caller.official() == ["add", "note", "hang", "large", "ask"]
            call = {"name": "add", "arguments": {"a": 2, "b": 3}, "serialNumber": "SN-1"}
            await caller.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call, "serialNumber": None})
            assert text((await caller.settle(2))["result"]) == "5"
            assert (await caller.ask("ping", id=3))["result"] == {}
            assert far.paths == [f"/mcp_endpoint/mcp/?token={TOKEN}"]

    run(scene())


def test_ids_of_the_far_side_come_back_exactly(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            for id in (0, "", "uuid_n_1", -1, 2**63):
                assert (await caller.ask("ping", id=id))["id"] == id

    run(scene())


def test_three_frames_back_to_back_are_answered_in_their_order(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            hello = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
            for message in (
                {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
                {"jsonrpc": "2.0", "method": "notifications/initialized", "params": {}},
                {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": None},
            ):
                await caller.socket.send(line(message))
            answers = [await caller.receive(), await caller.receive()]
            assert [answer["id"] for answer in answers] == [1, 2]
            assert len(answers[1]["result"]["tools"]) == 5

    run(scene())


def test_a_frame_is_one_line_with_its_end(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            await caller.call("note", {"word": "two\nlines\r\n"})
            assert caller.frames and all(frame.find("\n") == len(frame) - 1 for frame in caller.frames)

    run(scene())


def test_what_was_passed_on_with_line_breaks_becomes_one_line(run):
    async def scene():
        put: list[bytes] = []

        class Line:
            def put(self, message) -> None:
                put.append(message.frame)

        outlet = Outlet(bound=1, stall=1, unsent=lambda: 0, give_up=lambda: None, loop=asyncio.get_running_loop())
        await sender(Line(), outlet)(b'{\r\n "a": [\n1]\n}', None)  # type: ignore[arg-type]
        outlet.close()
        [frame] = put
        assert json.loads(frame) == {"a": [1]} and frame.find(b"\n") == len(frame) - 1 and b"\r" not in frame

    run(scene())


def test_an_answer_without_an_id_is_let_pass_and_never_answered(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            for stray in ({"jsonrpc": "2.0", "result": {}}, {"jsonrpc": "2.0", "id": None, "result": {}}):
                await caller.socket.send(line(stray))
            await caller.socket.send(line({"jsonrpc": "2.0", "error": {"code": -1, "message": "no"}}))
            await caller.ask("ping", id=9)
            assert [json.loads(frame).get("id") for frame in caller.frames] == [0, 1, 9]

    run(scene())


def test_only_answers_without_an_id_are_strays():
    assert is_stray(b'{"jsonrpc":"2.0","result":{}}\n') and is_stray(b'{"error":{}}')
    for other in (
        b'{"id":1,"result":{}}',
        b'{"id":null,"result":1}',
        b"{}",
        b"[]",
        b"noise",
        b"\xff",
        b'{"method":"x"}',
    ):
        assert not is_stray(other)


def test_noise_is_refused_and_the_line_goes_on(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.socket.send("2026-01-01 INFO started\n")
            assert (await caller.receive())["error"]["code"] == -32700
            assert await caller.official()

    run(scene())


# Many at once, and both ways.


def test_each_line_is_a_conversation_of_its_own(run):
    async def scene():
        mcp = tools()
        async with cloud() as one, cloud() as two, dialling(mcp, one.url, two.url, one.url) as dials:
            callers = [await one.arrival(), await one.arrival(), await two.arrival()]
            for number, caller in enumerate(callers):
                await caller.official()
                await caller.call("note", {"word": f"from {number}"})
            for number, caller in enumerate(callers):
                words = await caller.call("note", {"word": "again"})
                assert json.loads(text(words)) == [f"from {number}", "again"]
            assert all(dial.is_up for dial in dials)
            assert len(mcp.station.conversations) == 3

    run(scene())


def test_a_tool_asks_the_user_of_the_far_side(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.shake(elicitation={})
            caller.answers["elicitation/create"] = {"action": "decline"}
            assert text(await caller.call("ask")) == "decline"

    run(scene())


def test_a_change_of_the_catalog_is_told_to_the_far_side(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            mcp.disable("add")
            await caller.hear("notifications/tools/list_changed")

    run(scene())


def test_a_stateless_far_side_is_served_too(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            caller.era = "stateless"
            assert (await caller.call("add", {"a": 1, "b": 1}))["structuredContent"] == {"result": 2}

    run(scene())


def test_headers_and_a_token_are_shown_to_the_far_side(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url, headers={"X-Home": "1"}, token="t0ken"):
            shown = (await far.arrival()).socket.request.headers
            assert shown["X-Home"] == "1" and shown["Authorization"] == "Bearer t0ken"
            assert "Sec-WebSocket-Protocol" not in shown  # Far sides of this kind know none.

    run(scene())


# Lines that break.


@pytest.mark.parametrize("code", [4004, 1000, 1001, 1011, 1012, 1013, None])
def test_a_line_that_closes_at_random_is_dialled_again_as_a_new_conversation(run, hurried, code):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            for _ in range(3):
                caller = await far.arrival()
                await caller.official()
                assert json.loads(text(await caller.call("note", {"word": "x"}))) == ["x"]
                if code is None:
                    caller.socket.transport.abort()
                else:
                    await caller.socket.close(code)
            await (await far.arrival()).official()
            await until(lambda: len(mcp.station.conversations) == 1)
        assert len(hurried) >= 3

    run(scene())


def test_a_call_in_flight_ends_with_its_line(run, hurried):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            await caller.begin_call("hang")
            await until(lambda: mcp.station.in_flight() == 1)
            await caller.socket.close(4004)
            await (await far.arrival()).official()
            assert mcp.station.in_flight() == 0

    run(scene())


@pytest.mark.parametrize("code", [1008, 4001, 4003])
def test_a_far_side_that_refuses_for_good_is_dialled_no_more_and_the_log_says_why(run, hurried, caplog, code):
    caplog.set_level(logging.DEBUG)

    async def scene():
        mcp = tools()
        async with cloud() as far:

            async def refuse(connection):
                await connection.close(code, f"bad {TOKEN}\x1b[31m")

            far.greet = refuse
            async with dialling(mcp, far.url) as [dial]:
                async with asyncio.timeout(WAIT):
                    await mcp.dialling.over()
                assert dial.given_up is not None and not dial.is_up
                assert len(far.paths) == 1

    run(scene())
    [said] = [record.getMessage() for record in caplog.records if "given up" in record.getMessage()]
    assert f"closed with {code}" in said and "/mcp_endpoint/mcp/" in said
    ours = [one.getMessage() for one in caplog.records if one.name in ("fairlead", "websockets.client")]
    assert not [one for one in ours if TOKEN in one or "\x1b" in one]


def test_a_refused_token_is_had_anew_where_there_is_a_provider(run, hurried):
    given = iter(["old", "new"])

    async def scene():
        mcp = tools()
        async with cloud() as far:
            shown = []

            async def judge(connection):
                shown.append(connection.request.headers["Authorization"])
                if shown[-1] == "Bearer old":
                    await connection.close(1008, "expired")
                else:
                    await connection.wait_closed()

            far.greet = judge
            async with dialling(mcp, far.url, token=lambda: next(given)) as [dial]:
                await until(lambda: dial.is_up and len(shown) == 2)
                assert shown == ["Bearer old", "Bearer new"]

    run(scene())


def test_a_token_provider_that_fails_is_asked_again(run, hurried, caplog):
    asked = []

    def provide() -> str:
        asked.append(1)
        if len(asked) < 3:
            raise RuntimeError(TOKEN)
        return "new"

    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url, token=provide):
            caller = await far.arrival()
            assert caller.socket.request.headers["Authorization"] == "Bearer new"

    run(scene())
    ours = [one.getMessage() for one in caplog.records if one.name == "fairlead"]
    assert any("RuntimeError" in one for one in ours) and not any(TOKEN in one for one in ours)


@pytest.mark.parametrize(("status", "again"), [(401, False), (403, False), (404, False), (502, True), (429, True)])
def test_a_refused_upgrade_is_final_or_not_by_its_status(run, hurried, status, again):
    async def scene():
        mcp = tools()
        async with cloud() as far:
            far.refuse = lambda connection, request: connection.respond(HTTPStatus(status), "no\n")
            async with dialling(mcp, far.url) as [dial]:
                if again:
                    await until(lambda: len(far.paths) >= 3)
                    far.refuse = None
                    await (await far.arrival()).official()
                else:
                    async with asyncio.timeout(WAIT):
                        await mcp.dialling.over()
                    assert isinstance(dial.given_up, ConnectError) and dial.given_up.status == status

    run(scene())


def test_an_address_that_has_worked_is_dialled_again_although_it_is_not_there_for_a_while(run, hurried):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            far.refuse = lambda connection, request: connection.respond(HTTPStatus.NOT_FOUND, "deploying\n")
            await caller.socket.close(1012)
            await until(lambda: len(far.paths) >= 4)
            far.refuse = None
            await (await far.arrival()).official()

    run(scene())


def test_a_far_side_that_is_not_there_is_dialled_until_it_is_and_one_warning_is_enough(run, hurried, caplog):
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def scene():
        mcp = tools()
        async with dialling(mcp, f"ws://127.0.0.1:{port}/mcp?token={TOKEN}") as [dial]:
            await asyncio.sleep(0.1)
            assert not dial.is_up and dial.given_up is None

    run(scene())
    assert len([one for one in caplog.records if "No line to" in one.getMessage()]) == 1
    assert f"127.0.0.1:{port}/mcp" in caplog.text and TOKEN not in caplog.text


def test_a_far_side_that_never_answers_the_handshake_is_left(run, hurried, monkeypatch):
    monkeypatch.setattr(websocket, "_OPEN_SECONDS", 0.05)

    async def scene():
        knocked = 0

        async def listen(reader, writer):
            nonlocal knocked
            knocked += 1
            await reader.read()
            writer.close()

        mcp = tools()
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with dialling(mcp, f"ws://127.0.0.1:{port}/"):
            await until(lambda: knocked >= 2)
        server.close()

    run(scene())


def test_a_line_that_is_half_open_is_found_and_dialled_again(run, hurried):
    async def scene():
        mcp = tools(ping_seconds=0.1)
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            caller.socket.transport.pause_reading()  # It hears nothing any more, and says nothing.
            await (await far.arrival()).official()

    run(scene())


def test_a_half_open_line_is_found_within_40_seconds_as_set_up(run):
    seen = {}

    class Spy(websocket.WebSocket):
        async def _connect(self, sink):
            seen["ping"] = self._ping_seconds
            raise ConnectError("enough", final=True)

    async def scene():
        mcp = tools()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fairlead.connect.websocket.WebSocket._connect", Spy._connect)
            async with dialling(mcp, "ws://127.0.0.1/"):
                async with asyncio.timeout(WAIT):
                    await mcp.dialling.over()

    run(scene())
    assert 2 * seen["ping"] < 40


def test_a_far_side_that_does_not_read_is_left_and_its_neighbour_feels_nothing(run, hurried):
    async def scene():
        mcp = tools(queued_bytes=65_536, stall_seconds=0.2)
        async with cloud() as far, dialling(mcp, far.url, far.url):
            slow, other = await far.arrival(), await far.arrival()
            await slow.official()
            await other.official()
            for id in range(10, 40):
                await slow.begin("tools/call", {"name": "large", "arguments": {"size": 1_000_000}}, id=id)
            slow.socket.transport.pause_reading()
            again = await far.arrival()
            await again.official()
            assert text(await other.call("add", {"a": 1, "b": 2})) == "3"

    run(scene())


def test_a_large_result_arrives_whole(run):
    async def scene():
        mcp = tools()
        async with cloud(max_size=None) as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            assert len(text(await caller.call("large", {"size": 2_000_000}))) == 2_000_000

    run(scene())


def test_a_flood_of_requests_is_read_in_its_turn(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            padding = "x" * 5_000
            for id in range(100, 300):
                await caller.begin("ping", {"_meta": {"padding": padding}}, id=id)
            assert [(await caller.settle(id))["result"] for id in range(100, 300)] == [{}] * 200

    run(scene())


def test_full_jitter_grows_to_thirty_seconds_and_begins_anew_after_five_seconds_up():
    backoff = Backoff()
    waits = [[Backoff(tries=tries).next() for _ in range(200)] for tries in range(10)]
    assert max(waits[0]) <= 0.5 and max(waits[1]) <= 1.0 and all(max(one) <= 30 for one in waits)
    assert max(waits[9]) > 25 and min(waits[9]) < 5
    for _ in range(9):
        backoff.next()
    backoff.opened_for(4.9)
    assert backoff.tries == 9
    backoff.opened_for(5.0)
    assert backoff.tries == 0


# When it begins, and how it ends.


def test_a_dial_before_run_begins_with_the_server_and_ends_with_it(run):
    async def scene():
        mcp = tools()
        async with cloud() as far:
            dial = await asyncio.to_thread(mcp.dial, far.url)  # Where no loop runs, as at the top of a program.
            assert not mcp.station.company.awake and not far.paths
            with_server = threading.Event()

            def serve() -> None:
                with moored(mcp):
                    with_server.wait(WAIT)

            thread = asyncio.create_task(asyncio.to_thread(serve))
            caller = await far.arrival()
            assert await caller.official()
            other = await asyncio.to_thread(mcp.dial, far.url)  # From another thread, while it runs.
            await (await far.arrival()).official()
            with_server.set()
            assert (await caller.gone())[0] == 1000
            await thread
            assert not dial.is_up and not other.is_up and dial.given_up is None

    run(scene(), within=20)


def test_what_was_dialled_on_another_loop_ends_with_the_server_too(run):
    async def scene():
        mcp = tools()
        async with cloud() as far:
            mcp.dial(far.url)  # On this loop, at once.
            caller = await far.arrival()
            assert await caller.official()

            def serve() -> None:
                with moored(mcp):
                    pass

            await asyncio.to_thread(serve)
            assert (await caller.gone())[0] == 1000

    run(scene(), within=20)


def test_a_server_that_runs_again_dials_again(run):
    async def scene():
        mcp = tools()
        async with cloud() as far:
            mcp.dial(far.url)
            for _ in range(2):
                mcp.station.open()
                mcp.station.wake("the test")
                assert await (await far.arrival()).official()
                assert await mcp.station.drain(WAIT)
                await mcp.station.rest()
            mcp.station.close()

    run(scene())


def test_in_an_app_of_somebody_elses_it_begins_with_the_first_request_and_says_so(run, caplog):
    caplog.set_level(logging.INFO)

    async def scene():
        mcp = tools()
        app = Starlette(routes=[Mount("/tools", app=mcp.asgi())])
        async with cloud() as far:
            station, begin = mcp.station, mcp.dialling
            begin.add(far.url, headers=None, token=None)
            async with docked(mcp, app) as address:
                await asyncio.sleep(0.05)
                assert not far.paths
                async with connected(address, path="/tools/mcp"):
                    assert await (await far.arrival()).official()
                    assert "begins with the first request" in caplog.text
                await station.rest()

    run(scene())


def test_in_an_app_with_a_lifespan_it_begins_and_ends_with_that(run, caplog):
    caplog.set_level(logging.INFO)

    async def scene():
        mcp = tools()
        app = mcp.asgi()
        events: asyncio.Queue[dict] = asyncio.Queue()
        said: asyncio.Queue[dict] = asyncio.Queue()
        async with cloud() as far:
            mcp.dialling.add(far.url, headers=None, token=None)
            living = asyncio.create_task(app({"type": "lifespan", "asgi": {}}, events.get, said.put))
            events.put_nowait({"type": "lifespan.startup"})
            caller = await far.arrival()
            assert await caller.official()
            events.put_nowait({"type": "lifespan.shutdown"})
            assert (await caller.gone())[0] == 1000
            async with asyncio.timeout(WAIT):
                await living
            assert [(await said.get())["type"] for _ in range(2)] == [
                "lifespan.startup.complete",
                "lifespan.shutdown.complete",
            ]

    run(scene())
    assert "begins with the start of the application" in caplog.text


def test_a_server_that_goes_away_finishes_what_is_in_flight_and_answers_the_rest(run):
    async def scene():
        mcp = tools()

        @mcp.tool
        async def soon() -> str:
            await asyncio.sleep(0.1)
            return "soon"

        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            hanging, soon_id = await caller.begin_call("hang"), await caller.begin_call("soon")
            await until(lambda: mcp.station.in_flight() == 2)
            assert await mcp.station.drain(0.3) is False
            refused = await caller.ask("tools/call", {"name": "add", "arguments": {"a": 1, "b": 1}}, id=77)
            assert refused["error"]["data"]["errorCode"] == "SHUTTING_DOWN"
            assert text((await caller.settle(soon_id))["result"]) == "soon"
            ending = asyncio.create_task(mcp.station.rest())
            lost = await caller.settle(hanging)
            assert lost["error"]["data"]["errorCode"] == "SHUTTING_DOWN"
            assert lost["error"]["data"]["retryable"] is False
            assert (await caller.gone())[0] == 1000
            await ending

    run(scene())


def test_hanging_up_closes_one_line_from_any_thread_and_leaves_the_others(run, hurried):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url, far.url) as [dial, other]:
            callers = [await far.arrival(), await far.arrival()]
            await asyncio.to_thread(dial.hang_up)
            await until(lambda: not dial.is_up)
            await until(lambda: sum(one.socket.close_code == 1000 for one in callers) == 1)
            assert other.is_up and dial.given_up is None

    run(scene())


def test_a_far_side_that_does_not_answer_the_close_holds_nobody_up(run):
    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            caller.socket.transport.pause_reading()
            async with asyncio.timeout(WAIT):
                await mcp.station.rest()
            assert mcp.station.company.awake is False

    run(scene(), within=20)


def test_a_handle_of_a_slow_call_outlives_the_line(run, hurried):
    async def scene():
        mcp = tools(answer_within=0.05)
        go = asyncio.Event()

        @mcp.tool
        async def slow() -> str:
            await go.wait()
            return "at last"

        async with cloud() as far, dialling(mcp, far.url, far.url):
            callers: list[Caller] = [await far.arrival(), await far.arrival()]
            for caller in callers:
                await caller.official()
            handle = text(await callers[0].call("slow")).partition('"handle": "')[2].partition('"')[0]
            theirs = await callers[1].call("result_of", {"handle": handle})
            assert theirs["isError"]  # Another endpoint is another caller.
            await callers[0].socket.close(4004)
            back = await far.arrival()
            await back.official()
            go.set()
            assert text(await back.call("result_of", {"handle": handle})) == "at last"

    run(scene())


@pytest.mark.parametrize(
    "url", ["http://a/b", "wss://", "ws:///x", f"tcp://{TOKEN}", TOKEN, f"ws://[{TOKEN}/", f"ws://a:{TOKEN}/"]
)
def test_what_cannot_be_dialled_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError) as told:
        tools().dial(url)
    assert TOKEN not in str(told.value)


def test_a_program_that_only_dials_needs_somewhere_to_dial():
    with pytest.raises(UsageError, match="nothing to dial"):
        tools().run("dial")


def test_of_an_address_host_and_path_are_told():
    assert place_of(f"wss://user:{TOKEN}@api.example:8443/mcp/?token={TOKEN}#x") == "api.example:8443/mcp/"
    assert place_of("ws://[::1]/") == "[::1]/"
    assert TOKEN not in repr(tools().dial(f"wss://a/b?token={TOKEN}"))


def test_a_dial_that_is_lost_says_nothing_of_the_token_even_in_the_debug_log(run, hurried, caplog):
    caplog.set_level(logging.DEBUG)

    async def scene():
        mcp = tools()
        async with cloud() as far, dialling(mcp, far.url):
            caller = await far.arrival()
            await caller.official()
            await caller.socket.close(4004, f"token={TOKEN} expired")
            await far.arrival()

    run(scene())
    ours = [one for one in caplog.records if one.name in ("fairlead", "websockets.client")]
    assert any("4004" in one.getMessage() for one in ours)
    assert not [one for one in ours if TOKEN in one.getMessage()]


def test_only_the_first_worker_dials_what_was_given_before(run):
    async def scene():
        mcp = tools()
        async with cloud() as far:
            mcp.dialling.add(far.url, headers=None, token=None)
            mcp.dialling.muted = True
            mcp.station.wake("the test")
            await asyncio.sleep(0.05)
            assert not far.paths
            await mcp.station.rest()
            mcp.station.close()

    run(scene())


def test_the_end_of_a_line_reaches_who_sends(run):
    async def scene():
        class Gone:
            def put(self, message) -> None:
                raise ConnectionLost("gone", state="not_sent")

        outlet = Outlet(bound=1, stall=1, unsent=lambda: 0, give_up=lambda: None, loop=asyncio.get_running_loop())
        with pytest.raises(OSError):
            await sender(Gone(), outlet)(b"{}", None)  # type: ignore[arg-type]
        assert outlet.waiting() == 0

    run(scene())
