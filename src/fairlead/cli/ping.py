"""`fairlead ping URL`: see that a server answers, who it says it is, what it speaks, and how fast it is."""

import argparse
import time
from typing import Any

from fairlead.cli.reach import OK, declare, talk
from fairlead.cli.shown import line, say, say_json
from fairlead.client import Client


def add(commands: Any) -> None:
    """Declare the command."""
    declare(commands, "ping", __doc__ or "", "", help="where the server is").set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Ask once, over a line that is open."""

    async def ask(client: Client, rest: list[str]) -> int:
        if rest:
            arguments.parser.error(f"{rest[0]!r} is one word too many")
        began = time.perf_counter()
        await client.ping()
        took = (time.perf_counter() - began) * 1000
        server = client.server
        name, version = ("", "") if server is None else (server.name, server.version)
        if arguments.json:
            told = {"server": name, "version": version, "protocol": client.protocol_version, "milliseconds": took}
            say_json({**told, "capabilities": sorted(client.capabilities)})
        else:
            say(f"{line(f'{name} {version}')}: MCP {client.protocol_version}, {took:.1f} ms")
        return OK

    return talk(arguments, ask)
