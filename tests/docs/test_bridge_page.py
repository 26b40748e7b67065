"""The page about bridges: its commands are commands, its configuration is read, its program serves."""

import argparse
import json
import re
import shlex
import sys
from importlib import import_module

import pytest

from fairlead.cli.main import COMMANDS
from fairlead.errors import UNREACHABLE
from fairlead.sources import names as naming
from fairlead.sources import upstream
from fairlead.sources.remote import bridge
from fairlead.sources.upstreams import upstreams_of
from tests.docs.test_pages import ROOT, snippets
from tests.serve.peer import connected
from tests.sources.mooring import ODDITY, bridged, names

PAGE = ROOT / "docs/howto/bridge.md"


def commands() -> list[list[str]]:
    text = "".join(snippets(PAGE, "sh"))
    return [shlex.split(line, comments=True) for line in text.splitlines() if line]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_is_one_that_is_understood(words):
    assert words[0] == "fairlead" and words[1] in COMMANDS
    parser = argparse.ArgumentParser()
    import_module(f"fairlead.cli.{words[1]}").add(parser.add_subparsers())
    flags = words[1 : words.index("--")] if "--" in words else words[1:]
    assert parser.parse_args(flags).act


def test_the_configuration_is_read(monkeypatch):
    [text] = snippets(PAGE, "json")
    monkeypatch.setenv("NOTES_TOKEN", "t")
    kinds = {upstream.name: upstream.kind for upstream in upstreams_of(json.loads(text))}
    assert kinds == {"time": "stdio", "notes": "websocket", "old": "sse"}


def test_the_program_serves_their_tools_and_its_own(run):
    [text] = snippets(PAGE, "python")
    text = re.sub(r"bridge\(\[.*?\]\)", f"bridge([{sys.executable!r}, {str(ODDITY)!r}])", text)
    scope: dict = {}
    exec(compile(text.replace("mcp.run()", ""), str(PAGE), "exec"), scope)

    async def talk():
        async with bridged(None, mcp=scope["mcp"]) as address, connected(address) as peer:
            assert {"harbour", "odd"} <= set(await names(peer))

    run(talk())
    assert bridge is scope["bridge"]


def test_the_figures_of_the_page_are_those_of_the_program():
    text = PAGE.read_text()
    assert f"({UNREACHABLE})" in text
    assert f"After {upstream.HIDE:.0f} seconds" in text
    assert f"longer than {naming.LONGEST}" in text
    assert f"at most {upstream._CHILDREN}" in text
