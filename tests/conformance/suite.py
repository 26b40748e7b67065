"""Runs the official conformance suite as a child process, and reads what it found.

The suite writes the checks of each scenario into a folder; its own summary has to agree with what is read there.
A scenario that leaves nothing behind has failed.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"
MISSING = "the conformance suite is not installed: call scripts/setup-node, which says what it needs"

SELECTIONS: dict[str, tuple[str, ...]] = {
    "2025-06-18": ("--suite", "all", "--spec-version", "2025-06-18"),
    "2025-11-25": ("--requirements", "2025-11-25"),
    "2026-07-28": ("--requirements", "2026-07-28"),
    "all": ("--suite", "all"),
}
"""What is run: for each version what it requires (and what the suite runs beside that without counting it), then
every scenario once. The suite has no list of what 2025-06-18 requires: all that applies to it is taken."""

VERSIONS = tuple(name for name in SELECTIONS if name != "all")
SCENARIOS = 65
"""How many the suite has for servers."""

NO_HEADERS = "A WebSocket frame has no headers of its own, so there is none that could disagree with the body."
NOT_ON_LINE: dict[str, dict[tuple[str, str], str]] = {
    "http": {},
    "client": {},
    "websocket": {
        (scenario, check): NO_HEADERS
        for scenario, checks in {
            "server-stateless": ("sep-2575-http-server-header-mismatch-400",),
            "http-header-validation": ("sep-2243-server-reject-invalid-headers", "sep-2243-server-reject-error-code"),
            "http-custom-header-server-validation": (
                "sep-2243-server-reject-invalid-param-chars",
                "sep-2243-server-reject-param-mismatch",
                "sep-2243-server-validate-param-match",
            ),
            "tasks-request-headers": (
                "tasks-headers-reject-mismatched-method",
                "sep-2663-server-rejects-mismatched-mcp-name-on-tasks-get",
            ),
        }.items()
        for check in checks
    },
}
"""Checks that ask for what a line does not have, by line, scenario and check, and why: counted apart, where not met."""


@dataclass(frozen=True)
class Check:
    """One check of one scenario, as the suite judged it."""

    scenario: str
    id: str
    status: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.scenario}: {self.id}: {self.status}: {self.message}"


@dataclass
class Run:
    """What one run of the suite found on one line."""

    line: str
    selection: str
    scenarios: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    unscored: dict[str, str] = field(default_factory=dict)
    """Scenarios that were run without being required, and why they are not."""

    def of(self, *statuses: str, scenario: str | None = None) -> list[Check]:
        """The checks with these statuses; those that the line cannot meet have the status `N/A`."""
        found = ((_status(self.line, check), check) for check in self.checks)
        return [
            check for status, check in found if status in statuses and (scenario is None or check.scenario == scenario)
        ]

    @property
    def required(self) -> list[str]:
        """The scenarios that count for a version."""
        return [scenario for scenario in self.scenarios if scenario not in self.unscored]

    @property
    def failed(self) -> list[Check]:
        """Checks that were not met, required or not."""
        return self.of("FAILURE")

    @property
    def warnings(self) -> list[Check]:
        """Checks of what a server should do, and did not."""
        return self.of("WARNING")


def _status(line: str, check: Check) -> str:
    if check.status in ("FAILURE", "WARNING") and (check.scenario, check.id) in NOT_ON_LINE[line]:
        return "N/A"
    return check.status


def installed() -> bool:
    """Whether the suite and a Node to run it with are there."""
    return (BIN / "conformance").exists() and (BIN / "node").exists()


def run_suite(line: str, url: str, selection: str, folder: Path, *, within: float = 300) -> Run:
    """Run one selection against a URL. Raises AssertionError where the suite did not come to its end by itself."""
    command = (str(BIN / "node"), str(BIN / "conformance"), "server", "--url", url, *SELECTIONS[selection])
    shutil.rmtree(folder, ignore_errors=True)
    ended = subprocess.run(
        (*command, "-o", str(folder)),
        capture_output=True,
        text=True,
        timeout=within,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert ended.returncode in (0, 1) and "=== SUMMARY ===" in ended.stdout, f"{ended.stdout}\n{ended.stderr}"
    return read_run(line, selection, ended.stdout, folder)


def read_run(line: str, selection: str, said: str, folder: Path) -> Run:
    """What a run found, from what it said and what it left in its folder."""
    run = Run(line, selection, scenarios=re.findall(r"^=== Running scenario: (\S+) ===$", said, re.MULTILINE))
    left_out = set(re.findall(r"^SKIPPED: scenario '([^']+)'", said, re.MULTILINE))
    run.scenarios = [scenario for scenario in run.scenarios if scenario not in left_out]
    _, _, apart = said.partition("\nNot scored for ")
    run.unscored = dict(re.findall(r"^  [✓✗] (\S+) \(([a-z-]+)\)$", apart, re.MULTILINE))
    found: dict[str, list[Check]] = {}
    for check in _checks(folder):
        found.setdefault(check.scenario, []).append(check)
    for scenario in run.scenarios:
        run.checks += found.get(scenario) or [Check(scenario, scenario, "FAILURE", "the scenario reported nothing")]
    _agree(run, said)
    return run


def _checks(folder: Path) -> Iterator[Check]:
    for path in sorted(folder.glob("*/checks.json")):
        named = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z", path.parent.name)
        assert named, f"the suite names its folders otherwise: {path.parent.name}"
        for check in json.loads(path.read_text("utf-8")):
            yield Check(named[1], check["id"], check["status"], check.get("errorMessage") or "")


def _agree(run: Run, said: str) -> None:
    told = re.search(r"^Total: (\d+) passed, (\d+) failed", said, re.MULTILINE)
    assert told, said
    read = tuple(sum(check.status == status for check in run.checks) for status in ("SUCCESS", "FAILURE"))
    assert read == (int(told[1]), int(told[2])), f"read {read}, but the suite says: {told[0]}"


def listing(checks: Iterable[Check]) -> str:
    """One line each, for the message of a test."""
    return "\n".join(str(check) for check in checks)
