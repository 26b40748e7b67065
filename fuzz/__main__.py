"""`python -m fuzz [--inputs N] [--seed S] [--jobs J]`: feed the decoder, print what came of it, keep what broke it."""

import argparse
import hashlib
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fuzz.decoder import CHUNK, Finding, Frame, Report, work

CRASHES = Path(__file__).parent / "crashes"
_SHOWN = 5


def run(*, inputs: int, seed: int, jobs: int) -> Report:
    """Feed so many inputs on so many processes. The same inputs, whatever `jobs` is."""
    tasks = [(seed, chunk, min(CHUNK, inputs - chunk * CHUNK)) for chunk in range(-(-inputs // CHUNK))]
    whole = Report()
    if jobs == 1:
        for task in tasks:
            whole.add(work(task))
        return whole
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(work, tasks, chunksize=4):
            whole.add(part)
    return whole


def keep(finding: Finding, folder: Path = CRASHES) -> Path:
    """Write the input down, and beside it why."""
    data = _data(finding.frame)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.{'txt' if isinstance(finding.frame, str) else 'bin'}"
    path.write_bytes(data)
    path.with_suffix(".why").write_text(finding.why, "utf-8")
    return path


def _data(frame: Frame) -> bytes:
    return frame.encode(errors="surrogatepass") if isinstance(frame, str) else frame


def tell(report: Report, seconds: float) -> None:
    """Print the figures."""
    total = report.outcomes.total()
    print(f"{total:,} inputs in {seconds:.1f} s: {total / seconds:,.0f} a second")
    for outcome, count in sorted(report.outcomes.items(), key=lambda item: -item[1]):
        print(f"  {outcome:24}{count:>12,}  {count / total:6.1%}")
    size = len(report.slowest_frame)
    print(f"slowest: {report.slowest * 1000:.1f} ms for {size:,} of {_data(report.slowest_frame)[:60]!r}")


def main(arguments: list[str] | None = None, crashes: Path = CRASHES) -> int:
    """Returns 1 where an input did not end as promised, else 0."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Feed the decoder with damaged frames.")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    report = run(inputs=options.inputs, seed=options.seed, jobs=options.jobs)
    tell(report, time.perf_counter() - begun)
    for finding in report.findings[:_SHOWN]:
        print(f"\n{keep(finding, crashes)}:\n{finding.why}", file=sys.stderr)
    for finding in report.findings[_SHOWN:]:
        keep(finding, crashes)
    if report.findings:
        print(f"{len(report.findings)} inputs did not end as promised; they are in {crashes}", file=sys.stderr)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
