"""`fairlead dial [SOURCE] [URL…]`: serve on sockets that we open, to a relay or the cloud of a voice assistant.

URL is wss://…; where none is given, MCP_ENDPOINT has it, in the environment or in a file .env of this directory. SOURCE
is a Python file or module, or a configuration with mcpServers; where none is given, MCP_CONFIG names it, else it is
./mcp_config.json. All servers of a configuration share one socket, under prefixed names, unless --each is said.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fairlead.cli.environment import take_dotenv
from fairlead.cli.serve import add_settings, leave, overlay, set_up_log
from fairlead.errors import UsageError
from fairlead.serve.dialling import GivenUpError, run_dialling
from fairlead.server import Fairlead
from fairlead.sources.find import find
from fairlead.sources.remote import bridge
from fairlead.sources.upstreams import upstreams_of

_FLAGS: Final = ("answer_within", "call_timeout", "in_flight", "frame_bytes", "drain_seconds", "log_level")
_CONFIG: Final = "mcp_config.json"


def add(commands: Any) -> None:
    """Declare the command and its flags."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "dial",
        help=argparse.SUPPRESS,
        description=__doc__,
        usage="fairlead dial [options] [SOURCE | -- COMMAND …] [URL …]",
    )
    parser.add_argument("given", metavar="SOURCE or URL", nargs="*", help="tools.py, module:name, mcp.json; wss://…")
    parser.add_argument("--each", action="store_true", help="one socket for each server of a configuration")
    add_settings(parser, _FLAGS)
    parser.set_defaults(act=act, parser=parser, words=())


def act(arguments: argparse.Namespace) -> int:
    """Find the source and the addresses, and serve until a signal, or until no address is dialled any more."""
    take_dotenv(Path(".env"))
    urls = [word for word in arguments.given if _is_far_side(word)]
    sources = [word for word in arguments.given if not _is_far_side(word)]
    if len(sources) > 1:
        raise UsageError(f"There are {len(sources)} sources: {', '.join(map(repr, sources))}. Give one.")
    urls = urls or os.environ.get("MCP_ENDPOINT", "").split()
    if not urls:
        raise UsageError("There is nothing to dial: give a wss:// URL, or set MCP_ENDPOINT here or in a file .env.")
    servers = find_servers(sources[0] if sources else None, arguments.words, each=arguments.each)
    for server in servers:
        server.settings = overlay(server.settings, arguments)
        for url in urls:
            server.dial(url)
    chosen = servers[0].settings
    set_up_log(chosen.log_level)
    _greet(servers)
    try:
        run_dialling(((server.station, server.dialling) for server in servers), drain=chosen.drain_seconds)
    except GivenUpError as fault:
        sys.stderr.write(f"fairlead: {fault}\n")
        leave(3 if fault.refused else 4)
    leave(0)
    return 0


def _is_far_side(word: str) -> bool:
    return urlsplit(word).scheme.lower() in ("ws", "wss") if "://" in word else False


def find_servers(source: str | None, command: Sequence[str] = (), *, each: bool = False) -> list[Fairlead]:
    """The servers to offer: one for all of a configuration, or one for each of it. Raises UsageError.

    What is dialled has one caller, so that each server behind gets one session, whatever becomes of the socket: a line
    that drops starts no child anew. A server that dies is off the list at once.
    """
    if source is None and not command:
        source = os.environ.get("MCP_CONFIG") or _CONFIG
        if not Path(source).exists():
            raise UsageError(f"There is no {source!r}: name a SOURCE, as tools.py, or set MCP_CONFIG.")
    if command or source is None:
        if source is not None:
            return [find(source, command)]  # It tells that there are two.
        return [bridge(list(command), share=True, hide_after=0)]
    if not source.endswith(".json") and "://" not in source:
        return [find(source)]
    upstreams = [upstream for upstream in upstreams_of(source) if not upstream.disabled]
    if each:
        return [bridge([upstream], share=True, hide_after=0) for upstream in upstreams]
    return [bridge(upstreams, share=True, hide_after=0)]


def _greet(servers: list[Fairlead]) -> None:
    for server in servers:
        # What other servers offer is not known yet.
        sys.stderr.write(f"{server.summary() if len(server.catalog.tools) else server.name}\n")
        for dial in server.dialling.dials:
            sys.stderr.write(f"  dials  {dial.place}\n")
    sys.stderr.flush()
