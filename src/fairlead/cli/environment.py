"""The environment, with what a file `.env` of the working directory adds to it.

Lines are `NAME=value`, perhaps after `export`; values may stand in quotes, and in double ones `\\n`, `\\t`, `\\"` and
`\\\\` mean what they do elsewhere. What the environment has already, stands. Refuses a line that is neither, by its
number: its text may be a secret.
"""

import os
import re
from pathlib import Path
from typing import Final

from fairlead.errors import UsageError

_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)", re.ASCII)
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_COMMENT: Final = re.compile(r"(?:^|\s+)#.*$")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}


def read_dotenv(text: str, place: str = ".env") -> dict[str, str]:
    """The variables of such a file. Raises UsageError."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        pair = _LINE.fullmatch(line)
        if pair is None:
            raise UsageError(f"{place}, line {number}: write NAME=value.")
        found[pair[1]] = _value(pair[2], f"{place}, line {number}")
    return found


def _value(text: str, where: str) -> str:
    if text[:1] == "'" and (single := _SINGLE.fullmatch(text)):
        return single[1]
    if text[:1] == '"' and (double := _DOUBLE.fullmatch(text)):
        return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), double[1])
    if text[:1] in ("'", '"'):
        raise UsageError(f"{where}: the quote is not closed.")
    return _COMMENT.sub("", text)


def take_dotenv(path: Path) -> None:
    """Add to the environment what the file has and the environment has not. A file that is not there adds nothing."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"{str(path)!r} cannot be read ({type(fault).__name__}).") from None
    for name, value in read_dotenv(text, str(path)).items():
        os.environ.setdefault(name, value)
