"""Runs the plan: in each round every server is up, and each load visits them one after another.

So drift of the machine falls on all alike. It refuses to stop at the first bad row: what is wrong
with a row is noted in the results, and the others are measured.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.environments import Environment, ensure
from bench.errors import MeasureError, MissingError
from bench.load.drive import measure
from bench.probes.table import Probe
from bench.process import Server
from bench.results import Results
from bench.scenarios import Scenario
from bench.subjects import Subject


@dataclass(frozen=True)
class Plan:
    """What to measure, how often and how long."""

    subjects: tuple[Subject, ...]
    scenarios: tuple[Scenario, ...]
    probes: tuple[Probe, ...]
    rounds: int
    seconds: float

    @property
    def environments(self) -> list[Environment]:
        """Every environment that something in the plan needs, once."""
        needed = [subject.environment for subject in self.subjects]
        needed += [probe.environment for probe in self.probes]
        return list(dict.fromkeys(needed))


def run(plan: Plan) -> Results:
    """Measure everything in the plan."""
    results = Results()
    _make_environments(plan, results)
    for number in range(plan.rounds):
        _run_round(plan, number, results)
    _run_probes(plan, results)
    return results


def _make_environments(plan: Plan, results: Results) -> None:
    reasons: dict[Environment, str] = {}
    for environment in plan.environments:
        try:
            ensure(environment)
        except MissingError as error:
            reasons[environment] = str(error)
    for subject in plan.subjects:
        if subject.environment in reasons:
            results.missing[subject.name] = reasons[subject.environment]
    for probe in plan.probes:
        if probe.environment in reasons:
            results.failed_probes[probe.name] = reasons[probe.environment]


def _run_round(plan: Plan, number: int, results: Results) -> None:
    with ExitStack() as stack:
        servers: list[tuple[Subject, Server]] = []
        for subject in plan.subjects:
            if subject.name in results.missing:
                continue
            try:
                servers.append((subject, stack.enter_context(Server(subject.command))))
            except MissingError as error:
                results.missing[subject.name] = str(error)
        for scenario in plan.scenarios:
            # Another server goes first in each round, so that none has the best place throughout.
            for subject, server in _turned(servers, number):
                if not subject.scenarios or scenario.name in subject.scenarios:
                    _run_one(plan, number, subject, server, scenario, results)


def _run_one(plan: Plan, number: int, subject: Subject, server: Server, scenario: Scenario, results: Results) -> None:
    sys.stderr.write(f"bench: round {number + 1} of {plan.rounds}: {subject.name}, {scenario.title}\n")
    load = scenario.load(subject.line, plan.seconds)
    try:
        sample = measure(server, subject.line, subject.path, subject.era, load)
    except MeasureError as error:
        results.failed_runs[subject.name, scenario.name] = f"{error}{server.epitaph()}"
    else:
        results.samples[subject.name, scenario.name][number] = sample


def _run_probes(plan: Plan, results: Results) -> None:
    for look in range(max((probe.discarded + probe.times for probe in plan.probes), default=0)):
        for probe in plan.probes:
            looks = probe.discarded + probe.times
            if look >= looks or probe.name in results.failed_probes:
                continue
            sys.stderr.write(f"bench: look {look + 1} of {looks}: {probe.name}\n")
            try:
                reading = probe.take()
            except MeasureError as error:
                results.failed_probes[probe.name] = str(error)
            else:
                if look >= probe.discarded:
                    results.readings[probe.name].append(reading)


def _turned(servers: Sequence[tuple[Subject, Server]], by: int) -> list[tuple[Subject, Server]]:
    at = by % len(servers) if servers else 0
    return [*servers[at:], *servers[:at]]
