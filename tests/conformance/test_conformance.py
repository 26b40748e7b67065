"""The official conformance suite over each line of ours, in every version that it covers."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance import report, suite
from tests.conformance.processes import LINES
from tests.conformance.suite import SELECTIONS, Check, Run, listing, read_run, run_suite

Runs = Callable[[str, str], Run]
needs_suite = pytest.mark.skipif(not suite.installed(), reason=suite.MISSING)
every_line = pytest.mark.parametrize("line", LINES)
pytestmark = pytest.mark.within(300)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """`runs(line, selection)`: what the suite found; each line is served once, each selection is run once."""
    urls: dict[str, str] = {}
    found: dict[tuple[str, str], Run] = {}
    folder = tmp_path_factory.mktemp("conformance")
    with ExitStack() as lines:

        def run(line: str, selection: str) -> Run:
            if line not in urls:
                urls[line] = lines.enter_context(LINES[line]())
            if (line, selection) not in found:
                found[line, selection] = run_suite(line, urls[line], selection, folder / line / selection)
            return found[line, selection]

        yield run


@needs_suite
@every_line
@pytest.mark.parametrize("version", suite.VERSIONS)
def test_what_a_version_requires_is_met_without_a_failed_check(runs: Runs, line: str, version: str) -> None:
    run = runs(line, version)
    assert len(run.required) >= 25
    assert not run.failed, listing(run.failed)
    assert not run.warnings, listing(run.warnings)


@needs_suite
@every_line
def test_every_server_scenario_of_the_suite_passes(runs: Runs, line: str) -> None:
    run = runs(line, "all")
    assert len(run.scenarios) == suite.SCENARIOS
    assert not run.failed, listing(run.failed)
    assert not run.warnings, listing(run.warnings)


@needs_suite
@every_line
def test_only_what_a_line_really_lacks_is_counted_apart(runs: Runs, line: str) -> None:
    met = {(check.scenario, check.id) for check in runs(line, "all").of("N/A")}
    assert met == set(suite.NOT_ON_LINE[line])


@needs_suite
def test_the_page_says_what_this_run_found(runs: Runs) -> None:
    found = {(line, selection): runs(line, selection) for line in LINES for selection in SELECTIONS}
    assert report.written()[0] == report.page(found), "call make conformance, and commit the page"


# How the results are read.


def _left(folder: Path, scenario: str, *statuses: str) -> None:
    place = folder / f"server-{scenario}-2026-01-02T03-04-05-678Z"
    place.mkdir()
    checks = [{"id": f"{scenario}-{at}", "status": status} for at, status in enumerate(statuses)]
    (place / "checks.json").write_text(json.dumps(checks))


SAID = """
=== Running scenario: ping ===
=== Running scenario: caching ===
SKIPPED: scenario 'caching' is not applicable at spec version 2025-06-18 (introduced in 2026-07-28).
=== Running scenario: tools-list ===

=== SUMMARY ===
Total: 1 passed, {failed} failed

Not scored for 2025-11-25: 1 scenario(s) run, 0 failing. These do not affect conformance.
  ✓ tools-list (pending)
"""


def test_a_scenario_that_left_nothing_behind_has_failed(tmp_path: Path) -> None:
    _left(tmp_path, "ping", "SUCCESS")
    run = read_run("http", "2025-11-25", SAID.format(failed=1), tmp_path)
    assert [check.scenario for check in run.failed] == ["tools-list"]


def test_scenarios_are_told_apart_by_whether_they_were_run_and_whether_they_count(tmp_path: Path) -> None:
    _left(tmp_path, "ping", "SUCCESS", "SKIPPED", "INFO")
    _left(tmp_path, "tools-list", "WARNING")
    run = read_run("http", "2025-11-25", SAID.format(failed=0), tmp_path)
    assert run.scenarios == ["ping", "tools-list"]
    assert run.required == ["ping"]
    assert run.unscored == {"tools-list": "pending"}
    assert [check.id for check in run.warnings] == ["tools-list-0"]


def test_what_is_read_has_to_agree_with_the_summary(tmp_path: Path) -> None:
    _left(tmp_path, "ping", "SUCCESS", "FAILURE")
    _left(tmp_path, "tools-list")
    with pytest.raises(AssertionError, match="but the suite says"):
        read_run("http", "2025-11-25", SAID.format(failed=0), tmp_path)


def test_a_check_is_counted_apart_only_on_the_line_that_lacks_it() -> None:
    (scenario, check), *_ = suite.NOT_ON_LINE["websocket"]
    failed = Check(scenario, check, "FAILURE")
    passed = Check(scenario, check, "SUCCESS")
    assert Run("http", "all", checks=[failed]).failed == [failed]
    behind = Run("websocket", "all", checks=[failed, passed])
    assert (behind.failed, behind.of("N/A"), behind.of("SUCCESS")) == ([], [failed], [passed])
