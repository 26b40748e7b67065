"""JSON Schema 2020-12 of arguments and results, from the types that also read and check them.

The root is inlined, everything else stands in `$defs`; titles that only repeat a name are left
out. Where a type has no schema, this raises `SignatureError`: no schema is made up.
"""

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import msgspec

from fairlead.catalog.faults import SignatureError
from fairlead.catalog.foreign import Mode, adapter, is_model, is_slot, pydantic_schemas

_REF = "#/$defs/"
_MAPS = ("properties", "$defs", "patternProperties", "dependentSchemas")
_ONES = ("items", "additionalProperties", "contains", "not", "propertyNames", "if", "then", "else")
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")


def input_schema(
    arguments: type[msgspec.Struct], docs: Mapping[str, str], defaults: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The schema of a tool's arguments.

    `docs` are descriptions by the names in JSON, for those that have none in their annotation;
    `defaults` are JSON values by the same names. Raises `SignatureError`.
    """
    root = _root(_schema(arguments, "validation"))
    root.pop("title", None)
    root.pop("description", None)
    properties = root.setdefault("properties", {})
    for name, schema in properties.items():
        _lift_description(schema)
        if name in docs:
            schema.setdefault("description", docs[name])
        if defaults and name in defaults:
            schema.setdefault("default", defaults[name])
    keys = ("type", "properties", "required", "additionalProperties", "$defs")
    return {key: root[key] for key in keys if key in root}


def output_schema(
    hint: Any, *, description: str | None = None, content_types: tuple[type, ...] = ()
) -> tuple[dict[str, Any] | None, bool]:
    """The schema of a result, and whether the result goes out as `{"result": …}`.

    No schema (None, False) for None, for Any, and for what holds `content_types`. Raises
    `SignatureError` where the type has none.
    """
    if hint in (None, NoneType, Any) or holds(hint, content_types):
        return None, False
    schema = _schema(hint, "serialization")
    root = _root(schema)
    if root.get("type") == "object":
        if description:
            root.setdefault("description", description)
        return root, False
    definitions = schema.pop("$defs", None)
    if description:
        schema.setdefault("description", description)
    wrapped = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
    if definitions:
        wrapped["$defs"] = definitions
    return wrapped, True


def elicitation_schema(hint: Any) -> dict[str, Any]:
    """The schema of a question to the user: an object whose fields are text, numbers, yes or no, or choices.

    Raises `SignatureError` for any other field, since no client could make a form of it.
    """
    root = _root(_schema(hint, "validation"))
    definitions = root.pop("$defs", {})
    if root.get("type") != "object" or "properties" not in root:
        raise SignatureError(f"{hint!r} is no form: ask for a dataclass, Struct or TypedDict with fields")
    fields = {name: _form_field(name, field, definitions) for name, field in root["properties"].items()}
    form: dict[str, Any] = {"type": "object", "properties": fields}
    return {**form, "required": root["required"]} if root.get("required") else form


def _form_field(name: str, field: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    # No references and no null in a form: a field that may be left empty is one that is not required.
    found = {**definitions.get(field.get("$ref", "").removeprefix(_REF), {}), **field}
    found.pop("$ref", None)
    others = [part for part in found.get("anyOf", ()) if part.get("type") != "null"]
    if len(others) == 1:
        beside = {key: value for key, value in found.items() if key != "anyOf"}
        return _form_field(name, {**others[0], **beside}, definitions)
    if found.get("default", 0) is None:
        del found["default"]
    if found.get("type") == "array" and "enum" in found.get("items", {}):
        return found
    if found.get("type") not in ("string", "number", "integer", "boolean"):
        raise SignatureError(f"a form cannot ask for `{name}`: use str, int, float, bool, an Enum or a Literal")
    return found


def holds(hint: Any, classes: tuple[type, ...]) -> bool:
    """Whether one of the classes stands anywhere in the annotation."""
    if isinstance(hint, type) and not get_args(hint):
        return issubclass(hint, classes)
    inner = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return any(holds(part, classes) for part in inner)


def _lift_description(schema: dict[str, Any]) -> None:
    # `x: Annotated[int, "how many"] = None` may be null: what describes x stands with its int.
    others = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    if len(others) == 1 and "description" in others[0] and "description" not in schema:
        schema["description"] = others[0].pop("description")


def _root(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its own definition in place of the reference to it."""
    definitions = schema.get("$defs", {})
    name = schema.get("$ref", "").removeprefix(_REF)
    if name not in definitions:
        return schema
    beside = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
    rest = {key: value for key, value in definitions.items() if key != name or _refers(definitions, name)}
    root = {**definitions[name], **beside}
    return {**root, "$defs": rest} if rest else root


def _refers(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return value.get("$ref") == _REF + name or any(_refers(part, name) for part in value.values())
    return isinstance(value, list) and any(_refers(part, name) for part in value)


def _schema(hint: Any, mode: Mode) -> dict[str, Any]:
    """The schema of an annotation with all its definitions."""
    stand_ins = _StandIns()
    hints = [hint]
    while True:
        schemas, definitions = _components(hints, stand_ins)
        parts = [part for slot in stand_ins.slots for part in slot.parts if not _among(part, hints)]
        if not parts:
            break
        hints += parts
    texts = {id(known): text for known, text in zip(hints, schemas, strict=True)}
    foreign, foreign_definitions = pydantic_schemas(stand_ins.pydantic(), mode)
    renamed = {_REF + name: _REF + _free(name, definitions) for name in foreign_definitions}
    for name, definition in foreign_definitions.items():
        definitions[renamed[_REF + name].removeprefix(_REF)] = _rename(definition, renamed)
    found = {key: _rename(described, renamed) for key, described in foreign.items()}
    for key, slot in stand_ins.ours():
        found[key] = slot.describe([texts[id(part)] for part in slot.parts])
    schema: dict[str, Any] = _tidy(_replace(schemas[0], found))
    if definitions:
        schema["$defs"] = {name: _tidy(_replace(definitions[name], found), name) for name in sorted(definitions)}
    return schema


def _among(part: Any, hints: list[Any]) -> bool:
    return any(part is hint for hint in hints)


def _components(hints: list[Any], stand_ins: "_StandIns") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    try:
        schemas, definitions = msgspec.json.schema_components(
            hints, schema_hook=stand_ins.hook, ref_template=_REF + "{name}"
        )
    except (TypeError, NameError, ValueError, RecursionError) as error:
        raise SignatureError(str(error).strip().splitlines()[-1]) from error
    return list(schemas), definitions


class _StandIns:
    """msgspec's `schema_hook`: references in place of the types that are described later."""

    def __init__(self) -> None:
        self._keys: dict[Any, str] = {}

    def hook(self, hint: Any) -> dict[str, Any]:
        if is_slot(hint) or is_model(hint):
            return {"$ref": self._keys.setdefault(hint, f"stand-in:{len(self._keys)}")}
        if any(cls.__module__.startswith("pathlib") for cls in getattr(hint, "__mro__", ())):
            return {"type": "string", "format": "path"}
        raise SignatureError(f"{hint!r} is nothing that JSON can hold")

    @property
    def slots(self) -> list[Any]:
        return [hint for hint in self._keys if is_slot(hint)]

    def ours(self) -> list[tuple[str, Any]]:
        return [(key, hint) for hint, key in self._keys.items() if is_slot(hint) and hint.pydantic is None]

    def pydantic(self) -> dict[str, Any]:
        adapters = {}
        for hint, key in self._keys.items():
            if not is_slot(hint):
                adapters[key] = adapter(hint)
            elif hint.pydantic is not None:
                adapters[key] = hint.pydantic
        return adapters


def _free(name: str, taken: Mapping[str, Any]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _rename(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_rename(part, names) for part in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _rename(part, names) for key, part in value.items()}
    if isinstance(changed.get("$ref"), str):
        changed["$ref"] = names.get(changed["$ref"], changed["$ref"])
    return changed


def _replace(value: Any, found: Mapping[str, dict[str, Any]]) -> Any:
    """The schema with what was found in place of the references to it, as often as there are some."""
    if isinstance(value, list):
        return [_replace(part, found) for part in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _replace(part, found) for key, part in value.items()}
    known = found.get(changed.get("$ref", "")) if isinstance(changed.get("$ref"), str) else None
    if known is None:
        return changed
    del changed["$ref"]
    return {**_replace(known, found), **changed}


def _tidy(schema: Any, name: str = "") -> Any:
    """The schema without titles that only repeat a name, and with the type of an enumeration."""
    if not isinstance(schema, dict):
        return schema
    tidy = dict(schema)
    if name and str(tidy.get("title", "")).replace(" ", "").lower() == _bare(name):
        del tidy["title"]
    for key in tidy.keys() & _INNER.keys():
        tidy[key] = _INNER[key](tidy[key])
    if "enum" in tidy and "type" not in tidy:
        tidy.update(_type_of(tidy["enum"]))
    if tidy.get("required") == []:
        del tidy["required"]
    return tidy


# Where schemas stand inside of one: by name, alone, or in a list. Elsewhere (`default`, `examples`) are values.
_INNER: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_MAPS, lambda parts: {name: _tidy(part, name) for name, part in parts.items()}),
    **dict.fromkeys(_ONES, _tidy),
    **dict.fromkeys(_LISTS, lambda parts: [_tidy(part) for part in parts]),
}


def _type_of(values: list[Any]) -> dict[str, str]:
    kinds = {type(value) for value in values}
    if kinds == {str}:
        return {"type": "string"}
    return {"type": "integer"} if kinds == {int} else {}


def _bare(name: str) -> str:
    return name.replace("_", "").lower()
