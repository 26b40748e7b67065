"""The page keeps what people wrote, tells what is missing, and gives no machine away."""

from pathlib import Path

from bench.goals import GOALS, judge
from bench.process import ROOT
from bench.report import NOTES_END, NOTES_START, page, tables
from bench.results import Results
from bench.rounds import Plan
from bench.scenarios import SCENARIOS
from bench.subjects import SUBJECTS

PLAN = Plan(SUBJECTS, SCENARIOS, (), rounds=3, seconds=3)


def written(results: Results, old: str = "") -> str:
    return page(PLAN, tables(PLAN, results), [("date", "today")], "make bench", old)


def test_notes_outlive_a_new_run() -> None:
    old = f"anything\n{NOTES_START}\nWritten by hand \\1.\n{NOTES_END}\n"
    once = written(Results(), old)
    assert f"{NOTES_START}\nWritten by hand \\1.\n{NOTES_END}" in once
    assert written(Results(), once) == once
    assert "anything" not in once


def test_what_was_not_measured_is_no_goal_met() -> None:
    verdicts = judge(Results())
    assert len(verdicts) == len(GOALS)
    assert all(verdict.seen is None and verdict.text.startswith("not measured") for verdict in verdicts)


def test_a_reason_loses_paths_and_addresses() -> None:
    results = Results()
    results.missing["echo"] = f"{ROOT}/bench failed, see https://somewhere.example/simple and {Path.home()}/x"
    text = written(results)
    assert "missing: bench failed, see <address> and ~/x" in text
    assert str(ROOT) not in text
