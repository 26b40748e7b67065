"""The versions as data: each cell of the reference, and that a new version is a new row and nothing else."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import fairlead
from fairlead.spec import HANDSHAKE, NEWEST_HANDSHAKE, STATELESS, VERSIONS, versions
from tests.house.source import sources

FIRST, SECOND, THIRD, FOURTH, FIFTH = DATES = "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"


def column(member):
    """What each version has for a member, in their order."""
    return [getattr(row, member) for row in VERSIONS.values()]


def test_there_are_five_versions_in_the_order_of_their_dates():
    assert tuple(VERSIONS) == DATES
    assert list(VERSIONS) == sorted(VERSIONS)
    assert all(row.date == date for date, row in VERSIONS.items())


def test_four_versions_shake_hands_and_one_is_stateless():
    assert column("era") == ["handshake"] * 4 + ["stateless"]
    assert HANDSHAKE == (FIRST, SECOND, THIRD, FOURTH)
    assert STATELESS == (FIFTH,)
    assert NEWEST_HANDSHAKE is VERSIONS[FOURTH]


def test_batches_ended_with_the_third_version():
    # The first is silent about them; JSON-RPC has them, and clients of that year send them.
    assert column("batches") == [True, True, False, False, False]


def test_structured_output_began_with_the_third_version_and_is_any_value_in_the_stateless_era():
    assert column("structured_output") == ["none", "none", "object", "object", "any"]


def test_arguments_that_do_not_fit_are_a_result_since_the_fourth_version():
    assert column("argument_faults") == ["error", "error", "error", "result", "result"]


def test_a_resource_that_is_not_there_has_another_code_in_the_stateless_era():
    assert column("resource_not_found") == [-32002] * 4 + [-32602]


def test_the_version_is_repeated_in_a_header_since_the_third_version():
    assert column("version_header") == [False, False, True, True, True]


def test_results_have_an_envelope_in_the_stateless_era():
    assert column("result_envelope") == [False] * 4 + [True]


def test_the_elicitation_of_a_url_began_with_the_fourth_version():
    assert column("url_elicitation") == [False, False, False, True, True]


def test_kinds_of_content_came_one_by_one():
    first = {"text", "image", "resource"}
    assert column("content_blocks") == [first, first | {"audio"}, *[first | {"audio", "resource_link"}] * 3]


def test_members_of_descriptors_were_added_and_never_taken_away():
    second = {"annotations"}
    third = second | {"title", "outputSchema", "_meta"}
    fourth = third | {"icons", "description", "websiteUrl", "execution"}
    assert column("descriptor_members") == [set(), second, third, fourth, fourth]


def test_a_range_of_versions_holds_both_its_ends():
    assert versions.at_least(THIRD) == {THIRD, FOURTH, FIFTH}
    assert versions.at_least(FIRST) == set(DATES)
    assert versions.at_least("2099-01-01") == set()
    assert versions.between(SECOND, THIRD) == {SECOND, THIRD}
    assert versions.between(FOURTH, FOURTH) == {FOURTH}
    assert versions.between(FOURTH, THIRD) == set()


# --- a version that nobody has heard of ------------------------------------------------------------------

LAST_ROW = "    )\n}\n\nHANDSHAKE"
NEW_ROWS = """\
        Version(
            date="2099-01-01",
            era="handshake",
            batches=True,
            argument_faults="result",
            content_blocks=ALL_BLOCKS,
            descriptor_members=frozenset(),
        ),
        Version(
            date="2099-02-02",
            era="stateless",
            resource_not_found=-32002,
            result_envelope=True,
            content_blocks=ALL_BLOCKS,
            descriptor_members=_MEMBERS_2025_06,
        ),
"""

CONVERSATION = """
import json
from fairlead.catalog import Catalog
from fairlead.catalog.tool import from_function
from fairlead.kernel import Parking, Run, Send, ServerSession, Terms
from fairlead.spec.descriptors import Implementation

def add(a: int, b: int) -> int:
    return a + b

catalog = Catalog()
catalog.add_tool(from_function(add, title="Adds"))
server = Implementation(name="s", version="1", title="The server")
session = ServerSession(Terms(server=server, catalog=catalog), Parking(b"x" * 32, most=1, seconds=1))

def say(method, id, meta=None, **params):
    frame = {"jsonrpc": "2.0", "id": id, "method": method, "params": {**params, **({"_meta": meta} if meta else {})}}
    effects = session.receive(json.dumps(frame), 0)
    for effect in effects:
        if isinstance(effect, Run):
            return json.loads(session.finish(effect.call, 3))
        if isinstance(effect, Send):
            return json.loads(effect.frame)

add_them = {"name": "add", "arguments": {"a": 1, "b": 2}}
begun = say("initialize", 1, protocolVersion="2099-01-01", capabilities={}, clientInfo={"name": "c", "version": "1"})
assert begun["result"]["protocolVersion"] == "2099-01-01", begun
assert "title" not in begun["result"]["serverInfo"], begun
assert "title" not in say("tools/list", 2)["result"]["tools"][0]
result = say("tools/call", 3, **add_them)["result"]
assert result["content"][0]["text"] == "3" and "structuredContent" not in result, result
assert say("tools/call", 4, name="add", arguments={"a": "x"})["result"]["isError"]
assert say("resources/read", 5, uri="a://b")["error"]["code"] == -32002
assert [json.loads(e.frame) for e in session.receive('[{"jsonrpc":"2.0","id":6,"method":"ping"}]', 0)] == [
    [{"jsonrpc": "2.0", "id": 6, "result": {}}]
]
unknown = say("initialize", 7, protocolVersion="1999-01-01", capabilities={})
assert unknown["result"]["protocolVersion"] == "2099-01-01", unknown

prefix = "io.modelcontextprotocol/"
meta = {prefix + "protocolVersion": "2099-02-02", prefix + "clientCapabilities": {}}
found = say("server/discover", 8, meta)["result"]
assert found["supportedVersions"] == ["2026-07-28", "2099-02-02"], found
assert say("tools/list", 9, meta)["result"]["tools"][0]["title"] == "Adds"
result = say("tools/call", 10, meta, **add_them)["result"]
assert result["resultType"] == "complete" and "structuredContent" not in result, result
assert say("resources/read", 11, meta, uri="a://b")["error"]["code"] == -32002
assert say("initialize", 12, meta, protocolVersion="2099-02-02", capabilities={})["error"]["code"] == -32601
"""


def test_a_new_version_is_a_new_row_and_nothing_else(tmp_path):
    source = Path(fairlead.__file__).parent
    shutil.copytree(source, tmp_path / "fairlead", ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "fairlead" / "spec" / "versions.py"
    text = table.read_text("utf-8")
    assert text.count(LAST_ROW) == 1
    table.write_text(text.replace(LAST_ROW, NEW_ROWS + LAST_ROW), "utf-8")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{CONVERSATION}\n"
    program += f"import fairlead; assert fairlead.__file__.startswith({str(tmp_path)!r})"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


# What the specification of Streamable HTTP takes a request without a version header to speak.
WITHOUT_HEADER = ("serve/http.py", SECOND)


def test_no_source_but_the_tables_asks_for_a_version_by_its_date():
    named = {
        (source.path.removeprefix("fairlead/"), node.value)
        for source in sources()
        if not source.module.startswith("fairlead.spec")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and node.value in DATES
    }
    assert named <= {WITHOUT_HEADER}
