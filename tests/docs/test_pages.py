"""What the pages say is so: snippets run, links lead somewhere, and files they quote say the same."""

import asyncio
import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.serve.harbour import WAIT, child

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_first_snippet_of_the_readme_is_a_server(tmp_path, run):
    source = snippets(ROOT / "README.md", "python")[0].replace("mcp.run()", "")
    (tmp_path / "tools.py").write_text(source)
    server = runpy.run_path(str(tmp_path / "tools.py"))["mcp"]
    assert run(server.call("add", a=2, b=40)).value == 42


def test_the_lines_of_python_in_the_readme_stand_in_the_example():
    quoted = [line.strip() for line in snippets(ROOT / "README.md", "python")[1].splitlines()]
    example = [line.strip() for line in (ROOT / "examples/talk.py").read_text().splitlines()]
    assert [line for line in quoted if line not in example] == []


def test_the_configuration_for_claude_code_is_json_that_names_the_quick_start():
    [snippet] = snippets(ROOT / "README.md", "json")
    assert json.loads(snippet)["mcpServers"]["quickstart"] == {"type": "ws", "url": "ws://127.0.0.1:8000/mcp"}


def test_the_talking_example_talks_to_the_quick_start(run):
    async def scene() -> bytes:
        async with child("serve", str(ROOT / "examples/quickstart.py"), "--port", "0") as server:
            talking = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "examples/talk.py"),
                f"ws://{await server.address()}/mcp",
                stdout=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(WAIT):
                said, _ = await talking.communicate()
            return said

    assert run(scene()) == b"{'result': 42}\n"
