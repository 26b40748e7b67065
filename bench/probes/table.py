"""Which probes there are, as data. A new figure is a new entry here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.environments import FASTMCP, PROJECT, SDK, Environment
from bench.probes.idle import idle_connection
from bench.probes.imports import extras_loaded, import_time
from bench.probes.reading import Reading
from bench.probes.startup import first_answer
from bench.subjects import SERVERS, SUBJECTS


@dataclass(frozen=True)
class Probe:
    """A figure: its median over `times` looks is reported. `subject` is the row it belongs to.

    `discarded` looks come first and are not counted: they fill the caches of files and bytecode.
    """

    name: str
    subject: str
    title: str
    unit: str
    environment: Environment
    take: Callable[[], Reading]
    times: int
    discarded: int = 0


_BY_NAME = {subject.name: subject for subject in SUBJECTS}


def _import(subject: str, environment: Environment, statement: str) -> Probe:
    take = partial(import_time, environment, statement)
    return Probe(f"{subject}-import", subject, f"`{statement}`", "ms", environment, take, 9, discarded=1)


def _stdio(subject: str, title: str, environment: Environment, *command: str) -> Probe:
    take = partial(first_answer, command)
    return Probe(
        f"{subject}-stdio", subject, f"stdio, start to first answer: {title}", "ms", environment, take, 7, discarded=1
    )


def _idle(name: str) -> Probe:
    subject = _BY_NAME[name]
    title = f"idle WebSocket connection: {subject.title}"
    return Probe(f"{name}-idle", name, title, "KiB", subject.environment, partial(idle_connection, subject), 3)


PROBES: tuple[Probe, ...] = (
    _import("fairlead", PROJECT, "import fairlead"),
    _import("sdk", SDK, "import mcp.server"),
    _import("fastmcp", FASTMCP, "from fastmcp import FastMCP"),
    Probe(
        name="fairlead-extras",
        subject="fairlead",
        title="optional packages that `import fairlead` loads",
        unit="",
        environment=PROJECT,
        take=partial(extras_loaded, PROJECT, "fairlead"),
        times=1,
    ),
    _stdio(
        "fairlead",
        "`fairlead serve examples/quickstart.py`",
        PROJECT,
        *(str(PROJECT.scripts / "fairlead"), "serve", "examples/quickstart.py", "--transport", "stdio"),
    ),
    _stdio("sdk", "official SDK", SDK, str(SDK.python), str(SERVERS / "sdk_app.py")),
    _stdio("fastmcp", "FastMCP", FASTMCP, str(FASTMCP.python), str(SERVERS / "fastmcp_app.py")),
    _idle("echo"),
    _idle("fairlead"),
    _idle("sdk-ws"),
)
