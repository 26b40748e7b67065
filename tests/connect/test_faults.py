"""What becomes of calls when the line under them is cut, stalls, goes deaf, is slow, or speaks nonsense."""

import asyncio
from collections import Counter

import pytest

from fairlead import Fairlead, ToolError
from fairlead.client import Client
from fairlead.connect.websocket import WebSocket
from fairlead.errors import CallError, ConnectionLost, PeerError, RequestTimeout
from tests.connect.faults import faults_before
from tests.connect.ways import QUICK, until
from tests.serve.harbour import docked

URLS = {"websocket": "ws://{}/mcp", "http": "http://{}/mcp", "sse": "http://{}/sse"}
LANES = 32


@pytest.fixture(params=URLS)
def line(request):
    return request.param


@pytest.fixture(params=["stateless", "handshake"])
def era(request):
    return request.param


class Counting:
    """A server that counts how often it did each thing that it was asked to do."""

    def __init__(self) -> None:
        self.mcp = Fairlead("counting")
        self.done: Counter = Counter()
        self.held = asyncio.Event()
        self.mcp.tool(self.put)
        self.mcp.tool("put_again", hints={"idempotent_hint": True})(self.put_again)
        self.mcp.tool(self.hold)

    async def put(self, key: int) -> int:
        """Change something."""
        self.done["put", key] += 1
        await asyncio.sleep(0.001 * (key % 4))
        if key % 97 == 5:
            raise ToolError("not this one")
        return key

    async def put_again(self, key: int) -> int:
        """Change something so that it is the same afterwards, however often."""
        self.done["put_again", key] += 1
        await asyncio.sleep(0.001 * (key % 4))
        return key

    async def hold(self) -> str:
        """Begin, and do not end."""
        self.done["hold", 0] += 1
        await self.held.wait()
        return "held"


async def outcome(client: Client, tool: str, key: int) -> str:
    try:
        called = await client.call_tool(tool, {"key": key}, within=20)
    except ConnectionLost as lost:
        return lost.state
    except (CallError, PeerError):
        return "refused"
    if called.is_error:
        return "error"
    assert called.value == key, "an answer to somebody else's call"
    return "result"


async def cut_and_call(calls: int, cuts: int, line: str, era: str) -> None:
    server = Counting()
    outcomes: dict[tuple[str, int], str] = {}
    keys = iter(range(calls))

    async def lane(client: Client) -> None:
        for key in keys:
            tool = "put_again" if key % 2 else "put"
            assert (tool, key) not in outcomes
            outcomes[tool, key] = await outcome(client, tool, key)

    async def cutter(faults) -> None:
        for cut in range(1, cuts + 1):
            await until(lambda cut=cut: len(outcomes) >= cut * calls // (cuts + 1))
            faults.cut()

    async with docked(server.mcp) as address, faults_before(address) as faults:
        url = URLS[line].format(faults.address)
        async with Client(url, era=era, reconnect=QUICK, proxy=False) as client:
            await client.list_tools()
            await asyncio.gather(*(lane(client) for _ in range(LANES)), cutter(faults))
        assert faults.accepted > cuts or line == "http"
    tally = Counter(outcomes.values())
    assert len(outcomes) == calls and set(tally) <= {"result", "error", "not_sent", "unknown_outcome"}, tally
    twice = [key for key, times in server.done.items() if key[0] == "put" and times > 1]
    assert not twice, "what is not safe ran twice"
    for (tool, key), ended in outcomes.items():
        ran = server.done[tool, key]
        assert ran == 0 if ended == "not_sent" else ran >= 1 or ended == "unknown_outcome", (tool, key, ended, ran)
        assert tool == "put" or ended == "result", "what is safe is repeated until it is done"
    # Many calls were lost in the cuts, and most were not.
    assert tally["result"] > calls * 0.5


def test_every_call_over_a_line_that_is_cut_ends_once_and_nothing_unsafe_runs_twice(run, line, era):
    run(cut_and_call(1_000, 10, line, era), within=50)


@pytest.mark.soak
def test_ten_thousand_calls_over_a_line_that_is_cut_a_hundred_times(run, line, era):
    run(cut_and_call(10_000, 100, line, era), within=600)


def test_a_call_that_may_have_run_fails_at_once_and_not_when_its_time_is_up(run, line, era):
    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(URLS[line].format(faults.address), era=era, reconnect=QUICK, proxy=False) as client:
                call = asyncio.create_task(client.call_tool("hold", within=600))
                await until(lambda: server.done["hold", 0] == 1)
                faults.cut()
                with pytest.raises(ConnectionLost) as lost:
                    await call
                assert lost.value.state == "unknown_outcome"
                assert (await client.call_tool("put", {"key": 1})).value == 1
                assert server.done["hold", 0] == 1

    run(main(), within=20)


def test_a_call_made_while_there_is_no_line_waits_for_the_next_one(run, era):
    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(f"ws://{faults.address}/mcp", era=era, reconnect=QUICK, proxy=False) as client:
                faults.refusing = True
                faults.cut()
                await until(lambda: not client.connected)
                call = asyncio.create_task(client.call_tool("put", {"key": 1}))
                tried = faults.accepted
                await until(lambda: faults.accepted > tried + 2)
                assert not call.done()
                faults.refusing = False
                assert (await call).value == 1
        assert server.done["put", 1] == 1

    run(main(), within=20)


def test_a_call_for_which_no_line_came_in_time_was_not_sent(run):
    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(f"ws://{faults.address}/mcp", reconnect=QUICK, proxy=False) as client:
                faults.refusing = True
                faults.cut()
                await until(lambda: not client.connected)
                with pytest.raises(ConnectionLost) as lost:
                    await client.call_tool("put", {"key": 1}, within=0.2)
                assert lost.value.state == "not_sent"
        assert not server.done

    run(main(), within=20)


def test_without_reconnection_a_broken_line_stays_broken(run):
    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(f"ws://{faults.address}/mcp", reconnect=False, proxy=False) as client:
                faults.cut()
                await until(lambda: not client.connected)
                with pytest.raises(ConnectionLost) as lost:
                    await client.call_tool("put", {"key": 1})
                assert lost.value.state == "not_sent" and faults.accepted == 1

    run(main(), within=20)


def test_a_half_open_socket_is_found_by_pings_that_nobody_answers(run, monkeypatch):
    monkeypatch.setattr(
        WebSocket.__init__, "__kwdefaults__", {**WebSocket.__init__.__kwdefaults__, "ping_seconds": 0.1}
    )

    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(f"ws://{faults.address}/mcp", reconnect=QUICK, proxy=False) as client:
                call = asyncio.create_task(client.call_tool("hold", within=600))
                await until(lambda: server.done["hold", 0] == 1)
                faults.deaf = True
                with pytest.raises(ConnectionLost) as lost:
                    await call
                assert lost.value.state == "unknown_outcome"
                faults.resume()
                assert (await client.call_tool("put", {"key": 1})).value == 1

    run(main(), within=20)


def test_the_pings_of_a_socket_find_a_half_open_line_within_forty_seconds():
    assert 2 * WebSocket.__init__.__kwdefaults__["ping_seconds"] <= 40


def test_a_line_that_stalls_keeps_its_calls_until_their_time_is_up(run, line):
    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(URLS[line].format(faults.address), reconnect=QUICK, proxy=False) as client:
                faults.stalled = True
                with pytest.raises((RequestTimeout, ConnectionLost)):
                    await client.call_tool("put", {"key": 1}, within=0.3)
                faults.resume()
                assert (await client.call_tool("put", {"key": 2})).value == 2
        assert server.done["put", 1] <= 1

    run(main(), within=20)


def test_a_slow_line_in_tiny_pieces_brings_the_same_answers(run, line, era):
    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(URLS[line].format(faults.address), era=era, reconnect=QUICK, proxy=False) as client:
                faults.piece, faults.delay = 17, 0.0005
                answers = await asyncio.gather(*(client.call_tool("put", {"key": key}) for key in range(4)))
        assert [answer.value for answer in answers] == [0, 1, 2, 3]

    run(main(), within=30)


def test_garbage_ends_a_line_and_not_the_client(run, line):
    async def main():
        server = Counting()
        async with docked(server.mcp) as address, faults_before(address) as faults:
            async with Client(URLS[line].format(faults.address), reconnect=QUICK, proxy=False) as client:
                await client.list_tools()
                call = asyncio.create_task(outcome(client, "put_again", 3))
                await until(lambda: server.done["put_again", 3] == 1)
                faults.garble()
                assert await call in ("result", "unknown_outcome")
                assert (await client.call_tool("put_again", {"key": 5})).value == 5

    run(main(), within=20)
