"""A run of the benchmark gives figures for what answers rightly and reasons for all else."""

import sys
from dataclasses import replace

import pytest

from bench.environments import PROJECT
from bench.messages import ADD
from bench.process import ROOT
from bench.rounds import Plan, run
from bench.scenarios import Scenario
from bench.subjects import SUBJECTS, Subject

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc to read processor time from")

ECHO = next(subject for subject in SUBJECTS if subject.name == "echo")
FEW = Scenario("few", "add, 2 × 2 in flight", ADD, connections=2, in_flight=2, warm_up_seconds=0.02)


def in_project(app: str, folder: str) -> Subject:
    command = (sys.executable, "-m", "uvicorn", f"{app}:app", "--app-dir", str(ROOT / folder), "--port", "{port}")
    return replace(ECHO, environment=PROJECT, command=(*command, "--ws", "websockets-sansio", "--log-level", "error"))


def plan(subject: Subject) -> Plan:
    return Plan((subject,), (FEW,), (), rounds=1, seconds=0.1)


def test_a_server_that_answers_rightly_has_figures() -> None:
    results = run(plan(in_project("echo_app", "bench/servers")))
    assert results.whole
    sample = results.samples["echo", "few"][0]
    assert sample.calls_per_second > 0
    assert 0 < sample.p50_us <= sample.p99_us
    assert sample.peak_rss_bytes > 1_000_000


def test_a_server_with_wrong_answers_has_no_figures_but_a_reason() -> None:
    results = run(plan(in_project("liar_app", "tests/bench")))
    assert not results.whole
    assert "wrong answer to 10000000" in (results.reason("echo", "few") or "")


def test_a_server_that_cannot_start_is_missing_with_its_last_words() -> None:
    results = run(plan(in_project("no_such_app", "bench/servers")))
    assert "no_such_app" in (results.reason("echo", "few") or "")
    assert (results.reason("echo", "few") or "").startswith("missing: ended at start")


def test_a_command_that_does_not_exist_is_missing() -> None:
    results = run(plan(replace(in_project("echo_app", "bench/servers"), command=("no-such-command",))))
    assert (results.reason("echo", "few") or "").startswith("missing: could not be started")
