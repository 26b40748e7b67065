"""The official conformance suite in client mode: our client against what the suite serves over HTTP."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance import client_suite, report, suite
from tests.conformance.client_suite import VERSIONS, applicable, run_client
from tests.conformance.suite import Run, listing

Runs = Callable[[str], Run]
needs_suite = pytest.mark.skipif(not suite.installed(), reason=suite.MISSING)
pytestmark = pytest.mark.within(180)
LEAST = {"2025-06-18": 2, "2025-11-25": 5, "2026-07-28": 8}
"""How many scenarios the suite has for each version, without those that are not run."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """`runs(version)`: what the suite found; each version is run once."""
    found: dict[str, Run] = {}
    folder = tmp_path_factory.mktemp("client")

    def run(version: str) -> Run:
        if version not in found:
            found[version] = run_client(version, folder / version)
        return found[version]

    return run


@needs_suite
@pytest.mark.parametrize("version", VERSIONS)
def test_every_client_scenario_of_a_version_passes(runs: Runs, version: str) -> None:
    run = runs(version)
    assert len(run.scenarios) >= LEAST[version]
    assert not run.failed, listing(run.failed)
    assert not run.warnings, listing(run.warnings)


@needs_suite
def test_only_the_handshake_is_skipped_by_the_suite(runs: Runs) -> None:
    skipped = [check.message for version in VERSIONS for check in runs(version).of("SKIPPED")]
    assert len(skipped) == 2
    assert "initialize" in skipped[0] and "notifications/initialized" in skipped[1]


@needs_suite
def test_the_page_says_what_this_run_of_the_client_found(runs: Runs) -> None:
    found = {version: runs(version) for version in VERSIONS}
    assert report.written()[1] == report.client_page(found), "call make conformance, and commit the page"


@needs_suite
def test_the_driver_knows_every_scenario_that_is_run() -> None:
    assert client_suite.missing() == set()


def test_what_needs_oauth_or_the_skills_extension_is_not_run() -> None:
    known = {"tools_call": ("2025-11-25",), "auth/dpop": ("2025-11-25",), "sep-2640-client-x": ("2025-11-25",)}
    assert applicable(known, "2025-11-25") == ["tools_call"]
    assert applicable(known, "2026-07-28") == []


def test_a_scenario_that_left_nothing_behind_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended:
        stderr, returncode = "no such scenario", 1

    monkeypatch.setattr(client_suite, "_suite", lambda *words: Ended)
    monkeypatch.setattr(client_suite, "listed", lambda: {"tools_call": ("2025-11-25",)})
    [failed] = run_client("2025-11-25", tmp_path / "out").failed
    assert "no such scenario" in failed.message
