"""How the rules read a source text: its place in the house, its imports, functions and comments."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = "fairlead"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Fault:
    """One place where a rule is broken."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Source:
    """A Python file: its path under `src/`, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @property
    def module(self) -> str:
        """The dotted name; that of the package for an `__init__.py`."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join(parts[:-1] if self.is_package else parts)

    @property
    def floor(self) -> str:
        """The name right under the root package; empty for the root's own `__init__.py`."""
        return self.module.partition(".")[2].partition(".")[0]

    def fault(self, node: ast.AST | int, what: str) -> Fault:
        return Fault(self.path, node if isinstance(node, int) else getattr(node, "lineno", 1), what)


def sources() -> list[Source]:
    """Every Python file of the package, as it stands in the tree."""
    return [
        Source(path.relative_to(SRC).as_posix(), path.read_text("utf-8"))
        for path in sorted((SRC / PACKAGE).rglob("*.py"))
    ]


def listing(faults: Iterable[Fault]) -> str:
    """The faults, a line each: what a failing test prints."""
    return "\n".join(map(str, faults))


@dataclass(frozen=True)
class Import:
    """One import of one thing, spelled from the root: `fairlead.wire.decode.decode`."""

    node: ast.stmt
    target: str
    function: str | None  # the innermost function around it
    name: str  # what the file calls it; empty where it is called by its own first name

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]


def imports(source: Source) -> Iterator[Import]:
    """All of them: at the top, under `TYPE_CHECKING`, in classes and in functions."""
    waiting: list[tuple[ast.AST, str | None]] = [(source.tree, None)]
    while waiting:
        node, function = waiting.pop()
        if isinstance(node, ast.Import):
            # `import a.b` gives the name `a`, which stands for `a`.
            yield from (Import(node, alias.name, function, alias.asname or "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(source, node)
            for alias in node.names:
                yield Import(node, f"{origin}.{alias.name}", function, alias.asname or alias.name)
        inside = node.name if isinstance(node, FUNCTIONS) else function
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def spelled_out(source: Source, name: str) -> str:
    """A dotted name as the file writes it, from the root of the package that it was imported from."""
    first, dot, rest = name.partition(".")
    for found in imports(source):
        if found.name == first:
            return f"{found.target}{dot}{rest}"
    return name


def _origin(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    above = source.module.split(".")
    dropped = node.level - source.is_package
    start = above[: len(above) - dropped] if dropped else above
    return ".".join([*start, *([node.module] if node.module else [])])


def for_types(source: Source, statement: ast.stmt) -> bool:
    """Whether it stands under `if TYPE_CHECKING:`, which no running program enters."""
    return any(
        statement in ast.walk(inner)
        for block in ast.walk(source.tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in dotted(block.test)
        for inner in block.body
    )


def comments(text: str) -> set[int]:
    """The lines with a comment in words; orders to a tool (`noqa`, `type: ignore`) give no reason."""
    orders = re.compile(r"(noqa(:\s*[A-Z0-9, ]+)?|type:\s*ignore(\[[\w, -]*\])?|pragma:\s*no cover)", re.IGNORECASE)
    return {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and re.search(r"[A-Za-z]{2}", orders.sub("", token.string))
    }


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTIONS):
            yield node


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of names, also where it is called or subscripted; empty for any other expression."""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr}" if above else node.attr
    return ""
