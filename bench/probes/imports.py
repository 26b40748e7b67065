"""How long an import takes in a fresh interpreter, and what comes along with it.

The start of a bare interpreter is taken right beside it and subtracted. It refuses to use
`-X importtime`, which slows what it measures.
"""

import subprocess
import time
import tomllib

from bench.environments import Environment
from bench.errors import MeasureError
from bench.probes.reading import Reading
from bench.process import ROOT, plain_environment

_SECONDS = 60.0


def import_time(environment: Environment, statement: str) -> Reading:
    """Milliseconds an import statement takes, beyond a bare start. Raises MeasureError."""
    bare, _ = _timed(environment, "pass")
    full, _ = _timed(environment, statement)
    return Reading((full - bare) * 1e3)


def extras_loaded(environment: Environment, module: str) -> Reading:
    """How many optional packages `import module` loads; the note names them."""
    names = _optional_packages()
    _, output = _timed(environment, f"import sys, {module}; print(*[n for n in {names!r} if n in sys.modules])")
    loaded = output.split()
    return Reading(len(loaded), ", ".join(loaded) or f"none of {len(names)} watched, pydantic among them")


def _optional_packages() -> list[str]:
    # The one list of what is not installed by default; the linter and tests/house use it too.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = project["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]
    return sorted({"pydantic", *names})


def _timed(environment: Environment, program: str) -> tuple[float, str]:
    command = [str(environment.python), "-c", program]
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=plain_environment(),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise MeasureError((error.stderr.strip().splitlines() or ["no output"])[-1]) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MeasureError(str(error)) from error
    return time.perf_counter() - started, done.stdout
