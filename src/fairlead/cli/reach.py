"""What the commands that talk to a server have in common: how it is named, how it is reached, how it ends.

A token comes from a variable of the environment, never from the command line, where every process of the machine can
read it. What a server says is data: its control characters are not sent to a terminal.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fairlead.cli.question import elicit
from fairlead.client import Client
from fairlead.connect.line import ConnectError
from fairlead.errors import CallError, LineError, PeerError, UsageError

OK: Final = 0
USAGE: Final = 1
AUTH: Final = 3
UNREACHABLE: Final = 4
TOOL: Final = 5
SCHEMA: Final = 6

_DENIED: Final = (401, 403)

Talk = Callable[[Client, list[str]], Awaitable[int]]


def declare(commands: Any, name: str, told: str, more: str, *, help: str) -> argparse.ArgumentParser:
    """A command with the flags that all of these have. `more` are its words behind the target."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        description=told,
        usage=f"fairlead {name} [options] URL{more}\n       fairlead {name} [options]{more} -- COMMAND [ARGUMENT …]",
    )
    parser.add_argument("rest", nargs="*", metavar=f"URL{more}", help=help)
    parser.add_argument("-H", "--header", action="append", default=[], metavar="NAME: VALUE", help="send this header")
    parser.add_argument("--token-env", metavar="NAME", help="send the bearer token that this variable holds")
    parser.add_argument(
        "--era",
        choices=("auto", "stateless", "handshake"),
        default="auto",
        help="auto finds out (default); stateless is MCP 2026-07-28, handshake what was before",
    )
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="for each request (default 60)")
    parser.add_argument("--json", action="store_true", help="print what the server sent, as JSON")
    parser.set_defaults(parser=parser, words=())
    return parser


def talk(arguments: argparse.Namespace, act: Talk, **options: Any) -> int:
    """Open a client, let `act` talk with it about the words behind the target, and return the exit code."""
    rest = list(arguments.rest)
    target: str | list[str] = list(arguments.words)
    if not target:
        if not rest:
            arguments.parser.error("name a server: its URL, or '-- command arguments'")
        target = rest.pop(0)
    client = Client(
        target,
        era=arguments.era,
        reconnect=False,
        timeout=arguments.timeout,
        headers=_headers(arguments.header),
        token=_token(arguments.token_env),
        elicit=elicit if sys.stdin.isatty() and sys.stderr.isatty() else None,
        **options,
    )
    return asyncio.run(_talk(client, act, rest))


async def _talk(client: Client, act: Talk, rest: list[str]) -> int:
    try:
        async with client:
            return await act(client, rest)
    except ConnectError as fault:
        return complain(str(fault), AUTH if fault.status in _DENIED else UNREACHABLE)
    except LineError as fault:
        return complain(str(fault), UNREACHABLE)
    except CallError as fault:
        status = fault.data.get("status") if isinstance(fault.data, dict) else None
        return complain(f"The server answered: {fault}", AUTH if status in _DENIED else TOOL)
    except PeerError as fault:
        return complain(str(fault), SCHEMA)


def complain(text: str, code: int) -> int:
    """Tell in one line what is wrong; returns the exit code."""
    sys.stderr.write(f"fairlead: {' '.join(text.split())}\n")
    return code


def _headers(given: list[str]) -> dict[str, str]:
    headers = {}
    for one in given:
        name, colon, value = one.partition(":")
        if not colon or not name.strip():
            raise UsageError("A header is written as 'Name: value'.")
        headers[name.strip()] = value.strip()
    return headers


def _token(variable: str | None) -> str | None:
    if variable is None:
        return None
    token = os.environ.get(variable)
    if not token:
        raise UsageError(f"The variable {variable} of --token-env is not set.")
    return token
