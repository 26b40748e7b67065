"""Reads the arguments, runs the command, and turns errors into one line and an exit code.

Exit codes: 0 all is well, 1 the arguments or the source are wrong, 3 the server wants other credentials, 4 it cannot be
reached or the address cannot be used, 5 the tool failed, 6 something does not fit its schema.
"""

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from fairlead.__about__ import __version__
from fairlead.errors import LineError, UsageError

COMMANDS: Final = {
    "serve": "serve the tools of a Python file, or of another MCP server, on every line",
    "dial": "serve on sockets that it opens: to a relay, or a voice assistant's cloud",
    "tools": "list the tools of a server",
    "call": "call a tool",
    "read": "list the resources of a server, or read one",
    "prompts": "list the prompts of a server, or fill one in",
    "ping": "see that a server answers, and how fast",
}
"""Each is a module here, which is loaded when it is called."""

_QUERY: Final = re.compile(r"(\w+://[^\s'\"?#]*)[?#][^\s'\"]*")


class Parser(argparse.ArgumentParser):
    """Ends with the exit code of wrong arguments."""

    def error(self, message: str) -> NoReturn:
        """Tell the usage and what is wrong."""
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: {_masked(message)}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    # What follows `--` is the command of another server, whose flags are none of ours.
    words, behind = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    parser = Parser(prog="fairlead", description="Tools in reach of every MCP client, over whatever line it has.")
    parser.add_argument("--version", action="version", version=f"fairlead {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    called = next((word for word in words if not word.startswith("-")), None)
    for name, told in COMMANDS.items():
        if name == called:
            importlib.import_module(f"fairlead.cli.{name}").add(commands)
        else:
            commands.add_parser(name, help=told)
    arguments = parser.parse_args(words)
    arguments.words = behind
    return _run(arguments)


def _masked(text: str) -> str:
    """Addresses without their queries: a token may stand there."""
    return _QUERY.sub(r"\1?…", text)


def _run(arguments: argparse.Namespace) -> int:
    try:
        code: int = arguments.act(arguments)
    except UsageError as fault:
        sys.stderr.write(f"{getattr(fault, 'trace', '')}fairlead: {_masked(str(fault))}\n")
        return 1
    except LineError as fault:
        sys.stderr.write(f"fairlead: {fault}\n")
        return 4
    except KeyboardInterrupt:
        return 130
    return code
