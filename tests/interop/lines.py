"""The lines on which the official SDK's client reaches a server in a process of its own, and the eras it speaks there.

A `Reach` makes a new transport for each client. Over stdio each client has a server of its own, as such clients do.
"""

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from tests.interop.socket_transport import socket_transport
from tests.serve.harbour import ROOT

QUAY = Path(__file__).with_name("quay.py")
STATELESS = "2026-07-28"
HANDSHAKE = "2025-11-25"
WAIT = 8.0
"""Seconds that the client waits for any answer: far above what one takes."""

MODES = {"handshake": "legacy", "stateless": "auto"}
"""How the client is told its era. `auto` asks `server/discover` first, and shakes hands where that fails."""

Transport = AbstractAsyncContextManager[Any]
Make = Callable[["Reach"], Transport]


def over_stdio(reach: "Reach") -> Transport:
    words = ("-m", "fairlead", "serve", str(QUAY), "--transport", "stdio")
    env = {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "default"}
    server = StdioServerParameters(command=sys.executable, args=list(words), env=env, cwd=ROOT)
    return stdio_client(server, errlog=reach.log)


@asynccontextmanager
async def over_http(reach: "Reach") -> AsyncIterator[Any]:
    # Its own client of HTTP would read the certificates of the machine each time, which takes longer than a test.
    async with (
        httpx2.AsyncClient(verify=False, trust_env=False, timeout=WAIT) as http,
        streamable_http_client(f"http://{reach.address()}/mcp", http_client=http) as streams,
    ):
        yield streams


def over_sse(reach: "Reach") -> Transport:
    def made(headers: Any = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, verify=False, trust_env=False)

    return sse_client(f"http://{reach.address()}/sse", httpx_client_factory=made, sse_read_timeout=WAIT)


def over_websocket(reach: "Reach") -> Transport:
    return socket_transport(f"ws://{reach.address()}/mcp")


LINES: dict[str, Make] = {
    "stdio": over_stdio,
    "http": over_http,
    "sse": over_sse,
    "websocket": over_websocket,
}
PAIRS = [(line, era) for line in LINES for era in MODES]


def only(
    *,
    line: str | tuple[str, ...] = tuple(LINES),
    era: str | tuple[str, ...] = tuple(MODES),
    failing: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """A mark for a test of some of the pairs: for the others its sentence would mean nothing.

    `failing` names lines on which the test is known to fail, each with the defect.
    """
    lines = (line,) if isinstance(line, str) else line
    eras = (era,) if isinstance(era, str) else era
    pairs = []
    for pair in PAIRS:
        if pair[0] in lines and pair[1] in eras:
            defect = failing.get(pair[0])
            marks = [] if defect is None else [pytest.mark.xfail(strict=True, reason=defect)]
            pairs.append(pytest.param(pair, marks=marks))
    return pytest.mark.parametrize("reach", pairs, ids="-".join, indirect=True)


@dataclass(frozen=True)
class Reach:
    """One line in one era. `address` starts the server of the network lines when it is first asked."""

    line: str
    era: str
    address: Callable[[], str]
    log: IO[str]

    @property
    def version(self) -> str:
        """What both sides settle on."""
        return STATELESS if self.era == "stateless" else HANDSHAKE

    def transport(self) -> Transport:
        """A new transport to the server."""
        return LINES[self.line](self)

    def client(self, **options: Any) -> Client:
        """The SDK's client on a transport of its own, not yet connected."""
        options = {"mode": MODES[self.era], "read_timeout_seconds": WAIT, **options}
        return Client(self.transport(), client_info=Implementation(name="visitor", version="1.2"), **options)

    def errors(self) -> str:
        """What the server over stdio has written to standard error."""
        self.log.flush()
        return Path(self.log.name).read_text("utf-8")
