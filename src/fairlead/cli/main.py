"""Reads the arguments, runs the command, and turns errors into one line and an exit code.

Exit codes: 0 all is well, 1 the arguments or the source are wrong, 4 the address cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence

from fairlead.__about__ import __version__
from fairlead.cli import serve
from fairlead.errors import LineError, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="fairlead", description="Tools in reach of every MCP client, over whatever line it has."
    )
    parser.add_argument("--version", action="version", version=f"fairlead {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    serve.add(commands)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.act(arguments)
    except UsageError as fault:
        sys.stderr.write(f"{getattr(fault, 'trace', '')}fairlead: {fault}\n")
        return 1
    except LineError as fault:
        sys.stderr.write(f"fairlead: {fault}\n")
        return 4
    except KeyboardInterrupt:
        return 130
    return code
