"""Which class descends from which, read from the sources, and from what is imported where those end."""

import ast
import pkgutil
from collections.abc import Iterable

from tests.house.source import FUNCTIONS, PACKAGE, Source, dotted, spelled_out


class Kin:
    """The classes of a tree of sources. One of ours is known by `module:Name`, others by their dotted name."""

    def __init__(self, tree: Iterable[Source]) -> None:
        self._classes = {
            f"{source.module}:{node.name}": (source, node)
            for source in tree
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef)
        }

    def is_error(self, source: Source, node: ast.ClassDef) -> bool:
        """Whether it descends, by whatever way, from an exception."""
        return any(
            isinstance(found := _imported(name), type) and issubclass(found, BaseException)
            for name in self._ancestors(f"{source.module}:{node.name}")
        )

    def promised_above(self, source: Source, node: ast.ClassDef) -> set[str]:
        """The methods that its ancestors, ours or others', declare and so describe."""
        promised: set[str] = set()
        for name in self._ancestors(f"{source.module}:{node.name}"):
            if name in self._classes:
                promised |= {item.name for item in self._classes[name][1].body if isinstance(item, FUNCTIONS)}
            else:
                promised |= set(dir(_imported(name)))
        return promised - set(dir(None))

    def _ancestors(self, key: str) -> set[str]:
        found: set[str] = set()
        waiting = [key]
        while waiting:
            source, node = self._classes[waiting.pop()]
            fresh = {self._resolve(source, dotted(base)) for base in node.bases} - found - {key}
            found |= fresh
            waiting += [name for name in fresh if name in self._classes]
        return found

    def _resolve(self, source: Source, base: str) -> str:
        if (here := f"{source.module}:{base}") in self._classes:
            return here
        home, _, name = (whole := spelled_out(source, base)).rpartition(".")
        if whole.partition(".")[0] != PACKAGE or f"{home}:{name}" in self._classes:
            return f"{home}:{name}" if f"{home}:{name}" in self._classes else whole
        # Handed on by an __init__.py, so it lives somewhere below that.
        below = (key for key in self._classes if key.startswith(home) and key.endswith(f":{name}"))
        return next(below, whole)


def _imported(name: str) -> object:
    """A class that is not ours, by importing it; None where that is not installed, or no import at all."""
    try:
        return pkgutil.resolve_name(name if "." in name else f"builtins.{name}")
    except (ImportError, AttributeError, ValueError):
        return None
