"""The rules of the house, each as a function from a source text to the faults that it finds there.

The files beside this one run every rule over the tree, and over small bad texts to see that it bites.
Nothing here imports Fairlead: a rule reads sources, so it also holds for a file that cannot be imported.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.kin import Kin
from tests.house.source import (
    FUNCTIONS,
    PACKAGE,
    ROOT,
    SRC,
    Fault,
    Source,
    comments,
    dotted,
    for_types,
    functions,
    imports,
    listing,
    sources,
)

__all__ = ["PACKAGE", "ROOT", "SRC", "Fault", "Kin", "Source", "listing", "sources"]

# From the ground up; a floor imports only floors below it.
#
# `settings` stands low because every floor may be handed its options, and none may reach up for them;
# for the same reason it is pure: it describes options, and `cli` alone reads flags and the environment.
FLOORS = (
    "__about__",
    "errors",
    "settings",
    "wire",
    "spec",
    "catalog",
    "kernel",
    "connect",
    "serve",
    "guard",
    "observe",
    "server",
    "client",
    "sources",
    "relay",
    "check",
    "library",
    "console",
    "compat",
    "cli",
    "__main__",
)

PURE_FLOORS = ("__about__", "errors", "settings", "wire", "spec", "catalog", "kernel")

# What is not installed with Fairlead itself: an import of these may, and outside of tests must, stand
# inside the function that needs it. pyproject.toml gives ruff the same list; a test compares the two.
OPTIONAL = frozenset(
    {
        "attr",
        "attrs",
        "cryptography",
        "fastapi",
        "fastmcp",
        "jwt",
        "mcp",
        "mcp_types",
        "nats",
        "numpy",
        "onnxruntime",
        "opentelemetry",
        "prometheus_client",
        "psycopg",
        "pydantic",
        "tokenizers",
        "yaml",
    }
)

# An import by string is an edge that the walk below cannot see, so only these may make one: the command
# line, which loads a subcommand when it is called (or `fairlead --help` would pay for all of them), and
# `sources`, which loads the file or module that the user named.
BY_STRING = ("cli", "sources")

# What only a server that listens needs, or one that dials, and what makes up a third of `import fairlead` (uvicorn
# and its command line): the function that listens or dials imports it. The layer rule reads these like all others.
DEFERRED = frozenset(
    {
        "fairlead.guard.protocol",
        "fairlead.serve.dialling",
        "fairlead.serve.passing",
        "fairlead.serve.process",
        "fairlead.serve.worker",
        "fairlead.serve.workers",
    }
)

# Loops, sockets, clocks, threads and processes, by the name of the module that brings them.
IMPURE_MODULES = frozenset(
    {
        "anyio",
        "asyncio",
        "concurrent",
        "http",
        "httpcore2",
        "httptools",
        "httpx2",
        "jsonschema_rs",  # its resolver loads sockets
        "multiprocessing",
        "queue",
        "select",
        "selectors",
        "signal",
        "socket",
        "socketserver",
        "ssl",
        "starlette",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "trio",
        "uvicorn",
        "uvloop",
        "websockets",
        "_thread",
    }
)
IMPURE_IMPORTS = ("urllib.request", "os.environ", "os.getenv", "importlib.metadata")
IMPURE_BUILTINS = frozenset({"open", "input", "print"})
IMPURE_CALLS = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "os.getenv",
        "os.open",
        "os.read",
        "os.write",
        "os.system",
        "io.open",
        "random.seed",
    }
)
IMPURE_METHODS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes"})

FILE_LINES = 500
FUNCTION_LINES = 80
FOLDERS_DEEP = 2
ROOT_NAMES = 25
ATTICS = frozenset(
    {"utils", "util", "utilities", "shared", "common", "helpers", "helper", "manager", "managers", "misc"}
)

ERROR_ENDINGS = ("Error", "Timeout")
# Says what happened to the line, as the standard library's ConnectionError family does.
ERROR_EXCEPTIONS = frozenset({"ConnectionLost"})


# --- imports ------------------------------------------------------------------------------------------


def layer_faults(source: Source) -> Iterator[Fault]:
    """Imports of a floor that does not lie below."""
    here = source.floor
    if here and here not in FLOORS:
        yield source.fault(1, f"{here!r} is no floor of the house; add it to FLOORS at its height")
        return
    for found in imports(source):
        if found.top != PACKAGE:
            continue
        if found.target == PACKAGE or (there := found.target.split(".")[1]) not in FLOORS:
            if here:
                yield source.fault(found.node, f"import {found.target}: take the name from the floor that owns it")
            continue
        if here and there != here and FLOORS.index(there) > FLOORS.index(here):
            yield source.fault(found.node, f"{here} imports {found.target}, but {there} is not below it")


def nested_import_faults(source: Source) -> Iterator[Fault]:
    """Imports inside functions (but of an extra), of extras outside functions, and by string."""
    lazy_root = source.module == PACKAGE
    for found in imports(source):
        handed_on = lazy_root and found.function == "__getattr__"
        deferred = any(found.target == name or found.target.startswith(f"{name}.") for name in DEFERRED)
        if found.function and found.top not in OPTIONAL and not handed_on and not deferred:
            yield source.fault(found.node, f"import of {found.target} inside {found.function}(): only extras may")
        if not found.function and found.top in OPTIONAL and not for_types(source, found.node):
            yield source.fault(found.node, f"import of the extra {found.top} at the top: not everyone has it")
    if source.floor in BY_STRING:
        return
    for call in (node for node in ast.walk(source.tree) if isinstance(node, ast.Call)):
        name = dotted(call.func)
        if name in {"__import__", "import_module", "importlib.import_module"} and not lazy_root:
            yield source.fault(call, f"{name}() hides an import from the layer rule")


def cycle_faults(tree: list[Source]) -> Iterator[Fault]:
    """Modules that import one another, however long the way round.

    Within a floor, two modules may name one another's types (`if TYPE_CHECKING:`): the layer rule, which
    reads those imports too, keeps such a pair on one floor, and a running program never meets the ring.
    """
    by_name = {source.module: source for source in tree}
    edges = {name: _edges(source, by_name) for name, source in by_name.items()}
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> Iterator[Fault]:
        if name in path:
            ring = [*path[path.index(name) :], name]
            yield by_name[name].fault(1, "a ring of imports: " + " > ".join(ring))
        elif name not in done:
            for other in sorted(edges[name]):
                yield from walk(other, [*path, name])
            done.add(name)

    for name in sorted(edges):
        yield from walk(name, [])


def _edges(source: Source, by_name: dict[str, Source]) -> set[str]:
    found = set()
    for item in imports(source):
        if for_types(source, item.node):
            continue
        owner = item.target if item.target in by_name else item.target.rpartition(".")[0]
        if owner in by_name and owner != source.module:
            found.add(owner)
    return found


# --- pure floors --------------------------------------------------------------------------------------


def purity_faults(source: Source) -> Iterator[Fault]:
    """A loop, a socket, a clock, a thread, a process or a file in a floor that has none."""
    if source.floor not in PURE_FLOORS:
        return
    for found in imports(source):
        if found.top in IMPURE_MODULES or found.target.startswith(IMPURE_IMPORTS):
            yield source.fault(found.node, f"a pure floor imports {found.target}")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            ending = ".".join(name.split(".")[-2:])
            if name in IMPURE_BUILTINS or ending in IMPURE_CALLS or name.rpartition(".")[2] in IMPURE_METHODS:
                yield source.fault(node, f"a pure floor calls {name}()")
        elif isinstance(node, ast.Attribute) and dotted(node) == "os.environ":
            yield source.fault(node, "a pure floor reads os.environ")


# --- sizes and places ---------------------------------------------------------------------------------


def file_size_faults(source: Source) -> Iterator[Fault]:
    """Files that nobody reads to the end."""
    count = len(source.text.splitlines())
    if count > FILE_LINES:
        yield source.fault(FILE_LINES, f"{count} lines; a file holds at most {FILE_LINES}")


def function_size_faults(source: Source) -> Iterator[Fault]:
    """Functions that do not fit on a page; what the docstring promises is not counted."""
    for node in functions(source):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if ast.get_docstring(node) is not None:
            text = node.body[0]
            lines -= (text.end_lineno or text.lineno) - text.lineno + 1
        if lines > FUNCTION_LINES:
            yield source.fault(node, f"{node.name}() has {lines} lines; a function holds at most {FUNCTION_LINES}")


def place_faults(source: Source) -> Iterator[Fault]:
    """Folders too deep, and names under which anything could be stowed."""
    folders = Path(source.path).parts[1:-1]
    if len(folders) > FOLDERS_DEEP:
        yield source.fault(1, f"{len(folders)} folders deep; {FOLDERS_DEEP} are enough")
    for part in (*folders, Path(source.path).stem):
        if part.strip("_") in ATTICS:
            yield source.fault(1, f"{part!r} says nothing about what is inside")


def init_faults(source: Source) -> Iterator[Fault]:
    """Anything in an `__init__.py` but names handed on.

    Two have one thing more: the root may keep a private table from a name to its home, which its
    `__getattr__` reads, and `cli` may hold `main`, the console script.
    """
    if not source.is_package:
        return
    for statement in source.tree.body:
        if not _hands_on(statement, source):
            yield source.fault(statement, "an __init__.py only hands names on")


def _hands_on(statement: ast.stmt, source: Source) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AnnAssign(target=ast.Name(id="__all__")):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return source.module == PACKAGE and name.startswith("_") and isinstance(statement.value, ast.Dict)
        case ast.If(test=test, body=body, orelse=[]) if "TYPE_CHECKING" in dotted(test):
            return all(isinstance(inner, ast.Import | ast.ImportFrom) for inner in body)
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
        case ast.FunctionDef(name="main"):
            return source.module == f"{PACKAGE}.cli"
    return False


def exported(source: Source) -> list[str]:
    """The names in `__all__`."""
    for statement in source.tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(statement.value))
    return []


# --- names and docstrings -----------------------------------------------------------------------------


def error_name_faults(source: Source, kin: Kin) -> Iterator[Fault]:
    """Public exceptions whose name does not say that they are one."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_") or not kin.is_error(source, node):
            continue
        if not node.name.endswith(ERROR_ENDINGS) and node.name not in ERROR_EXCEPTIONS:
            yield source.fault(node, f"{node.name} is an exception: its name ends in {' or '.join(ERROR_ENDINGS)}")


def docstring_faults(source: Source, kin: Kin) -> Iterator[Fault]:
    """Modules, and public classes, functions and methods, that promise nothing.

    A method that overrides another has its promise there.
    """
    if source.text.strip() and ast.get_docstring(source.tree) is None:
        yield source.fault(1, "a module opens with what it is")
    if not any(part.startswith("_") and not part.startswith("__") for part in source.module.split(".")):
        yield from _undescribed(source, source.tree, "", kin)


def _undescribed(source: Source, parent: ast.Module | ast.ClassDef, prefix: str, kin: Kin) -> Iterator[Fault]:
    promised = kin.promised_above(source, parent) if isinstance(parent, ast.ClassDef) else set()
    for node in _statements(parent.body):
        if not isinstance(node, (ast.ClassDef, *FUNCTIONS)) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and node.name not in promised and not _described_elsewhere(node):
            yield source.fault(node, f"{prefix}{node.name} is public and has no docstring")
        if isinstance(node, ast.ClassDef):
            yield from _undescribed(source, node, f"{node.name}.", kin)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a body, and of the branches in it (`if sys.version_info …`, `try … except ImportError`)."""
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from _statements([*node.body, *node.orelse])
        else:
            yield node


def _described_elsewhere(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """The setter of a property whose getter tells, or the signatures of a function that tells."""
    marks = {dotted(mark).rpartition(".")[2] for mark in node.decorator_list}
    return bool(marks & {"overload", "override", "setter", "deleter"})


# --- broad excepts ------------------------------------------------------------------------------------

BROAD = frozenset({"Exception", "BaseException"})


def except_faults(source: Source) -> Iterator[Fault]:
    """Handlers that catch everything without a reason beside them, or do nothing with what they caught."""
    remarks = comments(source.text)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _broad(node.type):
            # Black-style formatting moves a comment between these three lines.
            if not any(line in remarks for line in range(node.lineno - 1, node.lineno + 2)):
                yield source.fault(node, "a broad except has its reason in a comment, beside, above or below it")
            if all(isinstance(inner, ast.Pass | ast.Continue) or _is_ellipsis(inner) for inner in node.body):
                yield source.fault(node, "a broad except that does nothing loses the error in silence")
        elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "suppress":
            if any(_broad(argument) for argument in node.args):
                yield source.fault(node, "suppress() of everything loses the error in silence")


def _broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    if isinstance(kind, ast.Tuple):
        return any(_broad(item) for item in kind.elts)
    return dotted(kind).rpartition(".")[2] in BROAD


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
