"""The how-to for xiaozhi: its example dials, and its snippets are those of the example."""

import json
import re

from fairlead.sources.config import read_config
from tests.serve.cloud import cloud
from tests.serve.harbour import ROOT, child
from tests.serve.peer import text

PAGE = (ROOT / "docs/howto/xiaozhi.md").read_text("utf-8")
EXAMPLE = ROOT / "examples/xiaozhi.py"


def test_the_example_serves_the_far_side_by_the_command_and_by_itself(run):
    async def scene():
        for words in (("-m", "fairlead", "dial", str(EXAMPLE)), (str(EXAMPLE),)):
            async with cloud() as far, child(program=words, env={"MCP_ENDPOINT": far.url}) as running:
                caller = await far.arrival()
                assert await caller.official() == ["switch_light", "result_of"]
                said = await caller.call("switch_light", {"room": "kitchen", "on": True})
                assert text(said) == "The light of the kitchen is on."
                running.process.terminate()
                assert await running.ends() == 0

    run(scene(), within=20)


def test_the_lines_of_the_page_stand_in_the_example():
    quoted = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
    example = [line.strip() for line in EXAMPLE.read_text("utf-8").splitlines()]
    assert [line for line in quoted if line.strip() not in example] == []


def test_the_configuration_of_the_page_is_read(monkeypatch):
    monkeypatch.setenv("NOTES_TOKEN", "x")
    [snippet] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert [(one.kind, one.disabled) for one in read_config(json.loads(snippet))] == [
        ("stdio", False),
        ("http", False),
        ("stdio", True),
    ]
