"""Turns results into tables: plain ones for the terminal, Markdown for `docs/benchmarks.md`.

It refuses to overwrite what people wrote between the notes markers, and to print a path or an
address of the machine it ran on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from bench.goals import Verdict, judge
from bench.messages import Era
from bench.process import ROOT
from bench.results import Results
from bench.rounds import Plan
from bench.scenarios import Scenario
from bench.subjects import Line, Subject

NOTES_START, NOTES_END = "<!-- notes -->", "<!-- /notes -->"

_ERA = {Era.NONE: "–", Era.HANDSHAKE: "handshake", Era.STATELESS: "stateless"}
_FLOOR = {Line.WEBSOCKET: "echo", Line.HTTP: "echo-http"}
"""The bare echo that a server is compared with, which speaks over the same line."""

_CALL_HEADS = (
    *("server", "line", "era", "calls/s", "lowest–highest", "× echo"),
    *("p50", "p99", "CPU/call", "client CPU/call", "peak RSS"),
)


@dataclass(frozen=True)
class Table:
    """A titled table. `words` is the number of columns at the left that hold words, not figures."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int


def tables(plan: Plan, results: Results) -> list[Table]:
    """All tables of a run: the goals, one for each scenario, the probes."""
    found = [_goals(judge(results))]
    found += [_calls(scenario, plan.subjects, results) for scenario in plan.scenarios]
    if plan.probes:
        found.append(_probes(plan, results))
    return [table for table in found if table.rows]


def plain(table: Table) -> str:
    """The table in aligned columns."""
    rows = [[cell.replace("**", "").replace("`", "") for cell in row] for row in (table.heads, *table.rows)]
    whole = [row for row in rows if len(row) == len(table.heads)]
    widths = [max(len(row[at]) for row in whole) for at in range(len(table.heads))]
    lines = []
    for row in rows:
        if len(row) < len(table.heads):
            # The last cell of a short row is a reason; it may run on to the right.
            aligned = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)] + [row[-1]]
        else:
            aligned = [
                cell.ljust(width) if at < table.words else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join([table.title, *(f"  {line}" for line in lines), ""])


def markdown(table: Table) -> str:
    """The table as Markdown under a heading."""
    rule = ["---" if at < table.words else "---:" for at in range(len(table.heads))]
    rows = [[cell.replace("|", "\\|") for cell in (*row, *[""] * (len(table.heads) - len(row)))] for row in table.rows]
    lines = [f"| {' | '.join(row)} |" for row in (table.heads, rule, *rows)]
    return "\n".join([f"## {table.title}", "", *lines, ""])


def page(plan: Plan, found: list[Table], facts: list[tuple[str, str]], command: str, old: str) -> str:
    """The whole page, with the notes of the `old` one."""
    intro = dedent(
        f"""\
        # Benchmarks

        Written by `{command}`; what stands between the notes markers at the end is kept, all else is
        written anew. Each server ran in its own environment and process; all were up at the same time and
        were visited in turn, {plan.rounds} rounds of {plan.seconds:g} s for each row. Figures are medians of the
        rounds, ratios are medians of the ratios within a round. The load generator ran beside them on the
        same machine, over loopback, and checked every answer: a row with one wrong answer is reported as failed.
        Compare ratios, never the absolute figures of two runs.
        """
    )
    machine = Table("Machine and packages", ("what", "is"), list(facts), words=2)
    parts = [intro, markdown(machine), *(markdown(table) for table in found), _notes(old)]
    return "\n".join(parts)


def _goals(verdicts: list[Verdict]) -> Table:
    rows = []
    for verdict in verdicts:
        goal = verdict.goal
        unit = f" {goal.unit}".rstrip()
        wanted = f"{'≥' if goal.at_least else '≤'} {goal.limit:g}{unit}"
        seen = "–" if verdict.seen is None else f"{_figure(verdict.seen)}{unit}"
        rows.append((goal.title, wanted, seen, _anonymous(verdict.text)))
    return Table("Goals", ("what", "goal", "seen", "verdict"), rows, words=4)


def _calls(scenario: Scenario, subjects: tuple[Subject, ...], results: Results) -> Table:
    rows = [
        _call_row(subject, scenario.name, results)
        for subject in subjects
        if not subject.scenarios or scenario.name in subject.scenarios
    ]
    return Table(scenario.title, _CALL_HEADS, rows, words=3)


def _call_row(subject: Subject, scenario: str, results: Results) -> tuple[str, ...]:
    left = (subject.title, subject.line.value, _ERA[subject.era])
    if reason := results.reason(subject.name, scenario):
        return (*left, f"**{_anonymous(reason)}**")
    rates = results.metric(subject.name, scenario, "calls_per_second")

    def middle(name: str) -> float:
        return results.median(subject.name, scenario, name)

    try:
        floor = _FLOOR[subject.line]
        echo = f"{results.ratio(scenario, 'calls_per_second', subject.name, floor):.3f}"
    except ValueError:
        echo = "–"
    return (
        *left,
        f"{middle('calls_per_second'):,.0f}",
        f"{min(rates):,.0f}–{max(rates):,.0f}",
        echo,
        _duration(middle("p50_us")),
        _duration(middle("p99_us")),
        _duration(middle("server_cpu_us")),
        _duration(middle("client_cpu_us")),
        f"{middle('peak_rss_bytes') / 1048576:.0f} MiB",
    )


def _probes(plan: Plan, results: Results) -> Table:
    rows = []
    for probe in plan.probes:
        try:
            seen = f"{_figure(results.reading(probe.name))} {probe.unit}".rstrip()
            readings = results.readings[probe.name]
            note = readings[-1].note
            if len(readings) > 1:
                values = [reading.value for reading in readings]
                note = "; ".join(
                    filter(None, (f"{_figure(min(values))}–{_figure(max(values))} in {len(values)}", note))
                )
        except ValueError as reason:
            seen, note = "–", f"**{_anonymous(str(reason))}**"
        rows.append((probe.title, seen, note))
    return Table("Start, import and idle memory", ("what", "median", "range and remarks"), rows, words=3)


def _duration(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f} ms" if microseconds >= 1000 else f"{microseconds:.0f} µs"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _notes(old: str) -> str:
    kept = re.search(f"{re.escape(NOTES_START)}(.*?){re.escape(NOTES_END)}", old, re.DOTALL)
    return f"## Notes\n\n{NOTES_START}{kept.group(1) if kept else chr(10)}{NOTES_END}\n"


def _anonymous(text: str) -> str:
    text = re.sub(r"\w+://\S+", "<address>", text.replace(f"{ROOT}/", ""))
    home = str(Path.home())
    text = text.replace(home, "~") if len(home) > 1 else text
    return " ".join(text.split())[:300]
