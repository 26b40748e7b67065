"""Arguments as people type them, `key=value`, made into what a tool's schema asks for.

A value is read as JSON where the schema wants something else than text, and as text where it wants that, or where it
is no JSON. Refuses arguments that the schema does not allow before anything is sent; nothing is fetched for that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import jsonschema_rs
import msgspec

from fairlead.errors import UsageError


def read_arguments(words: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in `key=value …`, or in one JSON object. Raises UsageError."""
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        try:
            given = msgspec.json.decode(words[0])
        except msgspec.DecodeError as fault:
            raise UsageError(f"The arguments are no JSON: {fault}.") from None
        return dict(given)
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    arguments: dict[str, Any] = {}
    for word in words:
        key, mark, text = word.partition("=")
        if not mark or not key:
            raise UsageError(f"{word!r} is no argument: write key=value, or all of them as one JSON object.")
        arguments[key] = _value(text, known.get(key))
    return arguments


def _value(text: str, shape: Any) -> Any:
    kinds = _kinds(shape)
    if kinds == {"string"}:
        return text
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return text if "string" in kinds and not isinstance(value, list | dict | bool | None) else value


def _kinds(shape: Any) -> set[str]:
    """The types that a schema allows; none where it does not say."""
    if not isinstance(shape, dict):
        return set()
    kind = shape.get("type")
    found = {kind} if isinstance(kind, str) else {one for one in kind or () if isinstance(one, str)}
    for several in ("anyOf", "oneOf"):
        for inner in shape.get(several) or ():
            found |= _kinds(inner)
    choices = shape.get("enum")
    if not found and isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
        return {"string"}
    return found


def misfit(value: Any, schema: Any) -> str | None:
    """What does not fit the schema, and where; None where all fits, or where the schema itself is none."""
    if not isinstance(schema, dict | bool):
        return None
    try:
        validator = jsonschema_rs.validator_for(schema, retriever=_fetch_nothing)
    except (ValueError, jsonschema_rs.ReferencingError):
        return None  # The server reads it in its own way.
    fault = next(iter(validator.iter_errors(value)), None)
    if fault is None:
        return None
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.instance_path)
    return f"${where}: {fault.message}"


def _fetch_nothing(uri: str) -> NoReturn:
    raise ValueError("a schema is never fetched")
