"""From what a user names to a line: URLs, commands, configurations, credentials, headers, what may be kept."""

import asyncio
import base64
import json

import pytest

from fairlead import Fairlead
from fairlead.client import Client
from fairlead.connect.config import entries, only_entry
from fairlead.connect.credentials import Credentials
from fairlead.connect.http import Http
from fairlead.connect.memory import Memory
from fairlead.connect.sse import Sse
from fairlead.connect.stdio import Stdio
from fairlead.connect.target import Access, way_to
from fairlead.connect.websocket import WebSocket
from fairlead.errors import UsageError


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("ws://h/mcp", WebSocket),
        ("WSS://h/mcp", WebSocket),
        ("http://h/mcp", Http),
        ("https://h/mcp", Http),
        ("http://h/sse", Sse),
        ("https://h/a/sse/?x=1", Sse),
        (["server", "--stdio"], Stdio),
        (("server",), Stdio),
        ({"mcpServers": {"a": {"command": "x"}}}, Stdio),
        ({"mcpServers": {"a": {"url": "http://h/mcp"}}}, Http),
    ],
)
def test_each_kind_of_target_has_its_line(target, kind):
    assert type(way_to(target, Access()).line()) is kind


def test_a_server_in_this_process_has_one_too(run):
    async def main():
        line = way_to(Fairlead("x"), Access()).line()
        assert type(line) is Memory
        await line.close()

    run(main())


def test_the_transport_can_be_said():
    assert type(way_to("http://h/mcp", Access(transport="sse")).line()) is Sse
    assert type(way_to("http://h/sse", Access(transport="http")).line()) is Http


@pytest.mark.parametrize(
    ("target", "access"),
    [
        ("npx some-server", Access()),
        ("ftp://h/x", Access()),
        ("", Access()),
        ([], Access()),
        (7, Access()),
        ("ws://h/x", Access(transport="http")),
        ("http://h/x", Access(transport="ws")),
        ("http://h/x", Access(transport="stdio")),
        ("http://h/x", Access(token="t", token_place="subprotocol")),
        ("wss://h/x", Access(ca="/no/such/file")),
        ("/no/such/file.json", Access()),
    ],
)
def test_what_is_no_target_is_refused_before_anything_is_opened(target, access):
    with pytest.raises(UsageError):
        way_to(target, access)


def test_the_spellings_of_many_programs_are_read(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKEN", "t0")
    config = {
        "mcpServers": {
            "claude": {"type": "ws", "url": "wss://h/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}},
            "cline": {"type": "streamableHttp", "url": "http://h/mcp"},
            "roo": {"type": "streamable-http", "url": "http://h/mcp"},
            "windsurf": {"serverUrl": "https://h/sse"},
            "gemini": {"httpUrl": "https://h/${env:TOKEN}/${NONE:-x}"},
            "continue": {"type": "websocket", "url": "ws://h"},
            "plain": {"command": "npx", "args": ["-y", "${TOKEN}"], "env": {"A": "1"}, "cwd": "/"},
            "off": {"command": "${UNSET_VARIABLE}", "disabled": True},
        }
    }
    read = entries(config)
    kinds = {name: entry.transport for name, entry in read.items()}
    assert list(kinds.values()) == ["ws", "http", "http", "sse", "http", "ws", "stdio", "stdio"]
    assert read["claude"].headers == {"Authorization": "Bearer t0"} and read["gemini"].url == "https://h/t0/x"
    assert read["plain"].command == ("npx", "-y", "t0") and read["plain"].env == {"A": "1"} and read["off"].disabled
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"servers": config["mcpServers"]}))
    assert entries(path) == read == entries(str(path))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "names no servers"),
        ({"mcpServers": {}}, "enables 0"),
        ({"mcpServers": {"a": {"command": "x"}, "b": {"command": "y"}}}, "enables 2: a, b"),
        ({"mcpServers": {"a": {}}}, "neither a command nor a url"),
        ({"mcpServers": {"a": 7}}, "no object"),
        ({"mcpServers": {"a": {"type": "pigeon", "url": "http://h"}}}, "pigeon"),
        ({"mcpServers": {"a": {"command": "${UNSET_VARIABLE}"}}}, "UNSET_VARIABLE"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(config, why):
    with pytest.raises(UsageError, match=why):
        only_entry(config)


def test_a_file_that_is_no_configuration_says_why(tmp_path):
    path = tmp_path / "mcp.json"
    for text in ("{", "[]"):
        path.write_text(text)
        with pytest.raises(UsageError, match="no JSON"):
            entries(path)


def test_a_configuration_is_a_target_of_the_client(run, tmp_path):
    import sys

    from tests.connect.ways import PIER

    entry = {"command": sys.executable, "args": ["-m", "fairlead", "serve", str(PIER), "--transport", "stdio"]}
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"pier": {**entry, "env": {"PYTHONPATH": "src:."}}}}))

    async def main():
        async with Client(path) as client:
            assert (await client.call_tool("add", {"a": 1, "b": 2})).value == 3

    run(main(), within=20)


def test_a_token_stands_in_a_header_or_in_a_subprotocol_and_never_in_both(run):
    async def main():
        header = Credentials({"x": "y"}, "tök/en")
        assert (
            await header.headers() == {"x": "y", "Authorization": "Bearer tök/en"} and await header.subprotocols() == []
        )
        offered = Credentials({"x": "y"}, "tök/en", place="subprotocol")
        [named] = await offered.subprotocols()
        scheme, _, coded = named.rpartition(".")
        assert scheme == "mcp.auth" and base64.urlsafe_b64decode(coded + "==").decode() == "tök/en"
        assert await offered.headers() == {"x": "y"}

    run(main())


def test_a_provider_is_asked_once_and_again_after_a_refusal_but_only_once_in_a_row(run):
    async def main():
        asked, changed = [], []

        async def provide():
            await asyncio.sleep(0)
            asked.append(len(asked))
            return f"t{len(asked)}"

        credentials = Credentials(token=provide, changed=lambda: changed.append(1))
        for _ in range(3):
            assert (await credentials.headers())["Authorization"] == "Bearer t1"
        assert credentials.refused() and (await credentials.headers())["Authorization"] == "Bearer t2" and changed
        assert not credentials.refused()
        credentials.accepted()
        assert credentials.refused() and (await credentials.headers())["Authorization"] == "Bearer t3"

    run(main())


def test_there_is_no_other_token_where_there_is_no_provider():
    assert not Credentials(token="t").refused() and not Credentials().refused()
