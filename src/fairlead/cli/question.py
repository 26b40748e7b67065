"""Questions of a server, put to whoever sits at the terminal: one line for each field.

An empty line takes what the schema proposes, or leaves the field out; the end of input (Ctrl-D) declines. A URL is
shown and never opened: who reads it decides.
"""

import asyncio
import sys
import threading
from typing import Any

from fairlead.cli.shown import clean, line
from fairlead.cli.typed import misfit, read_arguments
from fairlead.spec.results import Elicited


async def elicit(params: dict[str, Any]) -> Elicited:
    """Ask, and give the answer."""
    sys.stderr.write(f"\nThe server asks: {clean(str(params.get('message', '')))}\n")
    if params.get("mode") == "url":
        sys.stderr.write(f"  {line(str(params.get('url', '')))}\n")
        answer = await _ask("Open it yourself. Agree? [y/N] ")
        return Elicited("accept" if (answer or "").lower() in ("y", "yes") else "decline")
    schema = params.get("requestedSchema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    given: dict[str, Any] = {}
    for name, shape in (properties if isinstance(properties, dict) else {}).items():
        answer = await _ask(f"  {_label(str(name), shape)}: ")
        if answer is None:
            return Elicited("decline")
        if answer:
            given |= read_arguments([f"{name}={answer}"], schema or {})
        elif isinstance(shape, dict) and "default" in shape:
            given[str(name)] = shape["default"]
    fault = misfit(given, schema)
    if fault is not None:
        sys.stderr.write(f"That does not fit ({clean(fault)}): the question is declined.\n")
        return Elicited("decline")
    return Elicited("accept", given)


def _label(name: str, shape: Any) -> str:
    if not isinstance(shape, dict):
        return clean(name)
    notes = [str(shape["title"])] if shape.get("title") else []
    if isinstance(shape.get("enum"), list):
        notes.append("|".join(str(choice) for choice in shape["enum"]))
    elif shape.get("type"):
        notes.append(str(shape["type"]))
    if "default" in shape:
        notes.append(f"default {shape['default']}")
    return clean(f"{name} ({', '.join(notes)})" if notes else name)


async def _ask(prompt: str) -> str | None:
    """One line from the terminal; None at its end."""
    loop = asyncio.get_running_loop()
    got: asyncio.Future[str] = loop.create_future()

    def put(text: str) -> None:
        if not got.done():
            got.set_result(text)

    def read() -> None:
        text = sys.stdin.readline()
        try:
            loop.call_soon_threadsafe(put, text)
        except RuntimeError:
            pass  # The command has ended meanwhile.

    sys.stderr.write(prompt)
    sys.stderr.flush()
    # A daemon: blocked at the terminal it must not keep the process.
    threading.Thread(target=read, name="fairlead-terminal", daemon=True).start()
    text = await got
    return text.strip() if text else None
