"""The commands that talk to a server, run in this process against a server in another or in a thread."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fairlead.cli import main
from tests.serve.harbour import moored
from tests.sources import shore
from tests.sources.mooring import SHORE

CHILD = ("--", sys.executable, "-m", "fairlead", "serve", str(SHORE), "--transport", "stdio")


@contextmanager
def harboured() -> Iterator[str]:
    """The URL of a shore in a thread."""
    mcp = shore.make()
    mcp.settings = type(mcp.settings)(port=0)
    with moored(mcp) as address:
        yield f"ws://{address}/mcp"


def visit(capsys, *words: str) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a command."""
    try:
        code = main(words)
    except SystemExit as end:
        code = end.code
    told = capsys.readouterr()
    return code, told.out, told.err
