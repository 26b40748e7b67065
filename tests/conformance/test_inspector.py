"""The official Inspector's command line against each line of ours, in each of its settings for the era."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance import suite
from tests.conformance.processes import HERE, ROOT, fixture_server
from tests.conformance.suite import BIN

SECONDS = 60
TOOL_ERROR = 5
ERAS = ("legacy", "auto", "modern")
STDIO = (sys.executable, "-m", "fairlead", "serve", str(HERE / "server.py"), "--transport", "stdio")
Inspect = Callable[..., tuple[int, dict]]

pytestmark = [
    pytest.mark.skipif(not (BIN / "mcp-inspector").exists() or not suite.installed(), reason=suite.MISSING),
    pytest.mark.within(120),
]


@pytest.fixture(scope="module")
def targets() -> Iterator[dict[str, Sequence[str]]]:
    """How the Inspector reaches each line."""
    with fixture_server() as address:
        yield {
            "http": (f"http://{address}/mcp", "--transport", "http"),
            "sse": (f"http://{address}/sse", "--transport", "sse"),
            "stdio": ("--transport", "stdio"),
        }


@pytest.fixture
def inspect(targets: dict[str, Sequence[str]], tmp_path: Path) -> Inspect:
    """`inspect(line, era, *arguments)`: the exit code and what was printed. The Inspector's home is a fresh folder."""
    command = (str(BIN / "node"), str(BIN / "mcp-inspector"), "--cli")

    def run(line: str, era: str, *arguments: str) -> tuple[int, dict]:
        options = ("--protocol-era", era, "--format", "json", "-q", *arguments)
        ended = subprocess.run(
            (*command, *targets[line], *options, *(("--", *STDIO) if line == "stdio" else ())),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
            cwd=ROOT,
            env={**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)},
        )
        assert ended.stdout, f"exit code {ended.returncode}: {ended.stderr}"
        return ended.returncode, json.loads(ended.stdout)["result"]

    return run


over_lines = pytest.mark.parametrize("line", ("http", "sse", "stdio"))
in_eras = pytest.mark.parametrize("era", ERAS)


@over_lines
@in_eras
def test_the_inspector_lists_and_calls(inspect: Inspect, line: str, era: str) -> None:
    asked = (
        ("--method", "tools/list"),
        ("--method", "resources/list"),
        ("--method", "prompts/list"),
        ("--method", "tools/call", "--tool-name", "test_simple_text"),
    )
    with ThreadPoolExecutor(len(asked)) as pool:
        outcomes = list(pool.map(lambda arguments: inspect(line, era, *arguments), asked))
    assert [code for code, _ in outcomes] == [0, 0, 0, 0]
    tools, resources, prompts, called = (result for _, result in outcomes)
    assert "test_simple_text" in {tool["name"] for tool in tools["tools"]}
    assert "test://static-text" in {resource["uri"] for resource in resources["resources"]}
    assert "test_simple_prompt" in {prompt["name"] for prompt in prompts["prompts"]}
    assert called["content"] == [{"type": "text", "text": "This is a simple text response for testing."}]


@over_lines
@in_eras
def test_the_inspector_tells_a_tool_that_failed_by_its_exit_code(inspect: Inspect, line: str, era: str) -> None:
    code, result = inspect(line, era, "--method", "tools/call", "--tool-name", "test_error_handling")
    assert (code, result["isError"]) == (TOOL_ERROR, True)
