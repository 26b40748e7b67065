"""A server from a Python file or module: `tools.py`, `tools.py:name`, `package.module:name`.

Without a name it looks for `mcp`, `server`, then `app`. Runs the file as it would be imported, so that
`if __name__ == "__main__":` blocks stay asleep.
"""

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from fairlead.errors import UsageError
from fairlead.server import Fairlead
from fairlead.sources.sdk import from_sdk, is_foreign

NAMES: Final = ("mcp", "server", "app")


class SourceError(UsageError):
    """The source raised while it was loaded. `trace` is the traceback of its own code, without ours."""

    def __init__(self, place: str, fault: Exception):
        super().__init__(f"{place} raised {type(fault).__name__} while it was loaded: mend what the lines above show.")
        step = fault.__traceback__
        while step is not None and _is_machinery(step.tb_frame.f_code.co_filename):
            step = step.tb_next
        self.trace = "".join(traceback.format_exception(type(fault), fault, step))


def _is_machinery(file: str) -> bool:
    return file == __file__ or file.startswith("<frozen importlib") or file == importlib.__file__


def load(source: str) -> Fairlead:
    """The server that `source` names. Raises UsageError that tells what was looked for, and the next step."""
    place, name = _split(source)
    try:
        module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    except UsageError:
        raise
    except Exception as fault:  # noqa: BLE001 - the author's own code: whatever it raises is told, with its place
        raise SourceError(place, fault) from fault
    return _find(module, name, source)


def _split(source: str) -> tuple[str, str | None]:
    head, colon, tail = source.rpartition(":")
    # A Windows path has a colon behind its drive, and no name begins with a slash.
    if colon and head and tail.isidentifier():
        return head, tail
    return source, None


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r}: give the path of a Python file, or module:name.")
    name = path.stem
    if name in sys.modules and not _is_same(sys.modules[name], path):
        name = f"_source_{name}"  # A file called json.py must not become what everybody else imports as json.
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(path)!r} cannot be read as a Python module.")
    module = importlib.util.module_from_spec(spec)
    # As `python file.py` has it, so that the file finds its neighbours, and dataclasses find their module.
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_same(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() == path.resolve()


def _load_module(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name!r} is neither a Python file (tools.py) nor the name of a module (package.module).")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name is not None and (name == fault.name or name.startswith(fault.name + ".")):
            raise UsageError(
                f"There is no module {name!r}: give a Python file (tools.py), or a module that imports from here."
            ) from None
        raise


def _find(module: ModuleType, name: str | None, source: str) -> Fairlead:
    names = (name,) if name else NAMES
    found: Any = None
    for candidate in names:
        found = getattr(module, candidate, None)
        if isinstance(found, Fairlead):
            return found
        if is_foreign(found):
            return from_sdk(found)
    offered = [key for key, value in vars(module).items() if isinstance(value, Fairlead) or is_foreign(value)]
    hint = f"it has {', '.join(offered)}: add ':{offered[0]}'" if offered else "make one: mcp = Fairlead('my tools')"
    raise UsageError(f"{source!r} has no Fairlead server called {' or '.join(names)}; {hint}.")
