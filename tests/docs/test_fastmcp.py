"""docs/howto/fastmcp.md: its snippets stand in the examples, or run here."""

import asyncio
import re
import sys

import pytest
from mcp.server import MCPServer

from fairlead.client import Client
from tests.serve.harbour import ROOT, WAIT, child, docked

PAGE = ROOT / "docs/howto/fastmcp.md"
SERVER, MOUNTED, CLIENT, SOCKET = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(("snippet", "example"), [(SERVER, "sdk_server.py"), (CLIENT, "sdk_client.py")])
def test_a_snippet_stands_in_its_example(snippet, example):
    assert snippet in (ROOT / "examples" / example).read_text("utf-8")


def test_the_client_of_the_example_calls_the_server_of_the_example_over_a_websocket(run):
    async def scene() -> bytes:
        async with child("serve", str(ROOT / "examples/sdk_server.py"), "--port", "0") as server:
            calling = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "examples/sdk_client.py"),
                f"ws://{await server.address()}/mcp",
                stdout=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(WAIT):
                said, _ = await calling.communicate()
            return said

    assert run(scene(), within=30) == b"{'result': 42}\n"


def boats() -> MCPServer:
    server = MCPServer("boats")

    @server.tool()
    async def add(a: int, b: int) -> int:
        return a + b

    return server


@pytest.mark.parametrize("snippet", [MOUNTED, SOCKET], ids=["from_sdk", "websocket_server"])
def test_the_snippets_for_applications_serve_a_websocket(run, snippet):
    async def scene():
        theirs = boats()
        names = {"mcp": theirs, "server": theirs._lowlevel_server}
        exec(snippet, names)
        from fairlead import Fairlead

        async with docked(Fairlead("settings"), names.get("app") or names["socket"]) as address:
            async with Client(f"ws://{address}/mcp", timeout=WAIT, proxy=False) as client:
                assert await client.invoke_tool("add", {"a": 2, "b": 40}) == 42

    run(scene(), leftovers=True)
