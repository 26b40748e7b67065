"""`fairlead dial` and `fairlead serve --dial` as processes, against a far side of our own."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from fairlead.cli.dial import find_servers
from fairlead.cli.environment import read_dotenv
from fairlead.cli.serve import _seconds
from fairlead.errors import UsageError
from tests.serve.cloud import TOKEN, Caller, Cloud, cloud
from tests.serve.harbour import PIER, WAIT, child
from tests.serve.peer import connected, text

BARE = {"MCP_ENDPOINT": "", "MCP_CONFIG": ""}

HELM = """
import os, asyncio
from fairlead import Fairlead
mcp = Fairlead("helm")

@mcp.tool
async def pid() -> int:
    return os.getpid()

@mcp.tool
async def hang() -> None:
    await asyncio.sleep(600)

@mcp.tool
async def said() -> str:
    return os.environ.get("SAID", "nothing")
"""


def configure(folder: Path, *names: str, **more) -> Path:
    """A configuration of stdio servers, each a process of its own."""
    (folder / "helm.py").write_text(HELM)
    command = {"command": sys.executable, "args": ["-m", "fairlead", "serve", "helm.py", "--transport", "stdio"]}
    servers = {name: {**command, "cwd": str(folder), "env": {"SAID": f"{name} ${{SAYS:-hello}}"}} for name in names}
    path = folder / "mcp_config.json"
    path.write_text(json.dumps({"mcpServers": {**servers, **more}}))
    return path


def quiet(running) -> None:
    """No secret was told, and nothing was written to standard output."""
    assert TOKEN not in running.stderr, running.stderr
    assert "/mcp_endpoint/mcp/" in running.stderr, running.stderr


async def listed(caller: Caller, id: int = 50) -> list[str]:
    return [tool["name"] for tool in (await caller.ask("tools/list", {}, id=id))["result"]["tools"]]


def test_a_python_file_is_served_to_a_url_and_ends_with_a_signal(run):
    async def scene():
        async with cloud() as far, child("dial", str(PIER), far.url, env=BARE) as running:
            caller = await far.arrival()
            assert "add" in await caller.official()
            assert text(await caller.call("add", {"a": 2, "b": 3})) == "5"
            running.process.terminate()
            assert (await caller.gone())[0] == 1000
            assert await running.ends() == 0
            assert await running.rest() == b""
            quiet(running)

    run(scene(), within=20)


def test_the_address_comes_from_the_environment(run, tmp_path):
    async def scene():
        async with cloud() as far:
            (tmp_path / ".env").write_text("MCP_ENDPOINT=ws://127.0.0.1:1/never\n")
            async with child("dial", str(PIER), env={**BARE, "MCP_ENDPOINT": far.url}, cwd=str(tmp_path)) as running:
                assert await (await far.arrival()).official()
                quiet(running)

    run(scene(), within=20)


def test_the_address_comes_from_a_dotenv_file_and_the_servers_from_a_configuration(run, tmp_path, monkeypatch):
    monkeypatch.delenv("MCP_ENDPOINT", raising=False)
    monkeypatch.delenv("MCP_CONFIG", raising=False)

    async def scene():
        async with cloud() as far:
            configure(tmp_path, "port", "starboard", off={"command": "no-such-program", "disabled": True})
            (tmp_path / ".env").write_text(f"# mine\nexport MCP_ENDPOINT='{far.url}'\nSAYS=ahoy\n")
            async with child("dial", cwd=str(tmp_path)) as running:
                caller = await far.arrival()
                names = await caller.official()
                assert sorted(names) == sorted(
                    f"{side}_{tool}" for side in ("port", "starboard") for tool in ("pid", "hang", "said")
                )
                assert text(await caller.call("port_said")) == "port ahoy"
                assert text(await caller.call("starboard_said")) == "starboard ahoy"
                assert len(far.callers) == 1
                quiet(running)

    run(scene(), within=30)


def test_each_server_has_a_socket_of_its_own_where_that_is_wanted(run, tmp_path):
    async def scene():
        async with cloud() as far:
            config = configure(tmp_path, "port", "starboard")
            async with child("dial", "--each", str(config), far.url, env=BARE) as running:
                callers = [await far.arrival(), await far.arrival()]
                said = set()
                for caller in callers:
                    assert sorted(await caller.official()) == ["hang", "pid", "said"]
                    said.add(text(await caller.call("said")))
                assert said == {"port hello", "starboard hello"}
                running.process.terminate()
                assert await running.ends() == 0

    run(scene(), within=30)


async def begun(far: Cloud) -> tuple[Caller, int]:
    caller = await far.arrival()
    await caller.official()
    return caller, int(text(await caller.call("pid")))


def test_a_socket_that_drops_starts_no_child_anew(run, tmp_path):
    async def scene():
        async with cloud() as far:
            async with child("dial", str(configure(tmp_path, "helm")), far.url, env=BARE):
                caller, first = await begun(far)
                for _ in range(2):
                    await caller.socket.close(4004)
                    caller, again = await begun(far)
                    assert again == first

    run(scene(), within=30)


def test_a_child_that_dies_is_told_at_once_its_calls_fail_and_it_comes_back(run, tmp_path):
    async def scene():
        async with cloud() as far:
            async with child("dial", str(configure(tmp_path, "helm")), far.url, env=BARE):
                caller, first = await begun(far)
                hanging = await caller.begin_call("hang")
                await caller.ask("ping")
                os.kill(first, signal.SIGKILL)
                lost = await caller.settle(hanging)
                assert "error" in lost or lost["result"]["isError"], lost
                if not any(one["method"] == "notifications/tools/list_changed" for one in caller.heard):
                    await caller.hear("notifications/tools/list_changed")
                async with asyncio.timeout(WAIT):
                    while "pid" not in await listed(caller):
                        await asyncio.sleep(0.05)  # until it has been started again
                assert int(text(await caller.call("pid"))) != first
                assert len(far.callers) == 1  # The socket stayed.

    run(scene(), within=30)


def test_a_server_that_cannot_be_started_does_not_take_the_others_along(run, tmp_path):
    async def scene():
        async with cloud() as far:
            config = configure(tmp_path, "helm", broken={"command": sys.executable, "args": ["-c", "raise SystemExit"]})
            async with child("dial", str(config), far.url, env=BARE):
                caller = await far.arrival(within=30)  # It may yet come: that much patience there is.
                assert "helm_pid" in await caller.official()

    run(scene(), within=40)


def test_a_far_side_that_refuses_for_good_ends_the_program_with_exit_code_3(run):
    async def scene():
        async with cloud() as far:

            async def refuse(connection):
                await connection.close(1008, f"unknown token {TOKEN}")

            far.greet = refuse
            async with child("dial", str(PIER), far.url, "--log-level", "debug", env=BARE) as running:
                assert await running.ends() == 3
                assert "closed with 1008 (unknown token …)" in running.stderr.splitlines()[-1]
                quiet(running)

    run(scene(), within=20)


def test_debug_tells_no_secret_either(run):
    async def scene():
        async with cloud() as far, child("dial", str(PIER), far.url, "--log-level", "debug", env=BARE) as running:
            assert await (await far.arrival()).official()
            await running.says("Dialled")
            quiet(running)

    run(scene(), within=20)


def test_a_slow_call_is_answered_in_time(run):
    async def scene():
        async with cloud() as far:
            async with child("dial", str(PIER), far.url, "--answer-within", "100ms", env=BARE):
                caller = await far.arrival()
                assert "result_of" in await caller.official()
                told = text(await caller.call("later", {"seconds": 0.4}))
                handle = told.partition('"handle": "')[2].partition('"')[0]
                async with asyncio.timeout(WAIT):
                    while "still at work" in (told := text(await caller.call("result_of", {"handle": handle}))):
                        pass
                assert told == "later"

    run(scene(), within=20)


def test_serve_dials_beside_its_own_port(run):
    async def scene():
        async with cloud() as one, cloud() as two:
            words = ("serve", str(PIER), "--port", "0", "--dial", one.url, "--dial", two.url)
            async with child(*words, env=BARE) as running:
                callers = [await one.arrival(), await two.arrival()]
                for caller in callers:
                    assert "add" in await caller.official()
                async with connected(await running.address()) as peer:
                    assert await peer.call("add", {"a": 1, "b": 1})
                running.process.terminate()
                assert [(await caller.gone())[0] for caller in callers] == [1000, 1000]
                assert await running.ends() == 0
                quiet(running)

    run(scene(), within=20)


def test_of_several_workers_one_dials(run):
    async def scene():
        async with cloud() as far:
            async with child("serve", str(PIER), "--port", "0", "--workers", "2", "--dial", far.url) as running:
                caller = await far.arrival()
                assert "add" in await caller.official()
                await running.address()
                assert len(far.callers) == 1
                running.process.terminate()
                assert await running.ends() == 0

    run(scene(), within=30)


def test_a_second_signal_ends_it_while_it_waits_for_a_call(run):
    async def scene():
        async with cloud() as far:
            async with child("dial", str(PIER), far.url, "--drain-seconds", "600", env=BARE) as running:
                caller = await far.arrival()
                await caller.official()
                hanging = await caller.begin_call("hang")
                await running.says("hang began")
                running.process.terminate()
                call = {"name": "add", "arguments": {"a": 1, "b": 1}}
                while "error" not in (await caller.ask("tools/call", call, id=90)):
                    pass  # until the signal has arrived: what is new is refused then
                assert running.process.returncode is None
                running.process.terminate()
                assert (await caller.settle(hanging))["error"]["data"]["errorCode"] == "SHUTTING_DOWN"
                assert await running.ends() == 0

    run(scene(), within=20)


def test_a_mistaken_command_repeats_no_token(run):
    async def scene():
        for words in (
            ("serve", str(PIER), f"wss://a/b?token={TOKEN}"),
            ("dial", f"https://a/b?token={TOKEN}", "x.py", "wss://a/b"),
        ):
            async with child(*words, env=BARE) as running:
                assert await running.ends() == 1
                assert running.stderr and TOKEN not in running.stderr, running.stderr

    run(scene(), within=20)


def test_serve_on_standard_input_dials_too(run):
    async def scene():
        async with cloud() as far:
            async with child("serve", str(PIER), "--transport", "stdio", "--dial", far.url) as running:
                caller = await far.arrival()
                assert "add" in await caller.official()
                running.hang_up()
                assert (await caller.gone())[0] == 1000
                assert await running.ends() == 0
                assert await running.rest() == b""

    run(scene(), within=20)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((str(PIER),), "nothing to dial"),
        (("ws://a/b",), "There is no 'mcp_config.json'"),
        (("a.py", "b.py", "ws://a/b"), "There are 2 sources"),
        ((str(PIER), "ws:///b"), "begins with ws:// or wss://"),
        ((str(PIER), "ws://a/b", "--answer-within", "soon"), "--answer-within 'soon' does not fit"),
    ],
)
def test_what_cannot_work_is_one_line_and_exit_code_1(run, tmp_path, words, said):
    async def scene():
        async with child("dial", *words, cwd=str(tmp_path), env=BARE) as running:
            assert await running.ends() == 1
            [line] = running.stderr.splitlines()
            assert line.startswith("fairlead: ") and said in line

    run(scene(), within=20)


def test_a_configuration_becomes_one_server_or_several(tmp_path, monkeypatch):
    monkeypatch.setenv("MCP_CONFIG", str(configure(tmp_path, "port", "starboard")))
    assert len(find_servers(None)) == 1
    assert [server.name for server in find_servers(None, each=True)] == ["port", "starboard"]
    with pytest.raises(UsageError, match="two sources"):
        find_servers("a.py", ["npx"])


# The file `.env`.


def test_a_dotenv_file_is_read_as_others_read_it():
    text = """\ufeff# a comment
    A=1
    export B = two words   # and a comment
    C='single # no comment'  # but this
    D="double \\"quoted\\"\\n\\tline"
    E=
    F=wss://api.example/mcp/?token=a.b=c#d
    G=#nothing
    """
    assert read_dotenv(text) == {
        "A": "1",
        "B": "two words",
        "C": "single # no comment",
        "D": 'double "quoted"\n\tline',
        "E": "",
        "F": "wss://api.example/mcp/?token=a.b=c#d",
        "G": "",
    }


@pytest.mark.parametrize("line", [f"{TOKEN}", f"A B={TOKEN}", f'A="{TOKEN}', f"A='{TOKEN}", f'A="{TOKEN}" x'])
def test_a_line_that_is_no_variable_is_told_by_its_number_alone(line):
    with pytest.raises(UsageError, match=r"\.env, line 2") as told:
        read_dotenv(f"A=1\n{line}\n")
    assert TOKEN not in str(told.value)


@pytest.mark.parametrize(("text", "read"), [("9s", 9.0), ("500ms", 0.5), ("1.5m", 90.0), ("2h", 7200.0), ("9", "9")])
def test_times_may_have_units(text, read):
    assert _seconds(text) == read
