"""`fairlead tools URL`: the tools of a server, what they take and what they are for."""

import argparse
from typing import Any

from fairlead.cli.reach import OK, declare, talk
from fairlead.cli.shown import arguments as told_arguments
from fairlead.cli.shown import say_json, table
from fairlead.client import Client


def add(commands: Any) -> None:
    """Declare the command."""
    declare(commands, "tools", __doc__ or "", "", help="where the server is").set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """List the tools."""

    async def ask(client: Client, rest: list[str]) -> int:
        if rest:
            arguments.parser.error(f"{rest[0]!r} is one word too many")
        tools = await client.list_tools()
        if arguments.json:
            say_json(tools)
        else:
            rows = [(tool.name, told_arguments(tool.input_schema), tool.description or "") for tool in tools]
            table(("NAME", "ARGUMENTS", "DESCRIPTION"), rows, none="The server has no tools.")
        return OK

    return talk(arguments, ask)
