"""FastMCP's client reaches every line that it knows, in both eras. It runs in an environment of its own."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.lines import HANDSHAKE, QUAY, STATELESS
from tests.interop.quay import PIXEL, SECRET
from tests.interop.quay import mcp as quay_here
from tests.serve.harbour import ROOT

PYTHON = ROOT / ".venv-fastmcp/bin/python"
PROGRAM = Path(__file__).with_name("fastmcp_client.py")
SECONDS = 60

STDIO = [sys.executable, "-m", "fairlead", "serve", str(QUAY), "--transport", "stdio"]
# Over SSE this client shakes hands, whatever it is told: it holds that line for older than the stateless era.
VISITS = {
    "http-handshake": ("http://{}/mcp", "legacy", HANDSHAKE),
    "http-stateless": ("http://{}/mcp", "auto", STATELESS),
    "sse-handshake": ("http://{}/sse", "auto", HANDSHAKE),
    "stdio-handshake": (STDIO, "legacy", HANDSHAKE),
    "stdio-stateless": (STDIO, "auto", STATELESS),
}

pytestmark = [
    pytest.mark.skipif(
        not (ROOT / ".venv-fastmcp/.stamp").exists(),
        reason="there is no FastMCP: call scripts/setup-fastmcp .venv-fastmcp, which says what it needs",
    ),
    pytest.mark.within(90),
]


@pytest.fixture(scope="module")
def brought(quay):
    """What each visit brought, all made by one process."""
    visits = {
        name: {"to": to.format(quay) if isinstance(to, str) else to, "mode": mode}
        for name, (to, mode, _) in VISITS.items()
    }
    ended = subprocess.run(
        [str(PYTHON), str(PROGRAM)],
        input=json.dumps(visits),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=ROOT,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["fastmcp"] == "4.1.2"
    return told["visits"]


@pytest.fixture(params=VISITS)
def visit(brought, request):
    """The visit, and the version that it was to settle on."""
    told = brought[request.param]
    assert "error" not in told, told["error"]
    return told, VISITS[request.param][2]


def test_fastmcp_connects_in_the_era_that_it_asks_for(visit):
    told, version = visit
    assert (told["version"], told["server"], told["instructions"]) == (version, "quay", "Ask before you moor.")


def test_fastmcp_walks_every_list(visit):
    told, _ = visit
    assert told["tools"] == [tool.name for tool in quay_here.catalog.tools]
    assert told["resources"] == ["quay://book", "quay://flag", "quay://tide", "quay://pilot"]
    assert told["templates"] == [f"quay://{number}/{{name}}" for number in range(4)]
    assert told["prompts"] == ["hail", "order", "log", "part"]


def test_fastmcp_gets_numbers_text_objects_and_pictures(visit):
    told, _ = visit
    assert (told["add"], told["shout"], told["load"]) == (42, "AHOY", [5, ["x"]])
    assert told["paint"] == ["image", "image/png", base64.b64encode(PIXEL).decode()]
    assert told["together"] == list(range(10))


def test_fastmcp_tells_a_tool_that_fails_from_a_call_that_is_wrong(visit):
    told, _ = visit
    assert told["refuse"] == "tool: The quay is full."
    assert told["sink"].startswith("tool: ") and SECRET not in str(told)
    assert told["misfit"].startswith("tool: ") and "a" in told["misfit"]
    assert told["nothing"].startswith("MCPError: ")


def test_fastmcp_hears_of_progress_and_the_log_that_it_asked_for(visit):
    told, version = visit
    assert told["progress"] == [[1, 3, "step 1"], [2, 3, "step 2"], [3, 3, "step 3"]]
    # With a handshake it set the level; since then it asks for everything, with each request.
    assert [level for level, _ in told["log"]] == (["warning"] if version == HANDSHAKE else ["debug", "warning"]) * 3


def test_fastmcp_is_asked_for_its_user_its_model_and_its_folders(visit):
    told, _ = visit
    assert told["moor"] == "9 tons of grain at west"
    assert told["questions"][:2] == ["What is on board?", "Which berth?"]
    assert told["advise"].endswith("Be short. Which wind is good?")
    assert [line.partition(" ")[0] for line in told["look"]] == ["file:///srv/boats"]
    assert told["order"] == ["Go to west."]


def test_fastmcp_reads_resources_and_prompts(visit):
    told, _ = visit
    assert told["book"].startswith("The first page.")
    assert base64.b64decode(told["flag"]) == PIXEL
    assert told["shed"] == "oars in shed 1"
    assert told["hail"] == ["Hail Argo, be friendly.", "Ahoy!"]
