"""The process of a network server: how it drains, and how it ends whatever its tools do."""

import asyncio
import signal
import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed

from fairlead import Fairlead
from fairlead.errors import LineError
from fairlead.serve.process import listen
from tests.serve.harbour import PIER, WAIT, child, moored
from tests.serve.peer import connected, dialled, text

SERVE = ("serve", str(PIER), "--port", "0")
SCRIPT = """
import atexit, sys, time
from fairlead import Context, Fairlead
mcp = Fairlead("script", port=0, drain_seconds=0.1)
@mcp.tool
def block(ctx: Context) -> None:
    ctx.wait(ctx.progress(1))
    time.sleep(600)
say = sys.stderr.write
atexit.register(lambda: say("cleaned up\\n"))
mcp.run(started=lambda where: say(f"ws://{where[0]}/mcp /health\\n"))
say("went on\\n")
"""


async def closing(socket) -> int:
    try:
        async with asyncio.timeout(WAIT):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return 0 if closed.rcvd is None else closed.rcvd.code


async def refused(address: str) -> None:
    """Waits until nobody accepts there."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(WAIT):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.02)


@pytest.mark.requirement("WS-13")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_calls_finish_refuses_new_ones_and_closes_1012(run, number):
    async def talk():
        async with child(*SERVE) as running:
            address = await running.address()
            async with dialled(address) as (peer, socket), connected(address) as idle:
                slow = await peer.begin_call("later", {"seconds": 1.0}, _meta={"progressToken": "t"})
                await peer.hear("notifications/progress")
                running.process.send_signal(number)
                await refused(address)
                new = await idle.ask("tools/call", {"name": "add", "arguments": {"a": 1, "b": 1}})
                assert new["error"]["data"]["errorCode"] == "SHUTTING_DOWN" and new["error"]["data"]["retryable"]
                assert text((await peer.settle(slow))["result"]) == "later"
                assert await closing(socket) == 1012
            assert await running.ends() == 0
            assert "Traceback" not in running.stderr

    run(talk(), within=20)


@pytest.mark.parametrize("tool", ["hang", "block", "block_elsewhere"])
def test_a_call_that_does_not_end_is_ended_after_the_time_for_draining(run, tool):
    async def talk():
        async with child(*SERVE, "--drain-seconds", "0.2") as running:
            async with dialled(await running.address()) as (peer, socket):
                await peer.begin_call(tool, _meta={"progressToken": "t"})
                await peer.hear("notifications/progress")
                running.process.terminate()
                assert await closing(socket) == 1012
            assert await running.ends(within=5) == 0
            assert tool != "hang" or "hang was cancelled" in running.stderr
            assert "Traceback" not in running.stderr

    run(talk(), within=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("tool", ["hang", "block"])
def test_a_second_signal_ends_it_at_once(run, number, tool):
    async def talk():
        async with child(*SERVE, "--drain-seconds", "60") as running:
            address = await running.address()
            async with connected(address) as peer:
                await peer.begin_call(tool, _meta={"progressToken": "t"})
                await peer.hear("notifications/progress")
                running.process.send_signal(number)
                await refused(address)
                assert running.process.returncode is None
                running.process.send_signal(number)
                assert await running.ends(within=5) == 0

    run(talk(), within=20)


def test_an_idle_server_with_clients_ends_soon(run):
    async def talk():
        async with child(*SERVE) as running:
            address = await running.address()
            async with dialled(address) as (_, one), dialled(address) as (_, other):
                running.process.terminate()
                assert await closing(one) == await closing(other) == 1012
            assert await running.ends(within=5) == 0

    run(talk(), within=20)


def test_a_listener_is_told_the_end_of_its_subscription(run):
    async def talk():
        async with child(*SERVE) as running:
            async with dialled(await running.address()) as (peer, socket):
                id = await peer.begin("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
                await peer.hear("notifications/subscriptions/acknowledged")
                running.process.terminate()
                end = await peer.settle(id)
                assert end["result"]["resultType"] == "complete"
                assert await closing(socket) == 1012
            assert await running.ends(within=5) == 0

    run(talk(), within=20)


def test_a_large_answer_reaches_a_slow_reader_before_the_end(run):
    async def talk():
        async with child(*SERVE) as running:
            async with dialled(await running.address(), max_queue=1) as (peer, socket):
                socket.transport.pause_reading()
                for id in range(4):
                    await peer.begin_call("large", {"size": 1_500_000}, id=None if id else "first")
                await asyncio.sleep(0.3)  # nothing tells when the answers wait for us
                running.process.terminate()
                await asyncio.sleep(0.5)  # nor when the server has begun to go
                socket.transport.resume_reading()
                got = 0
                with pytest.raises(ConnectionClosed):
                    while True:
                        assert "result" in await peer.receive()
                        got += 1
                assert got == 4
            assert await running.ends(within=5) == 0

    run(talk(), within=20)


def test_a_script_that_serves_goes_on_after_run_and_no_thread_keeps_it(run, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    async def talk():
        async with child(program=(str(script),)) as running:
            async with connected(await running.address()) as peer:
                await peer.begin_call("block", _meta={"progressToken": "t"})
                await peer.hear("notifications/progress")
                running.process.terminate()
                assert await running.ends(within=5) == 0
            assert "went on\ncleaned up\n" in running.stderr

    run(talk(), within=20)


def test_run_works_in_a_thread_and_again_after_it_ended(run):
    mcp = Fairlead("twice", port=0)

    @mcp.tool
    def thread() -> str:
        return threading.current_thread().name

    async def talk(address):
        async with connected(address) as peer:
            assert text(await peer.call("thread")).startswith("fairlead-tool")

    for _ in range(2):
        with moored(mcp) as address:
            run(talk(address))


def test_an_address_in_use_is_said_to_be():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LineError, match="something listens there already"):
            listen("127.0.0.1", port)
    began = time.monotonic()
    [one] = listen("127.0.0.1", 0)
    with one, pytest.raises(LineError):
        listen("127.0.0.1", one.getsockname()[1])
    assert time.monotonic() - began < WAIT


def test_all_addresses_of_a_name_share_one_port():
    opened = listen("localhost", 0)
    try:
        assert len({one.getsockname()[1] for one in opened}) == 1
    finally:
        for one in opened:
            one.close()
