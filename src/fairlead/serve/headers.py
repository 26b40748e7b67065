"""What HTTP headers say of a message, and whether they say the same as its body. Pure: text in, answers out.

Refuses (-32020) a stateless request whose headers and body disagree: a proxy may have routed it by the headers.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from fairlead.catalog.tool import Tool
from fairlead.errors import HEADER_MISMATCH, PeerError
from fairlead.kernel import Call
from fairlead.spec.methods import METHODS

VERSION: Final = "mcp-protocol-version"
SESSION: Final = "mcp-session-id"
METHOD: Final = "mcp-method"
NAME: Final = "mcp-name"
PARAM: Final = "mcp-param-"
_ONCE: Final = frozenset({VERSION, METHOD, NAME})
_ENCODED: Final = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,400})(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")
_CARRIED: Final = frozenset({"string", "integer", "boolean"})
_anything: Final = msgspec.json.Decoder().decode


class Headers(dict[str, str]):
    """Header values by lower-case name, without surrounding blanks (httptools keeps them). `repeated` came twice."""

    repeated: frozenset[str] = frozenset()

    @classmethod
    def of(cls, raw: Iterable[tuple[bytes, bytes]]) -> "Headers":
        """From the header list of an ASGI scope."""
        pairs = [(name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in raw]
        headers = cls(pairs)
        if len(headers) != len(pairs):
            names = [name for name, _ in pairs]
            headers.repeated = frozenset(name for name in headers if names.count(name) > 1)
        return headers


@lru_cache(64)
def accepts(accept: str | None) -> tuple[bool, bool]:
    """Whether a client takes JSON, and whether it takes a stream of events. Who says nothing takes both."""
    if accept is None:
        return True, True
    kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",") if not _refused(part)}
    every = "*/*" in kinds
    json = every or bool(kinds & {"application/json", "application/*"})
    events = every or bool(kinds & {"text/event-stream", "text/*"})
    return json, events


def _refused(part: str) -> bool:
    """`;q=0` says that this kind is not taken."""
    return any(re.fullmatch(r"q=0(\.0*)?", option.strip().replace(" ", "").lower()) for option in part.split(";")[1:])


def is_json(content_type: str | None) -> bool:
    """Whether a body says that it is JSON."""
    return content_type == "application/json" or (
        content_type is not None and content_type.partition(";")[0].strip().lower() == "application/json"
    )


def decoded(value: str) -> str | None:
    """A header's value, its base64 form decoded; None where that form is broken, which matches nothing."""
    found = _ENCODED.fullmatch(value)
    if found is None:
        return value
    try:
        raw = base64.b64decode(found[1], validate=True)
        return raw.decode() if base64.b64encode(raw).decode() == found[1] else None
    except ValueError:  # Not base64, not ASCII, or not UTF-8 inside.
        return None


def check(call: Call, headers: Headers) -> None:
    """Raises PeerError (-32020) where the headers of a stateless request do not repeat its body."""
    if headers.repeated and (twice := headers.repeated & _ONCE):
        raise _mismatch(f"The header {min(twice)} stands twice.")
    method = call.request.method
    _compare(headers, VERSION, call.version.date)
    _compare(headers, METHOD, method)
    member = METHODS[method].named_by
    if member is not None:
        _compare(headers, NAME, _named(call, member))
    if method == "tools/call":
        _check_params(call, headers)


def _named(call: Call, member: str) -> str:
    attribute = {"taskId": "task_id"}.get(member, member)
    return str(getattr(call.params, attribute))


def _compare(headers: Headers, name: str, expected: str) -> None:
    value = headers.get(name)
    if value is None:
        raise _mismatch(f"The header {name} is missing.", expected=expected, header=name)
    if value != expected and decoded(value) != expected:
        raise _mismatch(f"The header {name} does not say what the body says.", expected=expected, header=name)


def _check_params(call: Call, headers: Headers) -> None:
    tool = call.session.terms.catalog.tools.find(call.params.name)  # type: ignore[attr-defined]
    carried = {} if tool is None else carried_in_headers(tool)
    if not carried:
        return
    raw = call.params.arguments  # type: ignore[attr-defined]
    arguments = _anything(raw) if isinstance(raw, msgspec.Raw) else {}
    for path, token in carried.items():
        name = PARAM + token.lower()
        said, meant = headers.get(name), _text(_at(arguments, path))
        if name in headers.repeated:
            raise _mismatch(f"The header {name} stands twice.", header=name)
        if said is None and meant is None:
            continue
        if said is None or meant is None or not _same(decoded(said), meant, _at(arguments, path)):
            raise _mismatch(f"The header {name} does not say what the argument says.", header=name)


def carried_in_headers(tool: Tool) -> dict[tuple[str, ...], str]:
    """The arguments that a tool's schema wants repeated in headers: their paths, and the headers' names."""
    if tool.in_headers is None:
        tool.in_headers = _annotated(tool.descriptor.input_schema)
    return tool.in_headers


def _annotated(whole: Any) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    stack: list[tuple[tuple[str, ...], Any]] = [((), whole)]
    while stack:
        path, schema = stack.pop()
        if not isinstance(schema, Mapping):
            continue
        token = schema.get("x-mcp-header")
        if path and isinstance(token, str) and _TOKEN.fullmatch(token) and _is_carried(schema.get("type")):
            found[path] = token
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            stack += [((*path, name), inner) for name, inner in properties.items()]
    return found


def _is_carried(kind: Any) -> bool:
    """Only these can stand in a header; of several types, or null."""
    kinds = [one for one in kind if one != "null"] if isinstance(kind, list) else [kind]
    return bool(kinds) and all(isinstance(one, str) and one in _CARRIED for one in kinds)


def _at(arguments: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        arguments = arguments.get(step) if isinstance(arguments, dict) else None
    return arguments


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _same(said: str | None, meant: str, value: Any) -> bool:
    if said == meant:
        return True
    if said is None or isinstance(value, bool | str) or not _NUMBER.fullmatch(said):
        return False
    try:
        return bool(int(said) == value)
    except ValueError:
        return bool(float(said) == value)  # `1.0` and `1` are one JSON number.


def _mismatch(text: str, *, expected: str | None = None, header: str | None = None) -> PeerError:
    data = {key: value for key, value in (("header", header), ("expected", expected)) if value is not None}
    return PeerError(HEADER_MISMATCH, text, data=data)
