"""Which servers are measured, as data. A new row of the table is a new entry here, not a branch.

It refuses to give one server better terms than another: all run on uvicorn with uvloop and
httptools, without compression or an access log, and answer in plain JSON where they can. The rows
named "stock" show peers with the loop and parser that installing them brings.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bench.environments import ECHO, FASTMCP, PROJECT, SDK, Environment
from bench.messages import Era

SERVERS = Path(__file__).resolve().parent / "servers"


class Line(Enum):
    """What carries the calls."""

    WEBSOCKET = "WebSocket"
    HTTP = "Streamable HTTP"


@dataclass(frozen=True)
class Subject:
    """One server on one line in one era. `{port}` in its command becomes the port to bind.

    `scenarios` names the only scenarios it takes part in; empty means all.
    """

    name: str
    title: str
    environment: Environment
    command: tuple[str, ...]
    line: Line
    path: str
    era: Era
    scenarios: tuple[str, ...] = ()


def _uvicorn(environment: Environment, app: str, *, loop: str = "uvloop", http: str = "httptools") -> tuple[str, ...]:
    return (
        *(str(environment.python), "-m", "uvicorn", f"{app}:app", "--app-dir", str(SERVERS)),
        *("--host", "127.0.0.1", "--port", "{port}"),
        *("--loop", loop, "--http", http, "--ws", "websockets-sansio"),
        *("--ws-per-message-deflate", "false", "--no-access-log", "--log-level", "warning"),
    )


def _fairlead(app: str) -> tuple[str, ...]:
    script = str(PROJECT.scripts / "fairlead")
    return (script, "serve", str(SERVERS / f"{app}.py"), "--host", "127.0.0.1", "--port", "{port}")


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        name="echo",
        title="bare JSON echo",
        environment=ECHO,
        command=_uvicorn(ECHO, "echo_app"),
        line=Line.WEBSOCKET,
        path="/",
        era=Era.NONE,
    ),
    Subject(
        name="echo-http",
        title="bare JSON echo",
        environment=ECHO,
        command=_uvicorn(ECHO, "echo_app"),
        line=Line.HTTP,
        path="/",
        era=Era.NONE,
    ),
    Subject(
        name="fairlead",
        title="Fairlead",
        environment=PROJECT,
        command=_fairlead("fairlead_app"),
        line=Line.WEBSOCKET,
        path="/mcp",
        era=Era.HANDSHAKE,
    ),
    Subject(
        name="fairlead-stateless",
        title="Fairlead",
        environment=PROJECT,
        command=_fairlead("fairlead_app"),
        line=Line.WEBSOCKET,
        path="/mcp",
        era=Era.STATELESS,
    ),
    Subject(
        name="fairlead-1000",
        title="Fairlead, 1,000 tools",
        environment=PROJECT,
        command=_fairlead("fairlead_crowd_app"),
        line=Line.WEBSOCKET,
        path="/mcp",
        era=Era.HANDSHAKE,
        scenarios=("one", "many"),
    ),
    Subject(
        name="fairlead-http",
        title="Fairlead",
        environment=PROJECT,
        command=_fairlead("fairlead_app"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.STATELESS,
    ),
    Subject(
        name="fairlead-http-handshake",
        title="Fairlead",
        environment=PROJECT,
        command=_fairlead("fairlead_app"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.HANDSHAKE,
    ),
    Subject(
        name="sdk",
        title="official SDK",
        environment=SDK,
        command=_uvicorn(SDK, "sdk_app"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.STATELESS,
    ),
    Subject(
        name="sdk-handshake",
        title="official SDK",
        environment=SDK,
        command=_uvicorn(SDK, "sdk_app"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.HANDSHAKE,
    ),
    Subject(
        name="sdk-stock",
        title="official SDK, stock loop",
        environment=SDK,
        command=_uvicorn(SDK, "sdk_app", loop="asyncio", http="h11"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.STATELESS,
        scenarios=("one", "many"),
    ),
    Subject(
        name="sdk-ws",
        title="official SDK's kernel",
        environment=SDK,
        command=_uvicorn(SDK, "sdk_socket_app"),
        line=Line.WEBSOCKET,
        path="/",
        era=Era.HANDSHAKE,
    ),
    Subject(
        name="fastmcp",
        title="FastMCP",
        environment=FASTMCP,
        command=_uvicorn(FASTMCP, "fastmcp_app"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.STATELESS,
    ),
    Subject(
        name="fastmcp-handshake",
        title="FastMCP",
        environment=FASTMCP,
        command=_uvicorn(FASTMCP, "fastmcp_app"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.HANDSHAKE,
    ),
    Subject(
        name="fastmcp-stock",
        title="FastMCP, stock loop",
        environment=FASTMCP,
        command=_uvicorn(FASTMCP, "fastmcp_app", loop="asyncio", http="h11"),
        line=Line.HTTP,
        path="/mcp",
        era=Era.HANDSHAKE,
        scenarios=("one", "many"),
    ),
)
