"""`fairlead serve` as a process: where it listens, what it tells, and how it fails."""

import asyncio
import json
import logging
import socket
import urllib.request

import pytest

from fairlead.cli.serve import overlay, set_up_log
from fairlead.settings import Settings
from tests.serve.harbour import PIER, ROOT, child
from tests.serve.peer import connected

QUICKSTART = str(ROOT / "examples/quickstart.py")


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def test_port_0_takes_a_free_one_and_tells_it(run):
    async def talk():
        async with child("serve", QUICKSTART, "--port", "0") as running:
            address = await running.address()
            assert address.startswith("127.0.0.1:") and not address.endswith(":0")
            health = await asyncio.to_thread(get, f"http://{address}/health")
            assert health["status"] == "ok" and health["name"] == "quickstart"
            async with connected(address) as peer:
                assert (await peer.call("add", {"a": 2, "b": 3}))["structuredContent"] == {"result": 5}

    run(talk(), within=20)


def test_what_it_tells_is_short_and_useful(run):
    async def talk():
        async with child("serve", QUICKSTART, "--port", "0") as running:
            address = await running.address()
            for _ in range(3):
                async with connected(address, path="/mcp?token=s3cret") as peer:
                    await peer.call("add", {"a": 1, "b": 1})
            running.process.terminate()
            assert await running.ends() == 0
            told = running.stderr
        assert told.splitlines()[0] == "quickstart: 3 tools"
        for noise in ("uvicorn", "connection open", "[accepted]", "Started server", "s3cret", "startup"):
            assert noise not in told, told

    run(talk(), within=20)


def test_debug_tells_who_comes_and_no_query(run):
    async def talk():
        async with child("serve", QUICKSTART, "--port", "0", "--log-level", "debug") as running:
            address = await running.address()
            async with connected(address, path="/mcp?token=s3cret") as peer:
                await peer.call("add", {"a": 1, "b": 1})
            assert "s3cret" not in await running.says("[accepted]")

    run(talk(), within=20)


def test_a_port_in_use_is_one_line_and_exit_code_4(run):
    async def talk():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            async with child("serve", QUICKSTART, "--port", str(port)) as running:
                assert await running.ends() == 4
                [line] = running.stderr.splitlines()
        assert line.startswith(f"fairlead: Cannot listen on 127.0.0.1:{port}: something listens there already.")

    run(talk(), within=20)


def test_localhost_is_every_loopback_address_of_this_machine(run):
    async def talk():
        async with child("serve", QUICKSTART, "--port", "0", "--host", "localhost") as running:
            address = await running.address()
            async with connected(f"localhost:{address.rpartition(':')[2]}") as peer:
                assert await peer.call("add", {"a": 1, "b": 1})

    run(talk(), within=20)


def test_every_address_is_served_where_that_is_wanted(run):
    async def talk():
        async with child("serve", QUICKSTART, "--port", "0", "--host", "0.0.0.0", "--insecure") as running:
            address = await running.address()
            async with connected(f"127.0.0.1:{address.rpartition(':')[2]}") as peer:
                assert await peer.call("add", {"a": 1, "b": 1})

    run(talk(), within=20)


def test_a_source_that_raises_shows_its_own_code_and_its_name(run, tmp_path):
    source = tmp_path / "boats.py"
    source.write_text("def deep():\n    return 1 / 0\ndeep()\n")

    async def talk():
        async with child("serve", str(source)) as running:
            assert await running.ends() == 1
            assert "return 1 / 0" in running.stderr and "site-packages" not in running.stderr
            assert "fairlead/cli" not in running.stderr
            last = running.stderr.splitlines()[-1]
            assert last.startswith(f"fairlead: {source} raised ZeroDivisionError")

    run(talk(), within=20)


def test_flags_lie_over_the_settings_of_the_source(run):
    async def talk():
        async with child("serve", f"{PIER}:mcp", "--port", "0", "--in-flight", "1", "--call-timeout", "0.1") as running:
            async with connected(await running.address()) as peer:
                late = await peer.ask("tools/call", {"name": "hang"})
                assert late["error"]["data"]["errorCode"] == "TIMED_OUT"

    run(talk(), within=20)


def test_the_settings_of_the_source_stand_where_no_flag_is_given():
    class Said:
        port = "9000"

        def __getattr__(self, name: str) -> None:
            return None

    chosen = overlay(Settings(host="127.0.0.2", secret="kept"), Said())  # type: ignore[arg-type]
    assert (chosen.host, chosen.port, chosen.secret) == ("127.0.0.2", 9000, "kept")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_every_log_level_can_be_set_up(level):
    servers = logging.getLogger("uvicorn.error")
    before = servers.level
    try:
        set_up_log(level)
        assert servers.isEnabledFor(logging.WARNING)
        assert servers.isEnabledFor(logging.INFO) == (level == "debug")
    finally:
        servers.setLevel(before)


def test_a_module_of_the_current_folder_is_served(run, tmp_path):
    (tmp_path / "fleet.py").write_text("from fairlead import Fairlead\nboats = Fairlead('boats')\n")

    async def talk():
        async with child("serve", "fleet:boats", "--port", "0", cwd=str(tmp_path)) as running:
            assert (await running.address()).startswith("127.0.0.1:")
            assert "boats: 0 tools" in running.stderr

    run(talk(), within=20)
