"""The stdio line: children that speak, make noise, die, and have children of their own."""

import asyncio
import os
import sys
from contextlib import suppress

import pytest

from fairlead.client import Client
from fairlead.connect.line import ConnectError
from fairlead.errors import ConnectionLost
from tests.connect.ways import QUICK, until

BEGIN = """
import json, os, sys, signal, subprocess, time
def say(**more): print(json.dumps({"jsonrpc": "2.0", **more}), flush=True)
"""
SERVE = """
for line in sys.stdin:
    said = json.loads(line)
    if said["method"] == "initialize":
        say(id=said["id"], result={"protocolVersion": "2025-11-25", "capabilities": {}})
    elif said["method"] == "tools/call":
        act(said)
    elif "id" in said:
        say(id=said["id"], error={"code": -32601, "message": "no"})
"""
TEXT = 'say(id=said["id"], result={"content": [{"type": "text", "text": str(os.getpid())}]})'


def child(act=TEXT, begin="", end=""):
    body = f"def act(said):\n    {act}\n"
    return [sys.executable, "-c", BEGIN + body + begin + "\n" + SERVE + end]


def alive(pid):
    with suppress(OSError):
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_child_that_ends_is_started_again_and_its_call_is_not_repeated(run):
    async def main():
        act = f'os._exit(3) if said["params"]["name"] == "die" else {TEXT}'
        async with Client(child(act), reconnect=QUICK) as client:
            first = (await client.call_tool("pid")).text
            with pytest.raises(ConnectionLost, match="ended") as lost:
                await client.call_tool("die")
            assert lost.value.state == "unknown_outcome"
            second = (await client.call_tool("pid")).text
            assert first != second and not alive(int(first))
        assert not alive(int(second))

    run(main(), within=20)


def test_noise_on_its_output_is_left_out_and_counted(run):
    async def main():
        async with Client(child(begin='print("hello\\n\\nworld", flush=True)'), era="handshake") as client:
            await client.call_tool("pid")
            assert client._lifeline.current.line.noise == 2

    run(main(), within=20)


def test_a_program_that_is_not_there_is_told_by_name(run):
    async def main():
        with pytest.raises(ConnectError, match="no program 'no-such-program'") as fault:
            async with Client(["no-such-program", "--secret"]):
                pass
        assert fault.value.final and "secret" not in str(fault.value)

    run(main())


def test_a_program_that_ends_at_once_is_not_waited_for(run):
    async def main():
        with pytest.raises(ConnectionLost, match="ended"):
            async with Client([sys.executable, "-c", "pass"]):
                pass

    run(main(), within=20)


def test_a_child_that_will_not_end_is_ended_and_its_own_children_with_it(run, monkeypatch, tmp_path):
    from fairlead.connect import stdio

    monkeypatch.setattr(stdio, "_PATIENCE", 0.3)
    path = tmp_path / "pid"
    begin = f"""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(path)!r}, "w").write(str(inner.pid))
"""

    async def main():
        async with Client(child(begin=begin, end="\ntime.sleep(600)")) as client:
            outer = int((await client.call_tool("pid")).text)
        await until(lambda: not alive(outer) and not alive(int(path.read_text())))

    run(main(), within=20)


def test_the_end_of_a_child_is_seen_though_its_own_child_holds_the_pipe(run):
    async def main():
        inner = 'subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])'
        async with Client(child(f"({inner}, os._exit(0))"), reconnect=False) as client:
            with pytest.raises(ConnectionLost, match="ended"):
                await client.call_tool("t")

    run(main(), within=20)


def test_a_child_that_does_not_read_makes_senders_wait_and_those_were_not_sent(run):
    async def main():
        async with Client(child("time.sleep(600)"), reconnect=False) as client:
            calls = [asyncio.create_task(client.call_tool("t", {"x": "y" * 200_000}, within=30)) for _ in range(9)]
            child_now = client._lifeline.current.line
            await until(lambda: child_now._child.room is not None)
            os.kill(child_now.pid, 9)
            states = {end.state for end in await asyncio.gather(*calls, return_exceptions=True)}
            assert states == {"not_sent", "unknown_outcome"} or states == {"unknown_outcome"}

    run(main(), within=20)


def test_the_environment_of_a_child_is_ours_and_what_is_added(run):
    async def main():
        act = TEXT.replace("str(os.getpid())", 'os.environ["ADDED"] + os.environ["PATH"]')
        async with Client(child(act), env={"ADDED": "x"}) as client:
            assert (await client.call_tool("t")).text == "x" + os.environ["PATH"]

    run(main(), within=20)
