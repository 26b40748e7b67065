"""The arguments of a tool that HTTP repeats in headers (`x-mcp-header` in its schema). Pure: schema in, headers out.

Refuses a schema whose annotations a proxy could not rely on: the specification has its tool left out.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Carried = dict[tuple[str, ...], str]
"""Paths of arguments, and the names of their headers."""

_KEY: Final = "x-mcp-header"
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_KINDS: Final = frozenset({"string", "integer", "boolean"})

# Where a schema holds other schemas; data (`default`, `enum`, `const`, `examples`) is not walked into.
_ONE: Final = frozenset(
    """items contains unevaluatedItems additionalProperties propertyNames unevaluatedProperties not if then else
    contentSchema""".split()
)
_SEVERAL: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED: Final = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})
_SAFE: Final = 2**53
_PLAIN: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class AnnotationError(ValueError):
    """An annotation that breaks a rule, and which."""


def carried(schema: Any) -> Carried:
    """The annotated arguments of a schema. Raises AnnotationError where one of the annotations is not valid."""
    found: Carried = {}
    for path, inner in _walk(schema):
        if _KEY not in inner:
            continue
        token, where = inner[_KEY], ".".join(path or ())
        if not path:
            raise AnnotationError(f"an {_KEY} stands where no argument is")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise AnnotationError(f"the {_KEY} of {where!r} is no name of a header")
        kind = inner.get("type")
        if not isinstance(kind, str) or kind not in _KINDS:
            raise AnnotationError(f"{where!r} with its {_KEY} is neither string, integer nor boolean")
        if token.lower() in (other.lower() for other in found.values()):
            raise AnnotationError(f"two arguments share the {_KEY} {token!r}")
        found[path] = token
    return found


def param_headers(annotated: Carried, arguments: Mapping[str, Any]) -> dict[str, str]:
    """The headers for a call with these arguments; what is absent or null has none."""
    headers: dict[str, str] = {}
    for path, token in annotated.items():
        text = _text(_at(arguments, path))
        if text is not None:
            headers[f"Mcp-Param-{token}"] = header_text(text)
    return headers


def header_text(value: str) -> str:
    """A value as a header can carry it: as it is, or in the base64 form that the protocol has for the rest."""
    if not value or (_PLAIN.fullmatch(value) and not value.startswith("=?base64?")):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def _walk(schema: Any) -> Iterator[tuple[tuple[str, ...] | None, dict[str, Any]]]:
    """Every schema inside a schema, with the path of properties that leads there, None where none does."""
    stack: list[tuple[tuple[str, ...] | None, Any]] = [((), schema)]
    while stack:
        path, here = stack.pop()
        if not isinstance(here, dict):
            continue
        yield path, here
        for key, value in here.items():
            if key == "properties" and isinstance(value, dict):
                stack += [(None if path is None else (*path, name), inner) for name, inner in value.items()]
            elif key in _ONE:
                stack.append((None, value))
            elif key in _SEVERAL and isinstance(value, list):
                stack += [(None, inner) for inner in value]
            elif key in _NAMED and isinstance(value, dict):
                stack += [(None, inner) for inner in value.values()]


def _at(arguments: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        arguments = arguments.get(step) if isinstance(arguments, Mapping) else None
    return arguments


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _SAFE:
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None
