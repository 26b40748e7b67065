"""`fairlead read URL [URI]`: the resources of a server, or what one of them holds.

Bytes go out as they are where the output is no terminal: `fairlead read URL photos://1 > 1.png`.
"""

import argparse
from typing import Any

from fairlead.cli.reach import OK, declare, talk
from fairlead.cli.shown import contents, say_json, table
from fairlead.client import Client


def add(commands: Any) -> None:
    """Declare the command."""
    declare(commands, "read", __doc__ or "", " [URI]", help="the server, the resource").set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """List the resources, or read one."""

    async def ask(client: Client, rest: list[str]) -> int:
        if len(rest) > 1:
            arguments.parser.error(f"{rest[1]!r} is one word too many")
        if not rest:
            return await _list(client, as_json=arguments.json)
        result = await client.request("resources/read", {"uri": rest[0]})
        if arguments.json:
            say_json(result)
            return OK
        for one in result.get("contents") or []:
            contents(one)
        return OK

    return talk(arguments, ask)


async def _list(client: Client, *, as_json: bool) -> int:
    resources, templates = await client.list_resources(), await client.list_templates()
    if as_json:
        say_json({"resources": resources, "resourceTemplates": templates})
        return OK
    rows = [(one.uri, one.mime_type or "", one.description or one.title or one.name) for one in resources]
    rows += [(one.uri_template, one.mime_type or "", one.description or one.title or one.name) for one in templates]
    table(("URI", "TYPE", "DESCRIPTION"), rows, none="The server has no resources.")
    return OK
