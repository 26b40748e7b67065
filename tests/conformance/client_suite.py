"""The official suite in client mode: it serves, and runs `client_driver.py` against what it serves."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance.client_driver import SCENARIOS
from tests.conformance.suite import BIN, HERE, Check, Run

LINE = "client"
VERSIONS = ("2025-06-18", "2025-11-25", "2026-07-28")
APART = {
    "auth/": "OAuth, which needs the client's side of an authorization server",
    "sep-2640-client-": "the skills extension, which Fairlead does not have",
}
"""What is not run, by the beginnings of its names, and why."""

_AT_ONCE = 4
_LISTED = re.compile(r"^  - (\S+) \[([^\]]+)\]$", re.MULTILINE)


def listed() -> dict[str, tuple[str, ...]]:
    """Every client scenario of the suite, and the versions that have it."""
    said = _suite("list").stdout
    _, _, ours = said.partition("Client scenarios")
    ours, _, _ = ours.partition("Authorization server scenarios")
    return {name: tuple(versions.split(",")) for name, versions in _LISTED.findall(ours)}


def applicable(scenarios: dict[str, tuple[str, ...]], version: str) -> list[str]:
    """Those of a version that are run."""
    return [name for name, versions in scenarios.items() if version in versions and not name.startswith(tuple(APART))]


def run_client(version: str, folder: Path) -> Run:
    """Run every scenario of a version; each is a server of its own, a few at once."""
    run = Run(LINE, version, scenarios=applicable(listed(), version))
    shutil.rmtree(folder, ignore_errors=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for checks in pool.map(lambda scenario: _scenario(scenario, version, folder / scenario), run.scenarios):
            run.checks += checks
    return run


def missing() -> set[str]:
    """Scenarios that the driver does not know."""
    return {name for version in VERSIONS for name in applicable(listed(), version)} - set(SCENARIOS)


def _scenario(name: str, version: str, folder: Path) -> list[Check]:
    command = f"{sys.executable} -m tests.conformance.client_driver"
    ended = _suite(
        "client", "--command", command, "--scenario", name, "--spec-version", version, "-o", str(folder), "--verbose"
    )
    found = list(folder.glob("*/checks.json"))
    if len(found) != 1:
        return [Check(name, name, "FAILURE", f"the scenario reported nothing: {ended.stderr[-500:]}")]
    checks = [
        Check(name, one["id"], one["status"], one.get("errorMessage") or "") for one in json.loads(found[0].read_text())
    ]
    if ended.returncode != 0 and not any(check.status in ("FAILURE", "WARNING") for check in checks):
        checks.append(Check(name, "the-client", "FAILURE", f"the driver failed: {ended.stderr[-500:]}"))
    return checks


def _suite(*words: str, within: float = 60) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (str(BIN / "node"), str(BIN / "conformance"), *words),
        capture_output=True,
        text=True,
        timeout=within,
        stdin=subprocess.DEVNULL,
        check=False,
        cwd=HERE.parents[1],
    )


def counts(run: Run, scenarios: Iterable[str] | None = None) -> list[int]:
    """Checks passed, failed, warned of and skipped."""
    wanted = set(run.scenarios if scenarios is None else scenarios)
    return [
        sum(check.status == status and check.scenario in wanted for check in run.checks)
        for status in ("SUCCESS", "FAILURE", "WARNING", "SKIPPED")
    ]
