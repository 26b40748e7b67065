"""A Python started afresh: what an import loads, and what it costs, cannot be seen in a process that has
imported everything already."""

import os
import subprocess
import sys

from tests.house import rules


def python(code: str) -> str:
    """Runs the code in an interpreter of its own and returns what it wrote; fails when that fails."""
    path = os.pathsep.join([str(rules.SRC), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_by(*modules: str, without_root: bool = False) -> set[str]:
    """The names in `sys.modules` once these are imported.

    Importing `fairlead.wire` runs the root's `__init__.py` first, which may hand on names of any floor;
    `without_root` puts an empty package in its place, to see what the floors themselves load.
    """
    root = f"root = types.ModuleType('{rules.PACKAGE}')\nroot.__path__ = [{str(rules.SRC / rules.PACKAGE)!r}]\n"
    return set(
        python(
            "import importlib, sys, types\n"
            + (f"{root}sys.modules[root.__name__] = root\n" if without_root else "")
            + f"for name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
        ).split()
    )
