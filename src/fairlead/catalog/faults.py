"""What can be wrong with a function, with its arguments and with its result.

`explain` is the one place where the errors of msgspec become ours. It refuses to pass on the
name of a class or a function: the text speaks of the value and of where it stands (`$.path`).
"""

import re
from typing import Final

from fairlead.errors import FairleadError, UsageError

# A message repeats at most this much of what the caller sent (the name of an unknown field).
LONGEST_TEXT: Final = 600

_WHERE = re.compile(r"^(?P<text>.*) - at `(?P<path>[^`]*)`$", re.DOTALL)
_EXPECTED = re.compile(r"^Expected `(?P<expected>.*?)`")
_MISSING = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)


class SignatureError(UsageError, TypeError):
    """The function cannot be offered as it stands; names the function, the parameter and the next step."""


class ArgumentError(FairleadError, ValueError):
    """An argument does not fit: `path` says where (`$.a`), `message` what, `expected` what would fit, if known."""

    def __init__(self, message: str, *, path: str = "$", expected: str | None = None):
        super().__init__(message)
        self.message = message
        self.path = path
        self.expected = expected


class ResultError(FairleadError, ValueError):
    """The function returned something that its own return annotation does not allow."""


class MisfitError(ValueError):
    """A value that a type beside msgspec refuses; msgspec wraps it and adds the path up to there."""

    def __init__(self, message: str, *, path: str = "$"):
        super().__init__(message)
        self.message = message
        self.path = path


def locate(error: BaseException) -> tuple[str, str]:
    """Where (`$.a[0]`) and what, also inside of what msgspec did not read itself."""
    here = _WHERE.match(str(error))
    path, text = (here["path"], here["text"]) if here else ("$", str(error))
    beyond = error.__cause__
    return (path + beyond.path[1:], beyond.message) if isinstance(beyond, MisfitError) else (path, text)


def explain(error: Exception, known: tuple[str, ...] = ()) -> ArgumentError:
    """The `ArgumentError` for what reading the arguments raised; `known` are the names that they may have."""
    if isinstance(error, RecursionError):
        return ArgumentError("$: nested too deep")
    path, text = locate(error)
    if missing := _MISSING.match(text):
        path, text = f"{path}.{missing['name']}", "required, but missing"
    elif unknown := _UNKNOWN.match(text):
        offered = "; it takes " + (", ".join(f"`{name}`" for name in known) or "no arguments") if path == "$" else ""
        path, text = f"{path}.{_short(unknown['name'], 80)}", f"unknown{offered}"
    found = _EXPECTED.match(text)
    message = f"{path}: {_short(text, LONGEST_TEXT)}"
    return ArgumentError(message, path=path, expected=found["expected"] if found else None)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
