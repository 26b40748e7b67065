"""What a SOURCE is: a Python file or module, a URL, a configuration, or the command of another server.

Refuses to guess between them: what has a scheme is a URL, what ends in `.json` a configuration, what follows `--` a
command; everything else is Python.
"""

import os
import shutil
from collections.abc import Sequence
from urllib.parse import urlsplit

from fairlead.errors import UsageError
from fairlead.server import Fairlead
from fairlead.sources import python
from fairlead.sources.remote import bridge
from fairlead.sources.upstreams import upstreams_of


def find(source: str | None, command: Sequence[str] = (), *, share: bool = False) -> Fairlead:
    """The server that serves the source; `command` is what followed `--`. Raises UsageError with the next step.

    `share` is for bridges: all clients use one session at the other server.
    """
    if command:
        if source is not None:
            raise UsageError(f"There are two sources: {source!r}, and the command {command[0]!r} behind the '--'.")
        _check_program(command[0])
        return bridge(list(command), share=share)
    if source is None:
        raise UsageError("Name a source: tools.py, ws://…, mcp.json, or '-- some command'.")
    if urlsplit(source).scheme.lower() in ("ws", "wss", "http", "https"):
        return bridge(source, share=share)
    if source.endswith(".json"):
        for upstream in upstreams_of(source):
            if upstream.command is not None and not upstream.disabled:
                _check_program(upstream.command)
        return bridge(source, share=share)
    return python.load(source)


def _check_program(name: str) -> None:
    """Before anybody waits for it: a program that is not there will not come."""
    if shutil.which(name) is None and not os.path.exists(name):
        raise UsageError(f"There is no program {name!r} here: install it, or give its path.")
