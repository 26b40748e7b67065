"""`fairlead serve SOURCE`: serve a Python file's tools, or another MCP server, over the network or on stdio.

SOURCE is a Python file or module, the URL of a server, a configuration with mcpServers, or `-- command arguments`.
"""

import argparse
import contextlib
import logging
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.errors import UsageError
from fairlead.serve.stdio import take_over
from fairlead.settings import LOOPBACK, Settings
from fairlead.sources.find import find

_FLAGS = (
    "host",
    "port",
    "workers",
    "frame_bytes",
    "in_flight",
    "call_timeout",
    "answer_within",
    "drain_seconds",
    "root_path",
    "log_level",
)
_LEVELS = ("debug", "info", "warning", "error")
_SECONDS = ("call_timeout", "answer_within", "drain_seconds")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LISTS = {"allowed_origins": "--allow-origin", "allowed_hosts": "--allow-host", "trusted_proxies": "--trust-proxy"}


def add(commands: Any) -> None:
    """Declare the command and its flags; the flags are the fields of Settings."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve", help=argparse.SUPPRESS, description=__doc__, usage="fairlead serve [options] (SOURCE | -- COMMAND …)"
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        help="file.py[:name] or module:name (finds mcp, server or app); ws://… or http://…; mcp.json",
    )
    parser.add_argument(
        "--share", action="store_true", help="of another server: one session there for all clients, not one for each"
    )
    parser.add_argument(
        "--transport",
        choices=("network", "websocket", "stdio"),
        default="network",
        help="network: every line that a port can carry (default); stdio: standard input and output",
    )
    parser.add_argument(
        "--dial",
        metavar="URL",
        action="append",
        default=[],
        help="serve on an outbound socket too: wss://…; repeatable",
    )
    fields = add_settings(parser, _FLAGS)
    for name, flag in _LISTS.items():
        parser.add_argument(flag, dest=name, action="append", default=None, help=_help(fields[name]))
    parser.add_argument("--compression", action="store_true", default=None, help=_help(fields["compression"]))
    parser.add_argument(
        "--insecure", action="store_true", help="listen beyond this machine although callers prove nothing"
    )
    parser.set_defaults(act=act, parser=parser, words=())


def add_settings(parser: argparse.ArgumentParser, names: Sequence[str]) -> dict[str, Any]:
    """Declare flags for these settings. Returns what is known of all settings."""
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    for name in names:
        parser.add_argument(f"--{name.replace('_', '-')}", default=None, help=_help(fields[name]))
    return fields


def _help(field: Any) -> str:
    told: str = next(note.description or "" for note in field.type.__metadata__ if isinstance(note, msgspec.Meta))
    default = "" if field.default in (None, "", ()) else f" (default {field.default})"
    return (told + default).replace("%", "%%")


def act(arguments: argparse.Namespace) -> int:
    """Load the source, lay the flags over its settings, and serve."""
    if arguments.source is None and not arguments.words:
        arguments.parser.error("a SOURCE is needed")
    if arguments.transport == "stdio":
        # What the source prints while it is loaded must not get on the wire either.
        _, _, put_back = take_over()
        try:
            server = find(arguments.source, arguments.words, share=arguments.share)
        finally:
            put_back()
    else:
        server = find(arguments.source, arguments.words, share=arguments.share)
    server.settings = overlay(server.settings, arguments)
    set_up_log(server.settings.log_level)
    for url in arguments.dial:
        server.dial(url)
    if arguments.transport == "stdio":
        server.run("stdio")
        leave(0)
    _check_exposure(server.settings, insecure=arguments.insecure)
    with contextlib.suppress(SystemExit):  # The way a worker ends; what blocks in a thread must not keep it either.
        server.run(started=lambda addresses: _greet(server, addresses))
    leave(0)
    return 0


def overlay(base: Settings, arguments: argparse.Namespace) -> Settings:
    """The settings of the source, with what the flags say. Raises UsageError for a value that does not fit."""
    said = {name: getattr(arguments, name, None) for name in (*_FLAGS, *_LISTS, "compression")}
    given = {name: value for name, value in said.items() if value is not None}
    chosen = base
    for name, value in given.items():
        try:
            read = _seconds(value) if name in _SECONDS else value
            chosen = msgspec.convert({**msgspec.structs.asdict(chosen), name: read}, Settings, strict=False)
        except msgspec.ValidationError as fault:
            flag = _LISTS.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(f"{flag} {value!r} does not fit: {str(fault).partition(' - at ')[0]}.") from None
    if chosen.log_level not in _LEVELS:
        raise UsageError(f"There is no log level {chosen.log_level!r}: use {', '.join(_LEVELS)}.")
    return chosen


def _seconds(text: str) -> str | float:
    """`9s`, `500ms` and `2m` as seconds; all else as it stands."""
    found = _DURATION.fullmatch(text)
    return text if found is None else float(found[1]) * _UNITS[found[2]]


def _check_exposure(chosen: Settings, *, insecure: bool) -> None:
    if chosen.is_loopback or insecure:
        return
    raise UsageError(
        f"--host {chosen.host} lets other machines call these tools without proving who they are. "
        f"Listen on {LOOPBACK[0]} behind a proxy that asks for credentials, or say --insecure."
    )


def set_up_log(level: str) -> None:
    """Log to standard error, one line each.

    uvicorn tells at `info` how it starts and who comes and goes, which helps nobody but who looks for a fault: below
    `debug` only its warnings and errors are kept.
    """
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn.error").setLevel(logging.INFO if level == "debug" else logging.WARNING)


def _greet(server: Any, addresses: list[str]) -> None:
    lines = [server.summary()]
    for address in addresses:
        lines += [f"  WebSocket  ws://{address}/mcp", f"  health     http://{address}/health"]
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()


def leave(code: int) -> None:
    """End the process now: a tool that blocks in a thread must not keep it."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # Nobody may be left to read it.
            stream.flush()
    os._exit(code)
