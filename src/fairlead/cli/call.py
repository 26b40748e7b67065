"""`fairlead call URL TOOL [key=value … | JSON]`: call a tool, and print what it returns.

Values are read as the tool's schema wants them. Progress is shown while it comes, and what the tool asks its user is
asked here, where this is a terminal. Exit code 5: the tool failed; 6: arguments or result do not fit the schema.
"""

import argparse
import sys
from typing import Any

from fairlead.cli.reach import OK, SCHEMA, TOOL, complain, declare, talk
from fairlead.cli.shown import content, line, say, say_json
from fairlead.cli.typed import misfit, read_arguments
from fairlead.client import Client
from fairlead.errors import UsageError
from fairlead.spec.descriptors import UNSET, ToolDescriptor


def add(commands: Any) -> None:
    """Declare the command."""
    parser = declare(
        commands, "call", __doc__ or "", " TOOL [KEY=VALUE … | JSON]", help="the server, the tool, its arguments"
    )
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Call the tool."""

    async def ask(client: Client, rest: list[str]) -> int:
        if not rest:
            arguments.parser.error("name the tool; `fairlead tools` lists them")
        tool = await _find(client, rest[0])
        given = read_arguments(rest[1:], tool.input_schema)
        fault = misfit(given, tool.input_schema)
        if fault is not None:
            return complain(f"The arguments do not fit: {fault}", SCHEMA)
        meter = Meter() if sys.stderr.isatty() else None
        try:
            called = await client.call_tool(tool.name, given, progress=None if meter is None else meter.show)
        finally:
            if meter is not None:
                meter.clear()
        return _tell(called, tool, as_json=arguments.json)

    return talk(arguments, ask)


async def _find(client: Client, name: str) -> ToolDescriptor:
    tools = await client.list_tools()
    for tool in tools:
        if tool.name == name:
            return tool
    known = ", ".join(line(tool.name) for tool in tools[:20])
    raise UsageError(f"The server has no tool {name!r}; it has {known or 'none'}.")


def _tell(called: Any, tool: ToolDescriptor, *, as_json: bool) -> int:
    if as_json:
        say_json(called)
    elif called.content:
        for block in called.content:
            say(content(block))
    elif called.structured is not None:
        say_json(called.structured)
    if called.is_error:
        return TOOL
    if tool.output_schema is not UNSET:
        fault = misfit(called.structured, tool.output_schema)
        if fault is not None:
            return complain(f"The result does not fit what the tool declares: {fault}", SCHEMA)
    return OK


class Meter:
    """How far a call is, in one line of the terminal that is written over."""

    def __init__(self) -> None:
        self._width = 0

    def show(self, done: float, total: float | None, message: str | None) -> None:
        """Write it."""
        text = f"{done:g}" if total is None else f"{done:g}/{total:g}"
        text = f"[{text}] {line(message)}" if message else f"[{text}]"
        text = text[:100]
        sys.stderr.write(f"\r{text.ljust(self._width)}")
        sys.stderr.flush()
        self._width = len(text)

    def clear(self) -> None:
        """Leave nothing of it."""
        if self._width:
            sys.stderr.write(f"\r{' ' * self._width}\r")
            sys.stderr.flush()
