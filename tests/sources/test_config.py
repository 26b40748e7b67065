"""An `mcpServers` file is read as its other readers read it, and its mistakes are told with their place."""

import json

import pytest

from fairlead.errors import UsageError
from fairlead.sources.config import Upstream, read_config

SECRET = "marker-1c0de"


def read(**servers) -> list[Upstream]:
    return read_config({"mcpServers": servers})


def fault(entry, **more) -> str:
    with pytest.raises(UsageError) as told:
        read_config({"mcpServers": {"boat": entry}, **more})
    return str(told.value)


def test_a_command_is_read_with_all_that_belongs_to_it():
    [boat] = read(boat={"command": "uvx", "args": ["sail", 7], "env": {"PORT": 80}, "cwd": "/tmp"})
    assert boat == Upstream(
        name="boat", kind="stdio", command="uvx", args=("sail", "7"), env={"PORT": "80"}, cwd="/tmp"
    )


def test_servers_keep_their_order_and_their_names():
    names = ["zulu", "alpha", "mike"]
    assert [one.name for one in read(**{name: {"command": "x"} for name in names})] == names


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"url": "ws://a/b"}, "websocket"),
        ({"url": "WSS://a/b"}, "websocket"),
        ({"url": "https://a/mcp"}, "http"),
        ({"url": "https://a/sse"}, "sse"),
        ({"url": "https://a/sse/"}, "sse"),
        ({"url": "https://a/x", "type": "sse"}, "sse"),
        ({"url": "https://a/sse", "type": "http"}, "http"),
        ({"url": "https://a/x", "transport": "streamable-http"}, "http"),
        ({"url": "https://a/x", "transportType": "streamableHttp"}, "http"),
        ({"url": "https://a/x", "type": "streamable_http"}, "http"),
        ({"url": "ws://a/x", "type": "ws"}, "websocket"),
        ({"url": "ws://a/x", "type": "websocket"}, "websocket"),
        ({"command": "x", "type": "stdio"}, "stdio"),
        ({"command": "x"}, "stdio"),
    ],
)
def test_the_line_is_what_is_said_or_what_the_address_shows(entry, kind):
    [one] = read(boat=entry)
    assert one.kind == kind


def test_headers_are_kept_with_the_address():
    [one] = read(boat={"url": "wss://a/b", "headers": {"Authorization": "Bearer x"}})
    assert one.url == "wss://a/b" and one.headers == {"Authorization": "Bearer x"}


def test_variables_of_the_environment_are_filled_in_everywhere(monkeypatch):
    monkeypatch.setenv("KEEL", "oak")
    monkeypatch.setenv("BLANK", "")
    [one, other] = read(
        one={"command": "${KEEL}", "args": ["--keel=${KEEL}-${KEEL}"], "env": {"K": "${KEEL}"}, "cwd": "/${KEEL}"},
        other={"url": "https://${KEEL}.example/${NONE:-x}", "headers": {"A": "${BLANK:-y}${BLANK}"}},
    )
    assert (one.command, one.args, one.env, one.cwd) == ("oak", ("--keel=oak-oak",), {"K": "oak"}, "/oak")
    assert (other.url, other.headers) == ("https://oak.example/x", {"A": "y"})


def test_a_variable_that_is_not_set_is_named_with_its_place():
    told = fault({"command": "x", "env": {"TOKEN": f"{SECRET} ${{NOT_SET_ANYWHERE}}"}})
    assert told == (
        "the configuration: mcpServers.boat.env.TOKEN needs NOT_SET_ANYWHERE, which the environment has not."
    )


def test_a_server_that_is_switched_off_is_told_and_asks_for_nothing():
    [one] = read(boat={"command": "x", "env": {"T": "${NOT_SET_ANYWHERE}"}, "disabled": True})
    assert one.disabled and one.env == {}


@pytest.mark.parametrize(
    ("entry", "member"),
    [
        ({}, "command is missing"),
        ({"type": "http"}, "url is missing"),
        ({"command": 5}, "command is a text"),
        ({"command": ""}, "command is a text"),
        ({"command": "x", "args": SECRET}, "args is a list"),
        ({"command": "x", "args": [None]}, "args is a list"),
        ({"command": "x", "args": [True]}, "args is a list"),
        ({"command": "x", "env": [SECRET]}, "env is an object"),
        ({"command": "x", "env": {"A": {}}}, "env is an object"),
        ({"command": "x", "cwd": 5}, "cwd is a text"),
        ({"command": "x", "disabled": "no"}, "disabled is true or false"),
        ({"command": "x", "type": SECRET}, "type is one of"),
        ({"url": f"ftp://{SECRET}/x"}, "url begins with http:// or https://"),
        ({"url": f"https://{SECRET}/x", "type": "ws"}, "url begins with ws:// or wss://"),
        ({"url": "https:///x"}, "url begins with"),
        ({"url": f"https://[{SECRET}/x", "type": "http"}, "url begins with"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_without_its_value(entry, member):
    told = fault(entry)
    assert f"mcpServers.boat.{member}" in told
    assert SECRET not in told


@pytest.mark.parametrize("told", [[], {"mcpServers": []}, {"mcpServers": {"a": "npx"}}, {"servers": 5}, {}])
def test_what_holds_no_servers_is_refused(tmp_path, told):
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps(told))
    with pytest.raises(UsageError, match="mcp.json"):
        read_config(path)


def test_a_file_is_named_where_it_is_missing_or_no_json(tmp_path):
    with pytest.raises(UsageError, match=r"There is no configuration '.*gone.json'"):
        read_config(tmp_path / "gone.json")
    for text in (b"{", b'{"a": "\xff"}', f'{{"{SECRET}": }}'.encode()):
        (tmp_path / "bad.json").write_bytes(text)
        with pytest.raises(UsageError, match=r"bad.json' is not JSON") as told:
            read_config(str(tmp_path / "bad.json"))
        assert SECRET not in str(told.value)


def test_a_file_with_a_mark_at_its_head_and_the_other_name_is_read(tmp_path):
    path = tmp_path / "mcp.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"servers": {"a": {"command": "x"}}}).encode())
    assert [one.name for one in read_config(path)] == ["a"]


def test_what_is_printed_of_an_upstream_holds_no_secret():
    [one] = read(boat={"url": f"wss://a/b?token={SECRET}", "headers": {"A": SECRET}})
    assert repr(one) == "Upstream('boat', 'websocket')"
