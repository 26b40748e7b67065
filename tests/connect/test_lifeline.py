"""When a line is opened again, when it is not, and what is repeated on the next one."""

import asyncio
import random

import pytest

from fairlead.client import Client
from fairlead.connect.lifeline import Backoff
from fairlead.errors import ConnectionLost
from tests.connect.ways import QUICK, Scripted, handshake, stateless, text, tool, until


def dropping(code, *, times=1):
    """A server that ends its first lines with a code when a tool is called."""

    def rest(server, said):
        if said["method"] == "tools/list":
            return {
                "tools": [
                    tool("safe", annotations={"readOnlyHint": True}),
                    tool("unsafe"),
                    tool("again", annotations={"idempotentHint": True}),
                ]
            }
        if said["method"] == "tools/call" and len(server.first.lines) <= times:
            return server.drop(code, f"closed with {code}")
        return text("done")

    return Scripted(stateless(rest))


@pytest.mark.parametrize("code", [None, 1000, 1001, 1006, 1011, 1012, 1013, 4004, 4999])
def test_after_most_codes_the_line_is_opened_again(run, code):
    async def main():
        server = dropping(code)
        async with Client(server, reconnect=QUICK) as client:
            await client.list_tools()
            assert (await client.call_tool("safe")).text == "done"
        assert len(server.lines) == 2

    run(main())


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 4001, 4003])
def test_after_the_codes_of_policy_it_is_not_and_every_call_says_why(run, code):
    async def main():
        server = dropping(code, times=9)
        async with Client(server, reconnect=QUICK) as client:
            await client.list_tools()
            with pytest.raises(ConnectionLost) as lost:
                await client.call_tool("safe")
            assert lost.value.state == "unknown_outcome" and lost.value.code == code
            with pytest.raises(ConnectionLost, match=f"closed with {code}") as later:
                await client.call_tool("safe")
            assert later.value.state == "not_sent" and later.value.code == code and not client.connected
        assert len(server.lines) == 1

    run(main())


def test_what_was_too_large_is_not_sent_again_and_the_line_goes_on(run):
    async def main():
        server = dropping(1009)
        async with Client(server, reconnect=QUICK) as client:
            await client.list_tools()
            with pytest.raises(ConnectionLost) as lost:
                await client.call_tool("safe")
            assert lost.value.state == "unknown_outcome"
            assert (await client.call_tool("safe")).text == "done"

    run(main())


@pytest.mark.parametrize(("name", "runs"), [("safe", 3), ("again", 3), ("unsafe", 1), ("never listed", 1)])
def test_only_what_says_that_it_is_safe_is_repeated(run, name, runs):
    async def main():
        server = dropping(1006, times=2)
        async with Client(server, reconnect=QUICK) as client:
            await client.list_tools()
            if runs == 1:
                with pytest.raises(ConnectionLost) as lost:
                    await client.call_tool(name)
                assert lost.value.state == "unknown_outcome"
            else:
                assert (await client.call_tool(name)).text == "done"
        calls = [said for said in server.heard if said.get("method") == "tools/call"]
        assert len(calls) == runs

    run(main())


def test_a_tool_whose_list_has_changed_is_not_taken_for_safe(run):
    async def main():
        server = dropping(1006)
        async with Client(server, reconnect=QUICK) as client:
            await client.list_tools()
            server.lines[0].notify("notifications/tools/list_changed")
            await client.ping()
            with pytest.raises(ConnectionLost):
                await client.call_tool("safe")

    run(main())


def test_subscriptions_and_the_log_level_are_restored_by_a_server_of_the_handshake_era(run):
    async def main():
        server = Scripted(handshake(lambda server, said: {}))
        async with Client(server, reconnect=QUICK) as client:
            client._session.offers["logging"] = {}
            await client.subscribe("a://b")
            await client.subscribe("c://d")
            await client.unsubscribe("c://d")
            server.lines[0].drop(1012)
            await until(lambda: len(server.lines) == 2 and client.connected)
            again = server.methods()[server.methods().index("initialize", 3) :]
            assert again.count("resources/subscribe") == 1

    run(main())


def test_a_listen_request_is_made_anew_on_every_line(run):
    async def main():
        def rest(server, said):
            if said["method"] == "subscriptions/listen":
                meta = {"io.modelcontextprotocol/subscriptionId": said["id"]}
                server.notify("notifications/subscriptions/acknowledged", _meta=meta)
                server.notify("notifications/tools/list_changed", _meta=meta)

        heard = []
        server = Scripted(stateless(rest))
        async with Client(server, reconnect=QUICK, heard=lambda method, params: heard.append(method)) as client:
            async with client.listen(kinds=["tools"], uris=["a://b"]):
                server.lines[0].drop(1012)
                await until(lambda: len(heard) == 2)
            await until(lambda: "notifications/cancelled" in server.methods())
        [first, _] = [said for said in server.heard if said["method"] == "subscriptions/listen"]
        assert first["params"]["notifications"] == {"toolsListChanged": True, "resourceSubscriptions": ["a://b"]}

    run(main())


def test_closing_a_client_fails_what_waits_and_leaves_nothing_behind(run):
    async def main():
        server = Scripted(stateless(lambda server, said: None))
        client = Client(server)
        async with client:
            call = asyncio.create_task(client.call_tool("t"))
            await until(lambda: "tools/call" in server.methods())
        with pytest.raises(ConnectionLost, match="closed"):
            await call
        with pytest.raises(ConnectionLost, match="closed"):
            await client.call_tool("t")

    run(main())


def test_the_wait_between_attempts_is_random_up_to_a_bound_that_doubles(monkeypatch):
    bounds = []
    monkeypatch.setattr(random, "uniform", lambda low, high: bounds.append((low, high)) or high)
    backoff = Backoff()
    assert [backoff.next() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert {low for low, _ in bounds} == {0}


def test_a_line_that_held_for_five_seconds_begins_the_waiting_anew(monkeypatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    backoff = Backoff()
    for _ in range(5):
        backoff.next()
    assert not backoff.opened_for(4.9) and backoff.next() == 16
    assert backoff.opened_for(5.0) and backoff.next() == 0.5


def test_a_server_that_drops_every_line_at_once_is_not_hammered(run):
    async def main():
        server = dropping(1006, times=10_000)
        async with Client(server, reconnect=Backoff(first=0.02, most=10)) as client:
            await client.list_tools()
            with pytest.raises(ConnectionLost) as lost:
                await client.call_tool("safe", within=0.5)
            assert lost.value.state == "unknown_outcome"
        assert len(server.lines) < 40

    run(main())
