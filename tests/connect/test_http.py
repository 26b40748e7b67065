"""The Streamable HTTP line against servers that do what servers do."""

import asyncio

import pytest

from fairlead.client import Client
from fairlead.connect.http import answers
from fairlead.connect.line import ConnectError
from fairlead.errors import CallError, ConnectionLost
from tests.connect.ways import DISCOVER, INITIALIZE, QUICK, text, until
from tests.connect.web import web


def modern(rest):
    async def act(request):
        if request.said.get("method") == "server/discover":
            await request.result(DISCOVER)
        else:
            await rest(request)

    return act


def sessions(rest, *, stream=405):
    """A server of the handshake era with a session for each handshake."""
    made = []

    async def act(request):
        method = request.said.get("method")
        if request.method == "GET" and "last-event-id" not in request.headers and isinstance(stream, int):
            await request.answer(stream)
        elif request.method == "DELETE":
            await request.answer(200)
        elif method == "server/discover":
            await request.answer(400, {"error": "no"})
        elif method == "initialize":
            made.append(1)
            await request.result(INITIALIZE, mcp_session_id=f"s{len(made)}")
        elif method == "notifications/initialized":
            await request.answer(202)
        else:
            await rest(request)

    return act


def reach(server, **options):
    return Client(f"http://{server.address}/mcp", reconnect=QUICK, proxy=False, **options)


def test_every_stateless_request_says_in_its_headers_what_it_is(run):
    async def main():
        async def rest(request):
            await request.result(text("x"))

        async with web(modern(rest)) as server, reach(server, token="t0", headers={"x-mine": "1"}) as client:
            await client.call_tool("näme")
            head = server.requests[-1].headers
            assert head["mcp-protocol-version"] == "2026-07-28" and head["mcp-method"] == "tools/call"
            assert head["mcp-name"].startswith("=?base64?") and head["authorization"] == "Bearer t0"
            assert head["x-mine"] == "1" and "mcp-session-id" not in head
            assert {kind.strip() for kind in head["accept"].split(",")} == {"application/json", "text/event-stream"}

    run(main())


def test_sixty_four_in_flight_share_as_many_connections_and_keep_them(run):
    async def main():
        async def rest(request):
            await request.result(text("x"))

        async with web(modern(rest)) as server, reach(server) as client:
            for _ in range(3):
                await asyncio.gather(*(client.call_tool("t") for _ in range(64)))
            assert server.connections <= 64

    run(main())


def test_a_session_goes_with_every_request_and_ends_with_the_client(run):
    async def main():
        async def rest(request):
            assert request.headers["mcp-session-id"] == "s1"
            assert request.headers["mcp-protocol-version"] == "2025-11-25"
            await request.result(text("x"))

        async with web(sessions(rest)) as server:
            async with reach(server) as client:
                await client.call_tool("t")
            assert server.requests[-1].method == "DELETE" and server.requests[-1].headers["mcp-session-id"] == "s1"
            assert [one.method for one in server.requests].count("GET") == 1, (
                "405: there is no stream, and that is that"
            )

    run(main())


def test_a_session_that_is_gone_is_begun_anew_and_the_call_made_since_it_was_not_taken(run):
    async def main():
        async def rest(request):
            if request.headers["mcp-session-id"] == "s1":
                await request.answer(404)
            else:
                await request.result(text("x"))

        async with web(sessions(rest)) as server, reach(server) as client:
            assert (await client.call_tool("unsafe")).text == "x"
            assert server.said().count("initialize") == 2

    run(main())


def test_a_stream_that_breaks_is_taken_up_where_it_broke(run):
    async def main():
        async def rest(request):
            if request.method == "GET":
                assert request.headers["last-event-id"] == "e1"
                await request.begin_events()
                await request.event({"jsonrpc": "2.0", "id": server.requests[-2].said["id"], "result": text("late")})
                request.hang_up()
            else:
                await request.begin_events()
                await request.event(id="e1", retry=10)
                request.hang_up()

        async with web(sessions(rest)) as server, reach(server) as client:
            assert (await client.call_tool("unsafe")).text == "late"
            assert server.said().count("tools/call") == 1

    run(main())


@pytest.mark.parametrize("how", ["hang_up", "end"])
def test_a_stream_that_ends_without_the_answer_leaves_the_outcome_unknown(run, how):
    async def main():
        async def rest(request):
            await request.begin_events()
            await request.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
            getattr(request, how)()

        async with web(modern(rest)) as server, reach(server) as client:
            with pytest.raises(ConnectionLost) as lost:
                await client.call_tool("unsafe")
            assert lost.value.state == "unknown_outcome" and server.said().count("tools/call") == 1

    run(main())


def test_a_connection_that_ends_before_the_response_leaves_the_outcome_unknown(run):
    async def main():
        async def rest(request):
            request.hang_up()

        async with web(modern(rest)) as server, reach(server) as client:
            with pytest.raises(ConnectionLost) as lost:
                await client.call_tool("unsafe")
            assert lost.value.state == "unknown_outcome" and server.said().count("tools/call") == 1

    run(main())


def test_a_cancelled_request_of_the_stateless_era_is_hung_up_on_and_nothing_else_is_said(run):
    async def main():
        ended = asyncio.Event()

        async def rest(request):
            await request.begin_events()
            try:
                while True:
                    await request.event({"jsonrpc": "2.0", "method": "x"})
                    await asyncio.sleep(0.005)
            except OSError:
                ended.set()

        async with web(modern(rest)) as server, reach(server) as client:
            call = asyncio.create_task(client.call_tool("t"))
            await until(lambda: "tools/call" in server.said())
            call.cancel()
            await ended.wait()
            assert "notifications/cancelled" not in server.said()

    run(main())


def test_a_refusal_with_a_json_rpc_error_is_that_error_also_without_an_id(run):
    async def main():
        async def rest(request):
            error = {"jsonrpc": "2.0", "error": {"code": -32602, "message": "no"}}
            await request.answer(400, error if len(server.requests) % 2 else {**error, "id": request.said["id"]})

        async with web(modern(rest)) as server, reach(server) as client:
            for _ in range(2):
                with pytest.raises(CallError) as refused:
                    await client.call_tool("t")
                assert refused.value.code == -32602

    run(main())


@pytest.mark.parametrize(
    ("status", "kind"), [(500, CallError), (503, CallError), (403, ConnectError), (418, CallError)]
)
def test_a_refusal_without_one_is_told_by_its_status(run, status, kind):
    async def main():
        async def rest(request):
            await request.answer(status, b"<html>", content_type="text/html")

        async with web(modern(rest)) as server, reach(server) as client:
            with pytest.raises(kind, match=str(status)):
                await client.call_tool("t")

    run(main())


def test_a_token_that_is_refused_is_asked_for_again_once(run):
    async def main():
        tokens = []

        async def provide():
            tokens.append(f"t{len(tokens)}")
            return tokens[-1]

        async def rest(request):
            good = request.headers["authorization"] == f"Bearer t{needed}"
            await (request.result(text("x")) if good else request.answer(401))

        needed = 0
        async with web(modern(rest)) as server, reach(server, token=provide) as client:
            assert (await client.call_tool("t")).text == "x"
            needed = 1
            assert (await client.call_tool("t")).text == "x" and tokens == ["t0", "t1"]
            needed = 9
            with pytest.raises(ConnectError, match="401"):
                await client.call_tool("t")
            assert tokens == ["t0", "t1", "t2"]

    run(main())


def test_a_function_that_gives_no_token_fails_the_call_and_not_the_client(run):
    async def main():
        def provide():
            if broken:
                raise OSError("secret")
            return "t"

        broken = False
        async with web(modern(lambda one: one.result(text("x")))) as server, reach(server, token=provide) as client:
            broken, client._way.credentials._token = True, None
            with pytest.raises(ConnectError, match="OSError") as fault:
                await client.call_tool("t", within=5)
            assert "secret" not in str(fault.value)
            broken = False
            assert (await client.call_tool("t")).text == "x"

    run(main())


def test_a_header_that_cannot_be_sent_fails_the_call_at_once(run):
    async def main():
        async with web(modern(lambda one: one.result(text("x")))) as server:
            with pytest.raises(ConnectionLost):
                async with reach(server, headers={"x-bad": "a\r\nb"}):
                    pass
            assert not server.requests

    run(main())


def test_a_redirect_within_the_host_is_followed_and_one_to_another_gets_no_credentials(run):
    async def main():
        async def moved(request):
            if request.path == "/mcp":
                await request.answer(307, location="/mcp/")
            else:
                await modern(lambda one: one.result(text("x")))(request)

        async with web(moved) as server, reach(server, token="secret") as client:
            await client.call_tool("t")
            await client.call_tool("t")
            assert [one.path for one in server.requests] == ["/mcp", "/mcp/", "/mcp/", "/mcp/"]

        async with web(moved) as thief:
            async with web(lambda one: one.answer(307, location=f"http://{thief.address}/")) as server:
                with pytest.raises(ConnectError):
                    async with reach(server, token="secret"):
                        pass
            assert not thief.requests

    run(main())


def test_a_body_past_the_limit_is_given_up_and_not_kept(run):
    async def main():
        async def rest(request):
            await request.result(text("x" * 100_000))

        async with web(modern(rest)) as server, reach(server) as client:
            client._lifeline.current.line._frame_bytes = 10_000
            with pytest.raises(ConnectionLost, match="limit of 10000 bytes"):
                await client.call_tool("t")

    run(main())


def test_the_stream_of_what_belongs_to_no_request_is_listened_to_and_taken_up_again(run):
    async def main():
        heard = []

        async def rest(request):
            assert request.method == "GET" and request.headers["mcp-session-id"] == "s1"
            await request.begin_events()
            last = request.headers.get("last-event-id", "0")
            await request.event(
                {"jsonrpc": "2.0", "method": "notifications/x", "params": {"n": last}}, id=int(last) + 1, retry=5
            )
            request.end()

        async with web(sessions(rest, stream=None)) as server:
            async with reach(server, heard=lambda method, params: heard.append(params["n"])):
                await until(lambda: len(heard) >= 3)
        assert heard[:3] == ["0", "1", "2"]

    run(main())


def test_a_proxy_of_the_environment_is_used_and_can_be_declined(run, monkeypatch):
    async def main():
        async with web(modern(lambda one: one.result(text("x")))) as proxy:
            monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
            monkeypatch.setenv("no_proxy", "")
            async with Client("http://nowhere.invalid/mcp") as client:
                assert (await client.call_tool("t")).text == "x"
            assert proxy.requests[0].path == "http://nowhere.invalid/mcp"
            with pytest.raises(ConnectionLost) as lost:
                async with Client("http://127.0.0.1:9/mcp", proxy=False):
                    pass
            assert lost.value.state == "not_sent"

    run(main())


def test_an_answer_is_told_from_what_only_looks_like_one():
    assert answers('{"jsonrpc":"2.0","id": 7,"result":{}}', 7) and not answers('{"id":77,"result":{}}', 7)
    assert not answers('{"method":"x","id":7}', 7) and not answers('{"id":7,"result":{}}', None)
