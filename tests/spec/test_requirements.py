"""The table of requirements and the tests hold one another to their word.

Tests are found by reading their sources, so that one which is skipped or cannot be imported still counts
as written, and none is run to be found.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.house.source import FUNCTIONS, ROOT, dotted
from tests.spec.requirements import COMPLETE, REQUIREMENTS, Requirement

TESTS = ROOT / "tests"
IDS = {requirement.id for requirement in REQUIREMENTS}


def node_ids(path: str, tree: ast.Module) -> set[str]:
    """The tests of a file as pytest names them."""
    found = set()
    for node in tree.body:
        if isinstance(node, FUNCTIONS) and node.name.startswith("test"):
            found.add(f"{path}::{node.name}")
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            inner = (item for item in node.body if isinstance(item, FUNCTIONS) and item.name.startswith("test"))
            found |= {f"{path}::{node.name}::{item.name}" for item in inner}
    return found


def marks(path: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each `@pytest.mark.requirement("ID")`, with the test it stands on, or the file where it is elsewhere."""
    on_tests = set()
    for owner, prefix in [(tree, path), *((n, f"{path}::{n.name}") for n in tree.body if isinstance(n, ast.ClassDef))]:
        for node in owner.body:
            if isinstance(node, FUNCTIONS):
                for mark in map(_marked, node.decorator_list):
                    if mark:
                        on_tests.add(mark[0])
                        yield from ((id, f"{prefix}::{node.name}") for id in mark[1])
    for node in ast.walk(tree):
        if (mark := _marked(node)) and mark[0] not in on_tests:
            yield from ((id, path) for id in mark[1])


def _marked(node: ast.AST) -> tuple[ast.Call, list[str]] | None:
    if isinstance(node, ast.Call) and dotted(node.func).endswith("mark.requirement"):
        return node, [item.value for item in node.args if isinstance(item, ast.Constant)]
    return None


def remarks(text: str) -> list[str]:
    """Each comment that names a requirement, as in `requirement: ERA-01`."""
    return re.findall(r"#.*\brequirement: ([A-Z]+-\d+)", text)


def faults(requirement: Requirement, tests: set[str], *, complete: bool) -> Iterator[str]:
    """What is wrong with one line of the table."""
    if requirement.pending and requirement.tests:
        yield f"{requirement.id} has tests and is no longer pending"
    if requirement.pending and complete:
        yield f"{requirement.id} is pending"
    if not requirement.pending and not requirement.tests:
        yield f"{requirement.id} names no test"
    yield from (f"{requirement.id} names {test}, which is nowhere" for test in requirement.tests if test not in tests)


def unlisted(found: Iterable[tuple[str, str]], table: dict[str, tuple[str, ...]], *, complete: bool) -> Iterator[str]:
    """What is wrong with the marks on tests; until the table is complete, it may lag behind them."""
    for id, place in found:
        if id not in table:
            yield f"{place} is marked with {id}, which is no requirement"
        elif complete and "::" in place and place not in table[id]:
            yield f"{place} is marked with {id}, which does not name it"


def trees() -> Iterator[tuple[str, str, ast.Module]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text("utf-8")
        yield path.relative_to(ROOT).as_posix(), text, ast.parse(text)


def test_every_requirement_names_tests_that_exist():
    tests = {test for path, _, tree in trees() for test in node_ids(path, tree)}
    wrong = [fault for requirement in REQUIREMENTS for fault in faults(requirement, tests, complete=COMPLETE)]
    assert not wrong, "\n".join(wrong)


def test_every_mark_names_a_requirement():
    table = {requirement.id: requirement.tests for requirement in REQUIREMENTS}
    this = Path(__file__).relative_to(ROOT).as_posix()
    wrong = [fault for path, _, tree in trees() for fault in unlisted(marks(path, tree), table, complete=COMPLETE)]
    wrong += [
        f"{path} speaks of {id}, which is no requirement"
        for path, text, _ in trees()
        if path != this
        for id in remarks(text)
        if id not in IDS
    ]
    assert not wrong, "\n".join(wrong)


def test_ids_are_unique_and_every_clause_says_something():
    assert len(IDS) == len(REQUIREMENTS)
    for requirement in REQUIREMENTS:
        assert re.fullmatch(r"[A-Z]+-\d\d", requirement.id)
        assert requirement.clause.endswith(".")
        assert requirement.source


def test_a_wrong_line_of_the_table_is_caught():
    def wrong(*, complete: bool = False, **line: object) -> list[str]:
        requirement = Requirement(id="X-01", clause="It is.", source="nowhere", **line)
        return list(faults(requirement, {"tests/a.py::test_a"}, complete=complete))

    assert wrong() == ["X-01 names no test"]
    assert wrong(pending=True, complete=True) == ["X-01 is pending"]
    assert wrong(pending=True, tests=("tests/a.py::test_a",)) == ["X-01 has tests and is no longer pending"]
    assert wrong(tests=("tests/a.py::test_b",)) == ["X-01 names tests/a.py::test_b, which is nowhere"]
    assert not wrong(pending=True)
    assert not wrong(tests=("tests/a.py::test_a",), complete=True)


def test_a_wrong_mark_is_caught():
    text = """
@pytest.mark.requirement("X-01", "X-02")
def test_a(): ...

class TestB:
    @mark.requirement("X-03")
    def test_c(self): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.requirement("X-04"))])
def test_d(x): ...
"""
    tree = ast.parse(text)
    assert node_ids("t.py", tree) == {"t.py::test_a", "t.py::TestB::test_c", "t.py::test_d"}
    found = list(marks("t.py", tree))
    assert found == [
        ("X-01", "t.py::test_a"),
        ("X-02", "t.py::test_a"),
        ("X-03", "t.py::TestB::test_c"),
        ("X-04", "t.py"),
    ]
    table = {"X-01": ("t.py::test_a",), "X-02": (), "X-04": ()}
    assert list(unlisted(found, table, complete=False)) == [
        "t.py::TestB::test_c is marked with X-03, which is no requirement"
    ]
    assert list(unlisted(found, table, complete=True)) == [
        "t.py::test_a is marked with X-02, which does not name it",
        "t.py::TestB::test_c is marked with X-03, which is no requirement",
    ]
    assert remarks("x = 1  # requirement: X-09\n") == ["X-09"]
