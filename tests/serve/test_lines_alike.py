"""One conversation, the same over every line. A new line joins by a row in `LINES`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fairlead.serve.memory import MemoryLine
from fairlead.sources import python
from tests.serve.harbour import PIER, child, docked
from tests.serve.peer import STATELESS, Peer, connected, text

IDS = [0, "", -1, 2**53 - 1, 2**63 - 1, "a string", "0"]


@asynccontextmanager
async def over_memory(era: str) -> AsyncIterator[Peer]:
    async with MemoryLine(python.load(str(PIER)).station) as line:
        peer = Peer(line.send, line.receive, era=era)
        await peer.greet()
        yield peer


@asynccontextmanager
async def over_websocket(era: str) -> AsyncIterator[Peer]:
    async with docked(python.load(str(PIER))) as address, connected(address, era=era) as peer:
        yield peer


@asynccontextmanager
async def over_stdio(era: str) -> AsyncIterator[Peer]:
    async with child("serve", str(PIER), "--transport", "stdio") as running:

        async def send(frame: str) -> None:
            await running.write(frame.encode() + b"\n")

        peer = Peer(send, running.line, era=era)
        await peer.greet()
        yield peer
        running.hang_up()
        assert await running.ends() == 0


LINES = {"memory": over_memory, "websocket": over_websocket, "stdio": over_stdio}


@pytest.fixture(params=LINES)
def line(request):
    return LINES[request.param]


@pytest.fixture(params=["handshake", "stateless"])
def era(request):
    return request.param


async def lists_and_reads(peer: Peer) -> None:
    tools = (await peer.ask("tools/list"))["result"]["tools"]
    assert [tool["name"] for tool in tools][:2] == ["add", "hang"]
    templates = (await peer.ask("resources/templates/list"))["result"]["resourceTemplates"]
    assert [template["uriTemplate"] for template in templates] == ["notes://{name}"]
    [content] = (await peer.ask("resources/read", {"uri": "notes://x"}))["result"]["contents"]
    assert content["text"] == "note x"
    [message] = (await peer.ask("prompts/get", {"name": "explain", "arguments": {"topic": "tides"}}))["result"][
        "messages"
    ]
    assert message["content"]["text"] == "Explain tides"


async def calls(peer: Peer) -> None:
    assert (await peer.call("add", {"a": 2, "b": 3}))["structuredContent"] == {"result": 5}
    refused = await peer.call("refuse")
    assert refused["isError"] and text(refused) == "no boats today"
    failed = await peer.call("fail")
    assert failed["isError"] and "marker" not in text(failed)
    misfit = await peer.call("add", {"a": "two", "b": 3})
    assert misfit["isError"] and "$.a" in text(misfit)


async def errors(peer: Peer) -> None:
    unknown = (await peer.ask("tools/call", {"name": "none"}))["error"]
    assert unknown["code"] == -32602 and unknown["data"]["retryable"] is False
    assert (await peer.ask("no/such"))["error"]["code"] == -32601
    await peer.send("{ this is no JSON")
    broken = await peer.receive()
    assert broken["error"]["code"] == -32700 and "id" not in broken
    await peer.send('{"jsonrpc":"2.0","id":1.5,"method":"ping"}')
    assert (await peer.receive())["error"]["code"] == -32600
    assert (await peer.call("add", {"a": 1, "b": 1}))["structuredContent"] == {"result": 2}


async def ids(peer: Peer) -> None:
    for id in IDS:
        answer = await peer.ask("tools/list", id=id)
        assert answer["id"] == id and type(answer["id"]) is type(id)


async def cancels_and_overtakes(peer: Peer) -> None:
    slow = await peer.begin_call("hang", _meta={"progressToken": "t"})
    await peer.hear("notifications/progress")
    assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}
    await peer.cancel(slow)
    # The id is free again, and nothing came for the cancelled call.
    assert (await peer.ask("tools/list", id=slow))["result"]["tools"]


async def tells_before_the_result(peer: Peer) -> None:
    peer.heard.clear()
    meta = {"progressToken": "p", "io.modelcontextprotocol/logLevel": "info"}
    assert text(await peer.call("chatter", _meta=meta)) == "told"
    told = [message["method"] for message in peer.heard]
    assert told == ["notifications/progress", "notifications/message"] * 3
    peer.heard.clear()
    assert text(await peer.call("count", {"to": 3}, _meta=meta)) == "counted"
    assert [message["params"]["progress"] for message in peer.heard] == [1, 2, 3]


async def asks_back(peer: Peer) -> None:
    if peer.era == "handshake":
        await peer.shake(elicitation={})
        peer.answers["elicitation/create"] = {"action": "accept", "content": {"n": 4}}
        assert text(await peer.call("ask")) == "accept {'n': 4}"
        return
    peer.capabilities = {"elicitation": {}}
    first = await peer.call("ask")
    assert first["resultType"] == "input_required"
    [key] = first["inputRequests"]
    more = {
        "requestState": first["requestState"],
        "inputResponses": {key: {"action": "accept", "content": {"n": 4}}},
    }
    assert text(await peer.call("ask", **more)) == "accept {'n': 4}"


CONVERSATION = (lists_and_reads, calls, errors, ids, cancels_and_overtakes, tells_before_the_result, asks_back)


@pytest.mark.requirement("SERVER-10", "ERA-01", "ERA-02")
def test_a_conversation_goes_the_same_over_every_line_in_both_eras(run, line, era):
    async def talk():
        async with line(era) as peer:
            for part in CONVERSATION:
                await part(peer)

    run(talk(), within=30)


def test_pings_are_answered_while_a_tool_holds_a_thread_on_every_line(run, line):
    async def talk():
        async with line("handshake") as peer:
            slow = await peer.begin_call("block", {"seconds": 600}, _meta={"progressToken": "t"})
            await peer.hear("notifications/progress")
            assert (await peer.ask("ping"))["result"] == {}
            await peer.cancel(slow)

    run(talk(), within=30)


@pytest.mark.requirement("ERA-03")
def test_both_eras_share_one_line(run, line):
    async def talk():
        async with line("handshake") as peer:
            peer.era = "stateless"
            result = await peer.call("add", {"a": 1, "b": 2})
            assert result["resultType"] == "complete"
            assert (await peer.ask("server/discover"))["result"]["supportedVersions"] == [STATELESS]
            assert (await peer.ask("ping"))["error"]["code"] == -32601
            peer.era = "handshake"
            assert "resultType" not in await peer.call("add", {"a": 1, "b": 2})
            assert (await peer.ask("ping"))["result"] == {}

    run(talk(), within=30)


@pytest.mark.requirement("ERA-12")
@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26"])
def test_a_batch_is_answered_in_one_frame_on_every_line(run, line, version):
    async def talk():
        async with line("stateless") as peer:
            await peer.shake(version)
            ask = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "add", "arguments": {"a": 1, "b": 1}}}
            note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
            await peer.send([{**ask, "id": 10}, note, 7, {"jsonrpc": "2.0", "id": 11, "method": "ping"}])
            answers = await peer.receive()
            assert {answer.get("id") for answer in answers} == {10, 11, None}
            assert len(answers) == 3

    run(talk(), within=30)
