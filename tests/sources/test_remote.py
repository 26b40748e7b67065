"""A bridge, over real sockets and with real children: all that passes, both ways, whatever each side speaks."""

import asyncio
import json
import logging
import os
from contextlib import AsyncExitStack

import pytest

from fairlead.client import Client
from fairlead.errors import UsageError
from fairlead.sources.remote import bridge
from fairlead.sources.upstreams import upstreams_of
from tests.serve.harbour import docked
from tests.serve.peer import Peer, connected, text
from tests.sources import shore
from tests.sources.mooring import (
    ERAS,
    LINES,
    able,
    bridged,
    call,
    names,
    odd_child,
    python,
    reached,
    shore_child,
    until,
)
from tests.sources.oddity_facts import LONG, ODD

matrix = pytest.mark.parametrize(
    ("line", "upstream", "client"), [(line, upstream, client) for line in LINES for upstream in ERAS for client in ERAS]
)
each_client = pytest.mark.parametrize("client", ERAS)


# --- what passes, between all eras and over all lines ------------------------------------------------


@matrix
def test_tools_are_listed_and_called(run, line, upstream, client):
    async def talk():
        async with reached(line, upstream) as address, connected(address, era=client) as peer:
            assert {"add", "refuse", "ask"} <= set(await names(peer))
            result = await peer.call("add", {"a": 2, "b": 40})
            assert result["structuredContent"] == {"result": 42} and text(result) == "42"
            [again] = [await peer.ask("tools/call", {"name": "add", "arguments": {"a": 1, "b": 1}}, id="7:8")]
            assert again["id"] == "7:8" and again["result"]["structuredContent"] == {"result": 2}

    run(talk(), within=20)


@matrix
def test_a_tool_that_fails_says_why(run, line, upstream, client):
    async def talk():
        async with reached(line, upstream) as address, connected(address, era=client) as peer:
            failed = await peer.call("refuse")
            assert failed["isError"] is True and text(failed) == "no boats today"
            unknown = await peer.ask("tools/call", {"name": "no_such_tool"})
            assert unknown["error"]["code"] == -32602
            misfit = await peer.call("add", {"a": "x", "b": 1})
            assert misfit["isError"] is True and "$.a" in text(misfit)

    run(talk(), within=20)


@matrix
def test_progress_comes_under_the_callers_token_and_before_the_result(run, line, upstream, client):
    async def talk():
        async with reached(line, upstream) as address, connected(address, era=client) as peer:
            result = await peer.call("count", {"to": 4}, _meta={"progressToken": "p:1"})
            assert text(result) == "counted"
            told = [one["params"] for one in peer.heard if one["method"] == "notifications/progress"]
            assert [(one["progressToken"], one["progress"], one["total"]) for one in told] == [
                ("p:1", step, 4) for step in range(1, 5)
            ]
            assert told[-1]["message"] == "step 4"

    run(talk(), within=20)


@matrix
def test_a_call_that_is_cancelled_is_cancelled_at_the_other_server(run, line, upstream, client):
    async def talk():
        async with reached(line, upstream) as address, connected(address, era=client) as peer:
            id = await peer.begin_call("hang", _meta={"progressToken": 5})
            await peer.hear("notifications/progress")
            await peer.cancel(id)

            async def seen():
                return (await peer.call("cancelled"))["structuredContent"]["result"] == 1

            await until(seen)

    run(talk(), within=20)


@matrix
def test_what_a_tool_asks_its_user_is_asked_of_the_client(run, line, upstream, client):
    async def talk():
        async with reached(line, upstream) as address, able(address, client) as peer:
            peer.answers["elicitation/create"] = {"action": "accept", "content": {"n": 7}}
            assert text(await call(peer, "ask")) == "accept {'n': 7}"
            peer.answers["elicitation/create"] = {"action": "decline"}
            assert text(await call(peer, "ask")) == "decline None"

    run(talk(), within=20)


@pytest.mark.parametrize("upstream", ERAS)
@each_client
def test_the_model_and_the_folders_of_the_client_are_asked_too(run, upstream, client):
    async def talk():
        async with reached("ws", upstream) as address, able(address, client) as peer:
            said = {"role": "assistant", "content": {"type": "text", "text": "aye"}, "model": "m"}
            peer.answers["sampling/createMessage"] = said
            peer.answers["roots/list"] = {"roots": [{"uri": "file:///a"}, {"uri": "file:///b"}]}
            assert text(await call(peer, "think")) == "aye"
            assert (await call(peer, "folders"))["structuredContent"] == {"result": ["file:///a", "file:///b"]}

    run(talk())


@pytest.mark.parametrize("upstream", ERAS)
@each_client
def test_the_other_server_is_told_what_this_client_can_be_asked_and_no_more(run, upstream, client):
    async def talk():
        async with reached("ws", upstream) as address:
            async with able(address, client, capabilities={"sampling": {}, "experimental": {"x": {}}}) as peer:
                assert (await peer.call("abilities"))["structuredContent"] == {"result": ["sampling"]}
            async with connected(address, era=client) as other:
                assert (await other.call("abilities"))["structuredContent"] == {"result": []}

    run(talk())


@pytest.mark.parametrize("upstream", ERAS)
@each_client
def test_resources_templates_prompts_and_completions_pass(run, upstream, client):
    async def talk():
        async with reached("ws", upstream) as address, connected(address, era=client) as peer:
            listed = (await peer.ask("resources/list"))["result"]["resources"]
            assert [one["uri"] for one in listed] == ["sea://tide"]
            families = (await peer.ask("resources/templates/list"))["result"]["resourceTemplates"]
            assert [one["uriTemplate"] for one in families] == ["notes://{name}"]
            read = (await peer.ask("resources/read", {"uri": "notes://log"}))["result"]
            assert read["contents"] == [{"uri": "notes://log", "mimeType": "text/plain", "text": "note log"}]
            got = (await peer.ask("prompts/get", {"name": "explain", "arguments": {"topic": "tides"}}))["result"]
            assert got["messages"] == [{"role": "user", "content": {"type": "text", "text": "Explain tides"}}]
            prompt = {"type": "ref/prompt", "name": "explain"}
            argument = {"name": "topic", "value": "b"}
            done = (await peer.ask("completion/complete", {"ref": prompt, "argument": argument}))["result"]
            assert done["completion"]["values"] == ["boats", "bays"]
            family = {"type": "ref/resource", "uri": "notes://{name}"}
            argument = {"name": "name", "value": "x"}
            done = (await peer.ask("completion/complete", {"ref": family, "argument": argument}))["result"]
            assert done["completion"]["values"] == ["x-1"]
            missing = await peer.ask("resources/read", {"uri": "sea://none"})
            assert missing["error"]["code"] == (-32602 if client == "stateless" else -32002)

    run(talk())


@pytest.mark.parametrize("upstream", ERAS)
@each_client
def test_a_list_that_changes_there_changes_here_and_is_told(run, upstream, client):
    async def talk():
        async with reached("ws", upstream) as address, connected(address, era=client) as peer:
            if client == "stateless":
                await peer.begin("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id="l")
                await peer.hear("notifications/subscriptions/acknowledged")
            assert "lamp" not in await names(peer)
            await peer.call("build")
            if not any(one["method"] == "notifications/tools/list_changed" for one in peer.heard):
                await peer.hear("notifications/tools/list_changed")
            assert "lamp" in await names(peer)
            assert text(await peer.call("lamp")) == "lit"

    run(talk())


@pytest.mark.parametrize("upstream", ERAS)
@each_client
def test_a_resource_that_changes_there_is_told_to_those_who_subscribed(run, upstream, client):
    async def talk():
        async with reached("ws", upstream) as address, connected(address, era=client) as peer:
            if client == "stateless":
                wanted = {"resourceSubscriptions": ["sea://tide"]}
                await peer.begin("subscriptions/listen", {"notifications": wanted}, id="l")
                await peer.hear("notifications/subscriptions/acknowledged")
            else:
                await peer.ask("resources/subscribe", {"uri": "sea://tide"})

            async def heard():
                await peer.call("tide")
                return [one for one in peer.heard if one["method"] == "notifications/resources/updated"]

            # Whether the other server was asked by now, nobody tells.
            [told, *_] = await until(heard)
            assert told["params"]["uri"] == "sea://tide"

    run(talk())


@pytest.mark.parametrize("upstream", ERAS)
@each_client
def test_log_messages_reach_the_caller_whose_call_they_came_from(run, upstream, client):
    async def talk():
        async with reached("ws", upstream) as address, connected(address, era=client) as peer:
            level = {"io.modelcontextprotocol/logLevel": "info"} if client == "stateless" else {}
            await peer.call("warn", _meta=level)
            told = [one["params"] for one in peer.heard if one["method"] == "notifications/message"]
            assert told == [{"level": "warning", "data": {"tide": "high"}}]

    run(talk())


def test_who_wants_to_hear_nothing_hears_nothing(run):
    async def talk():
        async with reached("ws", "handshake") as address, connected(address, era="handshake") as peer:
            await peer.ask("logging/setLevel", {"level": "error"})
            await peer.call("warn")
            assert [one for one in peer.heard if one["method"] == "notifications/message"] == []

    run(talk())


# --- nothing is lost, nothing is added -----------------------------------------------------------------


@each_client
def test_results_that_nobody_here_knows_pass_whole(run, client):
    async def talk():
        async with bridged([odd_child()]) as address, connected(address, era=client) as peer:
            result = await peer.call("odd")
            for member in ("content", "structuredContent", "isError", "ownMember"):
                assert result[member] == ODD[member], member
            assert result["_meta"]["trace"] == "abc"
            # Who answers is who was asked.
            assert result["_meta"].get("io.modelcontextprotocol/serverInfo", {}).get("name") != "not me"

    run(talk())


@each_client
def test_errors_keep_their_code_their_text_and_their_data(run, client):
    async def talk():
        async with bridged([odd_child()]) as address, connected(address, era=client) as peer:
            answer = await peer.ask("tools/call", {"name": "fail"}, id="")
            assert answer["id"] == ""
            assert answer["error"] == {"code": 4711, "message": "rope too short", "data": ["a", {"list": 1}]}

    run(talk())


@each_client
def test_arguments_and_own_metadata_arrive_as_they_were_sent(run, client):
    async def talk():
        async with bridged([odd_child()]) as address, connected(address, era=client) as peer:
            given = {"": None, "n": 12345678901234567890, "deep": [{"ü": "🚢"}]}
            told = json.loads(text(await peer.call("echo", given, _meta={"traceparent": "00-1-2-3"})))
            assert told["arguments"] == given
            assert told["meta"] == {"traceparent": "00-1-2-3"}
            bare = await peer.ask("tools/call", {"name": "echo"})
            assert json.loads(text(bare["result"]))["arguments"] is None

    run(talk())


@each_client
def test_descriptions_keep_members_that_nobody_here_knows(run, client):
    async def talk():
        async with bridged([odd_child()]) as address, connected(address, era=client) as peer:
            tools = {tool["name"]: tool for tool in (await peer.ask("tools/list"))["result"]["tools"]}
            odd = tools["odd"]
            assert odd["inputSchema"] == {"type": "object", "x-own": [1], "$defs": {"n": {"type": "integer"}}}
            assert odd["annotations"] == {"readOnlyHint": True, "shinyHint": "very"}
            assert odd["_meta"] == {"colour": "blue"}

    run(talk())


@each_client
def test_one_bad_description_leaves_the_others_alone_and_odd_names_are_made_fit(run, client):
    async def talk():
        async with bridged([odd_child()]) as address, connected(address, era=client) as peer:
            listed = await names(peer)
            assert len(listed) == len(set(listed)) == 9
            assert "plain_words_" in listed and "no_schema" in listed
            [short] = [name for name in listed if name.startswith("haul_")]
            assert len(short) == 64
            assert json.loads(text(await peer.call(short)))["name"] == LONG
            assert json.loads(text(await peer.call("plain_words_")))["name"] == "plain words!"

    run(talk())


@each_client
def test_a_question_under_an_odd_id_gets_its_own_answer(run, client):
    async def talk():
        async with bridged([odd_child()]) as address, able(address, client) as peer:
            peer.answers["elicitation/create"] = {"action": "accept", "content": {"s": "that one"}}
            assert json.loads(text(await call(peer, "ask"))) == peer.answers["elicitation/create"]

    run(talk())


def test_a_client_that_cannot_be_asked_is_not(run):
    async def talk():
        async with bridged([odd_child()]) as address, connected(address, era="handshake") as peer:
            assert json.loads(text(await peer.call("ask")))["code"] == -32601

    run(talk())


# --- who shares what ---------------------------------------------------------------------------------


@each_client
def test_each_client_has_a_session_of_its_own_where_the_server_keeps_one(run, client):
    async def talk():
        async with reached("ws", "handshake") as address:
            async with connected(address, era=client) as one, connected(address, era=client) as two:
                tallies = [(await peer.call("tally"))["structuredContent"]["result"] for peer in (one, one, two, one)]
            assert tallies == [1, 2, 1, 3]

    run(talk())


def test_sessions_are_shared_where_that_is_wanted(run):
    async def talk():
        async with reached("ws", "handshake", share=True) as address:
            async with able(address, "handshake") as one, able(address, "handshake") as two:
                tallies = [(await peer.call("tally"))["structuredContent"]["result"] for peer in (one, two, one)]
                one.answers["elicitation/create"] = {"action": "accept", "content": {"n": 1}}
                assert text(await call(one, "ask")) == "accept {'n': 1}"
            assert tallies == [1, 2, 3]

    run(talk())


def test_the_session_of_a_client_that_left_is_ended(run):
    async def talk():
        async with bridged([shore_child()], era="handshake") as address:
            async with connected(address, era="handshake") as peer:
                process = (await peer.call("process"))["structuredContent"]["result"]
                os.kill(process, 0)
            await until(lambda: not _runs(process))

    run(talk(), within=20)


def test_the_children_end_with_the_server(run):
    async def talk():
        mcp = bridge([shore_child()], era="handshake")
        async with bridged(None, mcp=mcp) as address, connected(address, era="handshake") as peer:
            process = (await peer.call("process"))["structuredContent"]["result"]
        await until(lambda: not _runs(process))

    run(talk(), within=20)


def test_questions_of_calls_side_by_side_reach_the_client_that_made_each(run):
    async def talk():
        async with reached("ws", "handshake") as address:
            async with able(address, "stateless") as one, able(address, "handshake") as two:
                one.answers["elicitation/create"] = {"action": "accept", "content": {"n": 1}}
                two.answers["elicitation/create"] = {"action": "accept", "content": {"n": 2}}
                for _ in range(5):
                    said = await asyncio.gather(call(one, "ask"), call(two, "ask"))
                    assert [text(result) for result in said] == ["accept {'n': 1}", "accept {'n': 2}"]

    run(talk())


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


# --- several servers, and some that go away ------------------------------------------------------------


def test_several_servers_are_joined_under_their_names(run):
    async def talk():
        async with docked(shore.make()) as one, docked(shore.make()) as two:
            servers = {"east": {"url": f"ws://{one}/mcp"}, "west": {"url": f"http://{two}/mcp"}}
            async with bridged({"mcpServers": servers}) as address, connected(address) as peer:
                listed = await names(peer)
                assert {"east_add", "west_add"} <= set(listed) and len(listed) == len(set(listed))
                for name in ("east_add", "west_add"):
                    assert (await peer.call(name, {"a": 1, "b": 1}))["structuredContent"] == {"result": 2}
                prompts = (await peer.ask("prompts/list"))["result"]["prompts"]
                assert [prompt["name"] for prompt in prompts] == ["east_explain", "west_explain"]
                told = (await peer.ask("server/discover"))["result"]["instructions"]
                assert told.count("Mind the tide.") == 2 and "east" in told

    run(talk())


def test_a_child_that_dies_in_a_call_fails_that_call_and_the_next_gets_another(run):
    async def talk():
        async with bridged([shore_child("north"), odd_child("south")], era="handshake", hide_after=0.05) as address:
            async with connected(address, era="handshake") as peer:
                assert {"north_add", "south_odd"} <= set(await names(peer))
                lost = await peer.ask("tools/call", {"name": "south_crash"})
                assert lost["error"]["data"]["server"] == "south"
                assert lost["error"]["data"]["state"] == "unknown_outcome"
                assert lost["error"]["data"]["retryable"] is False
                # Only this client's own process of it has ended, so that it can have another.
                assert json.loads(text(await peer.call("south_echo")))["name"] == "echo"
                assert (await peer.call("north_add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}

    run(talk(), within=20)


def test_a_server_that_is_gone_is_told_at_once_leaves_the_lists_and_comes_back(run, caplog):
    async def talk():
        async with docked(shore.make()) as steady, _Lighthouse() as other:
            servers = {"steady": {"url": f"ws://{steady}/mcp"}, "other": {"url": f"ws://127.0.0.1:{other.port}/mcp"}}
            async with bridged({"mcpServers": servers}, hide_after=0.6) as address, connected(address) as peer:
                assert {"steady_add", "other_add"} <= set(await names(peer))
                await other.end()

                async def refused():
                    return (await peer.ask("tools/call", {"name": "other_add", "arguments": {"a": 1, "b": 1}})).get(
                        "error"
                    )

                error = await until(refused)
                assert error["code"] == -31006 and error["data"]["errorCode"] == "UNREACHABLE"
                assert error["data"]["retryable"] is True and error["data"]["server"] == "other"
                assert (await peer.call("steady_add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}

                async def hidden():
                    return "other_add" not in await names(peer)

                await until(hidden)
                assert "steady_add" in await names(peer)
                await other.begin()

                async def back():
                    return "other_add" in await names(peer)

                await until(back)
                assert (await peer.call("other_add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}

    with caplog.at_level(logging.INFO, "fairlead"):
        run(talk(), within=30)
    assert "'other' is back" in caplog.text


class _Lighthouse:
    """A server on one port that can be ended and begun again."""

    def __init__(self) -> None:
        self.port = 0
        self._stop: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "_Lighthouse":
        await self.begin()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.end()

    async def begin(self) -> None:
        self._stop, up = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._run(up))
        await up.wait()

    async def end(self) -> None:
        if self._stop is not None and self._task is not None:
            self._stop.set()
            await self._task

    async def _run(self, up: asyncio.Event) -> None:
        assert self._stop is not None
        async with docked(shore.make(), port=self.port) as address:
            self.port = int(address.rpartition(":")[2])
            up.set()
            await self._stop.wait()


def test_a_changed_description_is_told_in_the_log(run, caplog):
    async def talk():
        # Shared, so that the process that changes is the one whose lists are read.
        async with bridged([odd_child()], share=True) as address, connected(address, era="handshake") as peer:
            await peer.call("shift")
            await until(lambda: "look at it again" in caplog.text)
            listed = (await peer.ask("tools/list"))["result"]["tools"]
            assert [tool["name"] for tool in listed].index("echo") == 2
            assert listed[2]["description"] == "Echoes, and reads your mail."

    with caplog.at_level(logging.WARNING, "fairlead"):
        run(talk())
    assert "changed the description of its tool 'echo'" in caplog.text
    assert caplog.text.count("look at it again") == 1


def test_a_server_that_was_never_there_lets_the_others_be_served(run):
    async def talk():
        async with docked(shore.make()) as one:
            servers = {"one": {"url": f"ws://{one}/mcp"}, "none": {"command": "/no/such/program"}}
            async with bridged({"mcpServers": servers}) as address, connected(address) as peer:
                assert "one_add" in await names(peer)

    run(talk())


# --- what a source is ----------------------------------------------------------------------------------


def test_a_source_is_a_url_a_command_a_configuration_or_servers():
    [url] = upstreams_of("wss://tools.example:444/mcp?token=secret")
    assert (url.name, url.kind, url.url) == ("tools.example", "websocket", "wss://tools.example:444/mcp?token=secret")
    [command] = upstreams_of(["npx", "-y", "@scope/some-server", "--flag"])
    assert (command.name, command.kind, command.command) == ("some-server", "stdio", "npx")
    assert command.args == ("-y", "@scope/some-server", "--flag")
    [alone] = upstreams_of(["/usr/bin/server"])
    assert alone.name == "server"
    assert upstreams_of([alone]) == [alone]
    for wrong in ([], [1], "no-such-file.json", {"servers": 1}):
        with pytest.raises(UsageError):
            upstreams_of(wrong)


def test_a_configuration_with_nothing_switched_on_is_refused():
    with pytest.raises(UsageError, match="switched on"):
        bridge({"mcpServers": {"a": {"command": "x", "disabled": True}}})


# --- clients over HTTP, and the oldest line ------------------------------------------------------------


@pytest.mark.parametrize("upstream", ERAS)
@each_client
def test_clients_over_http_are_each_asked_their_own_questions(run, upstream, client):
    async def talk():
        async with reached("ws", upstream) as address:

            async def one(number: int) -> None:
                asked = {"n": number}
                async with Client(f"http://{address}/mcp", era=client, elicit=lambda _: asked) as peer:
                    for _ in range(3):
                        assert (await peer.call_tool("ask")).text == f"accept {{'n': {number}}}"

            await asyncio.gather(*(one(number) for number in range(4)))

    run(talk(), within=20)


@each_client
def test_a_server_of_2024_is_bridged_over_sse(run, client):
    async def talk():
        async with docked(shore.make()) as address:
            servers = {"mcpServers": {"old": {"type": "sse", "url": f"http://{address}/sse"}}}
            async with bridged(servers) as bridge_address, able(bridge_address, client) as peer:
                assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}
                peer.answers["elicitation/create"] = {"action": "accept", "content": {"n": 3}}
                assert text(await call(peer, "ask")) == "accept {'n': 3}"

    run(talk())


@each_client
def test_a_bridge_to_a_bridge_loses_nothing(run, client):
    async def talk():
        async with bridged([odd_child()]) as inner:
            async with bridged(f"ws://{inner}/mcp") as outer, able(outer, client) as peer:
                result = await peer.call("odd")
                assert [result[member] for member in ("content", "structuredContent", "ownMember")] == [
                    ODD[member] for member in ("content", "structuredContent", "ownMember")
                ]
                peer.answers["elicitation/create"] = {"action": "accept", "content": {"s": "far"}}
                assert json.loads(text(await call(peer, "ask"))) == peer.answers["elicitation/create"]

    run(talk())


def test_a_server_of_the_official_sdk_is_bridged(run, tmp_path):
    source = tmp_path / "theirs.py"
    source.write_text(
        "from mcp.server import MCPServer\n"
        "server = MCPServer('theirs')\n"
        "@server.tool()\n"
        "def add(a: int, b: int) -> int:\n"
        "    return a + b\n"
        "server.run('stdio')\n"
    )

    async def talk():
        async with bridged([python("theirs", str(source))]) as address:
            for era in ERAS:
                async with connected(address, era=era) as peer:
                    assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}

    run(talk(), within=30)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("upstream", ERAS)
def test_more_clients_than_the_other_server_takes_of_one_are_all_served(run, upstream, share):
    async def talk():
        async with reached("ws", upstream, share=share) as address, AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(connected(address)) for _ in range(4)]

            async def many(peer: Peer) -> list[int]:
                ids = [await peer.begin_call("later", {"seconds": 0.05}) for _ in range(40)]
                return [text((await peer.settle(id))["result"]) for id in ids]

            for said in await asyncio.gather(*(many(peer) for peer in peers)):
                assert said == ["later"] * 40

    run(talk(), within=20)
