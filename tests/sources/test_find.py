"""What a SOURCE is taken for, and what `fairlead serve` does with one that is another server."""

import json
import sys

import pytest

from fairlead.errors import UsageError
from fairlead.sources.find import find
from tests.serve.harbour import child, docked
from tests.serve.peer import connected
from tests.sources import shore
from tests.sources.mooring import ODDITY, SHORE, names


def test_python_is_what_is_nothing_else():
    assert find(str(SHORE)).name == "shore"


def test_a_url_a_configuration_and_a_command_are_other_servers(tmp_path):
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"a": {"url": "ws://h/mcp"}, "b": {"url": "http://h/mcp"}}}))
    assert find("wss://tools.example/mcp").name == "tools.example"
    assert find(str(config)).name == "fairlead"
    assert find(None, [sys.executable, "server.py"]).name == "server.py"


@pytest.mark.parametrize(
    ("source", "command", "told"),
    [
        (None, [], "Name a source"),
        ("a.py", ["b"], "two sources"),
        (None, ["/no/such/program"], "/no/such/program"),
        ("no-such.json", [], "no-such.json"),
        ("no_such.py", [], "no_such.py"),
    ],
)
def test_what_is_no_source_is_told_with_the_next_step(source, command, told):
    with pytest.raises(UsageError, match=told):
        find(source, command)


def test_a_program_of_a_configuration_that_is_not_there_is_told_before_anybody_waits(tmp_path):
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"a": {"command": "/no/such/program"}}}))
    with pytest.raises(UsageError, match="/no/such/program"):
        find(str(config))


def test_a_command_is_served_and_its_tools_are_there_when_the_address_is_told(run):
    async def talk():
        async with child("serve", "--port", "0", "--", sys.executable, str(ODDITY), "--host", "x") as running:
            address = await running.address()
            assert "9 tools" in running.stderr
            async with connected(address, era="handshake") as peer:
                assert "odd" in await names(peer)
            running.process.terminate()
            assert await running.ends() == 0

    run(talk(), within=20)


def test_a_url_is_served_on_standard_input_and_output(run):
    async def talk():
        async with docked(shore.make()) as address:
            async with child("serve", f"ws://{address}/mcp", "--transport", "stdio") as running:
                params = {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {},
                    "clientInfo": {"name": "t", "version": "1"},
                }
                await running.write(_frame(0, "initialize", params))
                assert json.loads(await running.line())["result"]["instructions"] == "Mind the tide."
                await running.write(_frame(1, "tools/list", {}))
                assert json.loads(await running.line())["result"]["tools"][0]["name"] == "add"
                running.hang_up()
                assert await running.ends() == 0

    run(talk(), within=20)


def test_a_configuration_is_served_and_who_is_not_there_is_told(run, tmp_path):
    config = tmp_path / "mcp.json"

    async def talk():
        async with docked(shore.make()) as address:
            servers = {
                "here": {"url": f"ws://{address}/mcp"},
                "odd": {"command": sys.executable, "args": [str(ODDITY)]},
                "off": {"command": "/no/such/program", "disabled": True},
            }
            config.write_text(json.dumps({"mcpServers": servers}))
            async with child("serve", str(config), "--port", "0") as running:
                async with connected(await running.address()) as peer:
                    assert {"here_add", "odd_odd"} <= set(await names(peer))

    run(talk(), within=20)


def _frame(id: int, method: str, params: dict) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\n"


def test_a_signal_ends_a_server_that_still_waits_for_another(run):
    async def talk():
        silent = (sys.executable, "-c", "import time; time.sleep(600)")
        async with child("serve", "--port", "0", "--log-level", "info", "--", *silent) as running:
            await running.says("goes along")
            running.process.terminate()
            assert await running.ends(within=6) == 0

    run(talk(), within=20)
