"""What a docstring says: the description, the parameters, the result.

Four styles are read: Google (`Args:`), NumPy (`Parameters` underlined), reST (`:param x:`) and
epydoc (`@param x:`), mixed if need be. Any text gives a result and none raises; what is not
understood stays in the description. Nothing is rendered: marks of reST and Markdown stay.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_PARAMETERS: Final = frozenset(
    {"args", "arguments", "parameters", "params", "keyword args", "keyword arguments", "other parameters"}
)
_RETURNS: Final = frozenset({"returns", "return", "yields", "yield"})
_RAISES: Final = frozenset({"raises", "raise", "warns"})
_CUT: Final = _PARAMETERS | _RETURNS | _RAISES

_UNDERLINE = re.compile(r"^(-{3,}|={3,})$")
# `name`, `*name`, `name (type)`, then a colon.  [^:]* and not .*: one way to match, linear time.
_GOOGLE_ENTRY = re.compile(r"^\*{0,2}`?(?P<name>[^\W\d]\w*)`?[ ]?(?:\((?P<type>.*)\))?[ ]?:(?:[ ]+(?P<text>.*))?$")
_GOOGLE_RETURN = re.compile(r"^(?P<type>[\w.]+(?:\[[^:]*\])?(?: ?\| ?[\w.]+)*):[ ]+(?P<text>.*)$")
_NUMPY_ENTRY = re.compile(r"^(?P<names>\*{0,2}[^\W\d]\w*(?:, ?\*{0,2}[^\W\d]\w*)*)(?: ?:.*)?$")
_FIELD = re.compile(r"^[:@](?P<tag>[A-Za-z]+)(?P<about>[ ][^:]*)?:(?:[ ]+(?P<text>.*))?$")
_FIELD_PARAMETERS: Final = frozenset({"param", "parameter", "arg", "argument", "key", "keyword", "kwarg"})
_FIELD_OTHERS: Final = frozenset({"type", "rtype", "raise", "raises", "except", "exception", "throws", "vartype"})
_NAME = re.compile(r"[^\W\d]\w*$")


@dataclass(slots=True)
class Docstring:
    """`parameters` are descriptions by name; an empty description is left out."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    returns: str | None = None


def parse(text: str | None) -> Docstring:
    """Reads a docstring; never raises."""
    found = Docstring()
    lines = [line.rstrip() for line in inspect.cleandoc(text or "").splitlines()]
    kept: list[str] = []
    at = 0
    while at < len(lines):
        end = _section(lines, at, found) or _field(lines, at, found)
        if end is None:
            kept.append(lines[at])
            end = at + 1
        at = end
    found.description = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _section(lines: list[str], at: int, found: Docstring) -> int | None:
    """Reads a Google or NumPy section that starts here; where it ends, or None."""
    title = lines[at].strip()
    if at + 1 < len(lines) and title.lower() in _CUT and _UNDERLINE.match(lines[at + 1].strip()):
        end = _numpy_end(lines, at + 2)
        _keep(title.lower(), lines[at + 2 : end], found, numpy=True)
        return end
    if not title.endswith(":") or title[:-1].rstrip().lower() not in _CUT:
        return None
    end = _block_end(lines, at + 1, _indent(lines[at]))
    if end == at + 1:
        return None
    _keep(title[:-1].rstrip().lower(), lines[at + 1 : end], found, numpy=False)
    return end


def _keep(title: str, block: list[str], found: Docstring, *, numpy: bool) -> None:
    if title in _PARAMETERS:
        for names, text in _numpy_entries(block) if numpy else _google_entries(block):
            for name in names:
                if text:
                    found.parameters.setdefault(name, text)
    elif title in _RETURNS and found.returns is None:
        found.returns = (_numpy_return(block) if numpy else _google_return(block)) or None


def _block_end(lines: list[str], at: int, indent: int) -> int:
    """The end of the lines that stand deeper than `indent`, without the blank ones behind them."""
    end = at
    for number in range(at, len(lines)):
        if lines[number] and _indent(lines[number]) <= indent:
            break
        if lines[number]:
            end = number + 1
    return end


def _numpy_end(lines: list[str], at: int) -> int:
    """The end of a NumPy section: before the next underlined title, or before text after a blank line."""
    for number in range(at, len(lines)):
        follows = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if lines[number].strip() and _UNDERLINE.match(follows):
            return number
        if _FIELD.match(lines[number]):
            return number
    return len(lines)


def _entries(block: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The lines at the least indentation, each with the deeper ones below it."""
    depth = min((_indent(line) for line in block if line), default=0)
    head: str | None = None
    body: list[str] = []
    for line in block:
        if line and _indent(line) == depth:
            if head is not None:
                yield head, body
            head, body = line.strip(), []
        elif line:
            body.append(line.strip())
    if head is not None:
        yield head, body


def _google_entries(block: list[str]) -> Iterator[tuple[list[str], str]]:
    names: list[str] = []
    text: list[str] = []
    for head, body in _entries(block):
        entry = _GOOGLE_ENTRY.match(head)
        if entry is None:
            text += [head, *body]  # a continuation that was not indented
            continue
        if names:
            yield names, _join(text)
        names, text = [entry["name"]], [entry["text"] or "", *body]
    if names:
        yield names, _join(text)


def _numpy_entries(block: list[str]) -> Iterator[tuple[list[str], str]]:
    for head, body in _entries(block):
        entry = _NUMPY_ENTRY.match(head)
        if entry is not None:
            yield [name.strip().lstrip("*") for name in entry["names"].split(",")], _join(body)


def _google_return(block: list[str]) -> str:
    text = _join([line.strip() for line in block])
    typed = _GOOGLE_RETURN.match(text)
    return typed["text"] if typed else text


def _numpy_return(block: list[str]) -> str:
    described = [_join(body) for _, body in _entries(block) if body]
    return " ".join(described) if described else _join([line.strip() for line in block])


def _field(lines: list[str], at: int, found: Docstring) -> int | None:
    """Reads a reST or epydoc field that starts here; where it ends, or None."""
    start = lines[at].strip()
    entry = _FIELD.match(start)
    if entry is None:
        return None
    tag = entry["tag"].lower()
    end = _block_end(lines, at + 1, _indent(lines[at]))
    text = _join([entry["text"] or "", *(line.strip() for line in lines[at + 1 : end])])
    if tag in _FIELD_PARAMETERS:
        name = _NAME.search((entry["about"] or "").rstrip())
        if name is None:
            return None
        if text:
            found.parameters.setdefault(name[0], text)
    elif tag in _RETURNS:
        found.returns = found.returns or text or None
    elif tag not in _FIELD_OTHERS:
        return None
    return end


def _join(lines: list[str]) -> str:
    return " ".join(line for line in lines if line)
