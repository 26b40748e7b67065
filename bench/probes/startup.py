"""How long a stdio server takes from its start to its first answer.

It refuses to wait without a bound, and to take anything but a good answer to `initialize`.
"""

import select
import subprocess
import time
from collections.abc import Sequence

from bench.errors import MeasureError
from bench.messages import INITIALIZE, check_initialized, number_of
from bench.probes.reading import Reading
from bench.process import ROOT, plain_environment

_ANSWER_SECONDS = 30.0
_END_SECONDS = 5.0


def first_answer(command: Sequence[str]) -> Reading:
    """Milliseconds from spawning `command` to its answer to `initialize`. Raises MeasureError."""
    started = time.perf_counter()
    try:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=plain_environment(),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise MeasureError(f"could not be started: {error.strerror}: {command[0]}") from error
    with process:
        try:
            assert process.stdin is not None
            process.stdin.write(INITIALIZE + b"\n")
            answer = _first_answer(process, started + _ANSWER_SECONDS)
            elapsed = time.perf_counter() - started
            check_initialized(answer)
        except (OSError, ValueError) as error:
            raise MeasureError(str(error)) from error
        finally:
            _end(process)
    return Reading(elapsed * 1e3)


def _first_answer(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    assert process.stdout is not None
    received = b""
    while (left := deadline - time.perf_counter()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        data = process.stdout.read(65_536)
        if not data:
            raise MeasureError(f"it ended without an answer: {_last_words(process)}")
        *lines, received = (received + data).split(b"\n")
        for line in lines:
            if number_of(line) is not None:
                return line
    raise MeasureError(f"no answer within {_ANSWER_SECONDS:g} s")


def _last_words(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    lines = process.stderr.read().decode(errors="replace").strip().splitlines()
    return " / ".join(line.strip() for line in lines[-2:]) or "no output"


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
