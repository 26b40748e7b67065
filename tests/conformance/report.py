"""Writes docs/conformance.md from a run of the official suite over every line, and in client mode.

python -m tests.conformance.report
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.conformance import client_suite
from tests.conformance.processes import LINES, ROOT
from tests.conformance.suite import (
    HERE,
    MISSING,
    NOT_ON_LINE,
    SELECTIONS,
    VERSIONS,
    Check,
    Run,
    installed,
    listing,
    run_suite,
)

PAGE = ROOT / "docs" / "conformance.md"
NAMES = {"http": "Streamable HTTP", "websocket": "WebSocket"}
CLIENT = "\n## The client\n"
"""What begins the part of the page that tells of the client."""

HEAD = """\
# Conformance

The official suite, `@modelcontextprotocol/conformance` {suite}, run against the fixtures of
`tests/conformance/server.py`. Written from a run by `make conformance`, and compared with each run of `make test`;
not by hand.

The suite speaks HTTP alone. The WebSocket line is judged by the same suite through `tests/conformance/shim.py`, which
turns each body into a frame and each frame into an answer, and judges nothing itself.

## By version and line

Each version's row counts what it requires; what the suite runs beside that, without requiring it, stands behind it.
`all` runs every scenario once, in the version that the suite chooses for it.
"""

AFTER_VERSIONS = """
*Apart*: checks of something that the line does not have, counted neither as passed nor as failed; the reasons are
below. *Skipped*: by the suite itself, which tells why.

```
{commands}
```

## By scenario

Checks passed. A dash: the scenario is not part of that run.
"""

CLIENT_HEAD = """
The other way round: the suite serves, over Streamable HTTP, and runs `tests/conformance/client_driver.py`, which does
what a scenario wants with `fairlead.client.Client`.
"""

CLIENT_AFTER = """
*Skipped*: requests of the handshake, which a client of the stateless era never sends.

Not run: {apart}.

```
conformance client --command "python -m tests.conformance.client_driver" --scenario NAME --spec-version VERSION
```
"""


def run_everything() -> dict[tuple[str, str], Run]:
    """Every selection over every line, by line and selection."""
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for line, opened in LINES.items():
            with opened() as url:
                for selection in SELECTIONS:
                    runs[line, selection] = run_suite(line, url, selection, Path(folder) / line / selection)
    return runs


def run_client() -> dict[str, Run]:
    """Every version in client mode."""
    with tempfile.TemporaryDirectory() as folder:
        return {version: client_suite.run_client(version, Path(folder) / version) for version in client_suite.VERSIONS}


def client_page(runs: dict[str, Run]) -> str:
    """The part of the page that tells of the client."""
    rows = [["version", "scenarios", "passed", "failed", "warnings", "skipped"]]
    rows += [[name, str(len(run.scenarios)), *map(str, client_suite.counts(run))] for name, run in runs.items()]
    scenarios = dict.fromkeys(scenario for run in runs.values() for scenario in run.scenarios)
    cells = [["scenario", *runs], *([name, *(_cell(run, name) for run in runs.values())] for name in scenarios)]
    apart = "; ".join(f"`{name}*` ({why})" for name, why in client_suite.APART.items())
    listed = "\n".join(f"- {name}: {check}" for name, run in runs.items() for check in _bad(run)) or "Nothing."
    parts = [CLIENT + CLIENT_HEAD, _table(rows), CLIENT_AFTER.format(apart=apart), _table(cells)]
    return "\n".join([*parts, "\nFailed or warned of:\n", listed]) + "\n"


def written() -> tuple[str, str]:
    """The page as it is: what tells of the server, and what tells of the client."""
    server, mark, client = PAGE.read_text("utf-8").partition(CLIENT)
    return server, mark + client


def page(runs: dict[tuple[str, str], Run]) -> str:
    """The page for these runs: the same text for the same findings."""
    suite = json.loads((HERE / "package.json").read_text("utf-8"))["devDependencies"]
    commands = "\n".join(
        " ".join(("conformance server --url http://localhost:8000/mcp", *arguments))
        for arguments in SELECTIONS.values()
    )
    parts = [
        HEAD.format(suite=suite["@modelcontextprotocol/conformance"]),
        _table(_versions(runs)),
        AFTER_VERSIONS.format(commands=commands),
        _table(_scenarios(runs)),
        "\n## Apart, and why\n",
        _table(_apart(runs)),
        "\n## Skipped by the suite\n",
        _table(_skipped(runs)),
        "\n## Failed or warned of\n",
        _listed(runs),
    ]
    return "\n".join(parts) + "\n"


def _versions(runs: dict[tuple[str, str], Run]) -> list[list[str]]:
    rows = [
        ["version", "line", "scenarios", "passed", "failed", "warnings", "apart", "skipped", "beside: passed, failed"]
    ]
    for (line, selection), run in runs.items():
        required = run.required
        counts = [
            sum(len(run.of(status, scenario=scenario)) for scenario in required)
            for status in ("SUCCESS", "FAILURE", "WARNING", "N/A", "SKIPPED")
        ]
        beside = [
            sum(len(run.of(status, scenario=scenario)) for scenario in run.unscored)
            for status in ("SUCCESS", "FAILURE")
        ]
        told = f"{beside[0]}, {beside[1]}" if run.unscored else "–"
        rows.append([selection, NAMES[line], str(len(required)), *map(str, counts), told])
    return rows


def _scenarios(runs: dict[tuple[str, str], Run]) -> list[list[str]]:
    rows = [["scenario", *(f"{NAMES[line]}, {selection}" for line, selection in runs)]]
    names = [scenario for run in runs.values() if run.selection == "all" for scenario in run.scenarios]
    rows += [[name, *(_cell(run, name) for run in runs.values())] for name in dict.fromkeys(names)]
    return rows


def _cell(run: Run, scenario: str) -> str:
    if scenario not in run.scenarios:
        return "–"
    told = [str(len(run.of("SUCCESS", scenario=scenario)))]
    for status, word in (("FAILURE", "**failed**"), ("WARNING", "warned"), ("N/A", "apart"), ("SKIPPED", "skipped")):
        if found := run.of(status, scenario=scenario):
            told.append(f"{len(found)} {word}")
    return ", ".join(told) if told != ["0"] else "nothing to judge"


def _apart(runs: dict[tuple[str, str], Run]) -> list[list[str]]:
    rows = [["line", "scenario", "check", "why"]]
    for line in {line: None for line, _ in runs}:
        rows += [[NAMES[line], scenario, f"`{check}`", why] for (scenario, check), why in NOT_ON_LINE[line].items()]
    return rows


def _skipped(runs: dict[tuple[str, str], Run]) -> list[list[str]]:
    told: dict[tuple[str, str], list[str]] = {}
    for check in (check for run in runs.values() for check in run.of("SKIPPED")):
        checks = told.setdefault((check.scenario, check.message.replace("|", "\\|")), [])
        if check.id not in checks:
            checks.append(check.id)
    return [
        ["scenario", "checks", "why, in the suite's words"],
        *([scenario, str(len(checks)), why] for (scenario, why), checks in told.items()),
    ]


def _listed(runs: dict[tuple[str, str], Run]) -> str:
    lines = [f"- {NAMES[line]}, {selection}: {check}" for (line, selection), run in runs.items() for check in _bad(run)]
    return "\n".join(lines) or "Nothing."


def _bad(run: Run) -> Iterable[Check]:
    return (*run.failed, *run.warnings)


def _table(rows: list[list[str]]) -> str:
    head, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rest))


def main() -> int:
    """Run everything and write the page; fails where a required check did."""
    if not installed():
        sys.stderr.write(MISSING + "\n")
        return 2
    runs = run_everything()
    clients = run_client()
    PAGE.write_text(page(runs) + client_page(clients), "utf-8")
    failed = [check for (_, selection), run in runs.items() for check in run.failed if selection in (*VERSIONS, "all")]
    failed += [check for run in clients.values() for check in run.failed]
    sys.stderr.write(f"{PAGE.relative_to(ROOT)} is written.\n{listing(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
