"""A server of FastMCP's on our lines: FastMCP has an environment of its own, in which Fairlead serves it."""

import asyncio
import json
import subprocess
import sysconfig
from collections.abc import Iterator

import pytest

from fairlead.client import Client
from tests.conformance.processes import started
from tests.serve.harbour import ROOT, WAIT

HERE = ROOT / "tests/sources"
PYTHON = ROOT / ".venv-fastmcp/bin/python"
BESIDE = (str(PYTHON), "-W", "ignore", str(HERE / "beside.py"), str(ROOT / "src"), sysconfig.get_path("purelib"), "--")
SERVE = (*BESIDE, "serve", str(HERE / "ferry.py"))
ERAS = {"handshake": "2025-11-25", "stateless": "2026-07-28"}
pytestmark = [
    pytest.mark.within(90),
    pytest.mark.skipif(
        not (ROOT / ".venv-fastmcp/.stamp").exists(),
        reason="there is no FastMCP: call scripts/setup-fastmcp .venv-fastmcp, which says what it needs",
    ),
]


@pytest.fixture(scope="module")
def ferry() -> Iterator[str]:
    """The address of `fairlead serve tests/sources/ferry.py`."""
    with started((*SERVE, "--port", "0"), r"ws://(127\.0\.0\.1:\d+)") as address:
        yield address


def target(line: str, request: pytest.FixtureRequest) -> str | list[str]:
    if line == "stdio":
        return [*SERVE, "--transport", "stdio"]
    return f"{line}://{request.getfixturevalue('ferry')}/mcp"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("line", ["ws", "http", "stdio"])
def test_a_server_of_fastmcp_s_is_served_with_all_that_it_has(run, request, line, era):
    async def scene():
        told = []
        options = {} if line == "stdio" else {"headers": {"X-Pilot": "Ann"}, "proxy": False}
        async with Client(
            target(line, request), era=era, timeout=20, elicit=lambda params: {"coins": 3}, **options
        ) as client:
            assert (client.server.name, client.server.version) == ("ferry", "4.2")
            assert client.instructions == "Pay first." and client.protocol_version == ERAS[era]
            assert {tool.name for tool in await client.list_tools()} == {"add", "cross", "pay", "inside"}
            assert (await client.call_tool("add", {"a": 40, "b": 2})).value == 42
            assert (await client.call_tool("cross", progress=lambda *step: told.append(step))).text == "across"
            assert told == [(1, 2, "midstream"), (2, 2, "landing")]
            if era == "handshake":
                assert (await client.call_tool("pay")).text == "3 coins"
            inside = {"begun": 1, "pilot": "nobody" if line == "stdio" else "Ann"}
            assert (await client.call_tool("inside")).value == inside
            assert [one.text for one in await client.read("ferry://tide/Friday")] == ["high on Friday"]
            assert (await client.get_prompt("hail", {"ship": "Argo"}))[0].content.text == "Hail Argo!"

    run(scene(), within=60)


def test_fastmcp_s_own_client_reaches_it_over_a_websocket(ferry):
    visit = (*BESIDE, str(HERE / "ferry_client.py"), f"ws://{ferry}/mcp")
    said = subprocess.run(visit, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert "add" in found["tools"] and found["crossed"] == "across"
    assert found["progress"] == [[1, 2, "midstream"], [2, 2, "landing"]]


def test_many_clients_of_it_are_told_apart(run, ferry):
    async def scene():
        async def one(number: int) -> None:
            told = []
            async with Client(f"ws://{ferry}/mcp", timeout=WAIT * 2, proxy=False) as client:
                answers = await asyncio.gather(
                    client.call_tool("add", {"a": number, "b": 1}),
                    client.call_tool("cross", progress=lambda *step: told.append(step)),
                )
                assert answers[0].value == number + 1 and len(told) == 2

        await asyncio.gather(*(one(number) for number in range(8)))

    run(scene(), within=60)
