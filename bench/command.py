"""The command line of the benchmark: what to measure, for how long, and where the page goes.

The status is 0 when everything asked for was measured, whether or not the goals were reached, and
1 when a server was missing or answered wrongly. A run of a part never overwrites the page.
"""

import argparse
import resource
import shlex
import signal
import sys
from pathlib import Path
from typing import NoReturn

from bench import facts
from bench.load.memory import keep_memory
from bench.probes.table import PROBES
from bench.process import ROOT
from bench.report import page, plain, tables
from bench.rounds import Plan, run
from bench.scenarios import SCENARIOS
from bench.subjects import SUBJECTS

_PAGE = Path("docs") / "benchmarks.md"
_OPEN_FILES = 16_384


def main(arguments: list[str]) -> int:
    """Run the benchmark with these arguments; return the exit status."""
    options = _parser().parse_args(arguments)
    if options.list:
        _list()
        return 0
    if not sys.platform.startswith("linux"):
        sys.stderr.write("bench: reads processor time and memory from /proc, so it needs Linux\n")
        return 2
    plan = _plan(options)
    signal.signal(signal.SIGTERM, _end)
    _allow_many_connections()
    keep_memory()
    about = facts.machine()
    results = run(plan)
    about += facts.packages(plan.environments)
    found = tables(plan, results)
    sys.stdout.write("\n".join([*(f"{name}: {value}" for name, value in about), ""]) + "\n")
    sys.stdout.write("\n".join(plain(table) for table in found) + "\n")
    _write(options, page(plan, found, about, _command(arguments), _old_page()))
    return 0 if results.whole else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Fairlead, its peers and the bare echo side by side."
    )
    parser.add_argument("--only", metavar="NAMES", help="these servers (echo,fairlead), each with its variants")
    parser.add_argument("--scenarios", metavar="NAMES", help="these loads only (one,many)")
    parser.add_argument("--seconds", type=_positive, default=3.0, metavar="S", help="length of a run (3)")
    parser.add_argument("--rounds", type=int, choices=range(1, 100), default=3, metavar="N", help="rounds (3)")
    parser.add_argument("--no-probes", action="store_true", help="leave out import, stdio and idle memory")
    parser.add_argument("--no-write", action="store_true", help=f"leave {_PAGE} as it is")
    parser.add_argument("--list", action="store_true", help="list what can be measured, and end")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 600:
        raise argparse.ArgumentTypeError("more than 0, at most 600")
    return value


def _plan(options: argparse.Namespace) -> Plan:
    subjects, probes, scenarios = SUBJECTS, PROBES, SCENARIOS
    if options.only:
        wanted = _names(options.only, [subject.name for subject in SUBJECTS])
        subjects = tuple(subject for subject in SUBJECTS if subject.name in wanted)
        probes = tuple(probe for probe in PROBES if probe.subject in wanted)
    if options.scenarios:
        named = _names(options.scenarios, [scenario.name for scenario in SCENARIOS])
        scenarios = tuple(scenario for scenario in SCENARIOS if scenario.name in named)
    return Plan(subjects, scenarios, () if options.no_probes else probes, options.rounds, options.seconds)


def _names(text: str, known: list[str]) -> set[str]:
    chosen: set[str] = set()
    for name in text.split(","):
        found = [other for other in known if other == name or other.startswith(f"{name}-")]
        if not found:
            raise SystemExit(f"bench: no {name!r}; there are {', '.join(known)}")
        chosen.update(found)
    return chosen


def _list() -> None:
    for title, rows in (
        ("servers", [(s.name, f"{s.title}, {s.line.value}, {s.era.value}") for s in SUBJECTS]),
        ("scenarios", [(s.name, s.title) for s in SCENARIOS]),
        ("probes", [(p.name, p.title) for p in PROBES]),
    ):
        sys.stdout.write("\n".join([title, *(f"  {name:<20} {what}" for name, what in rows), ""]))


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end(*_: object) -> NoReturn:
    # As an exception it passes through every `with`, so that each server is stopped.
    raise SystemExit(143)


def _command(arguments: list[str]) -> str:
    return f'make bench ARGS="{shlex.join(arguments)}"' if arguments else "make bench"


def _old_page() -> str:
    path = ROOT / _PAGE
    return path.read_text() if path.is_file() else ""


def _write(options: argparse.Namespace, text: str) -> None:
    if options.no_write:
        return
    if options.only or options.scenarios or options.no_probes:
        sys.stderr.write(f"bench: {_PAGE} is left as it is, since only a part was measured\n")
        return
    (ROOT / _PAGE).parent.mkdir(exist_ok=True)
    (ROOT / _PAGE).write_text(text)
    sys.stderr.write(f"bench: wrote {_PAGE}\n")
