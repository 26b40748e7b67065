"""Types that msgspec does not read by itself: paths, pydantic's, and slots.

A *slot* is a class that stands in an annotation in place of something that msgspec would refuse
or read wrongly: it says how to read a value and of which parts its schema is made. Nothing here
imports pydantic: its types bring it along, and it is found by what they look like and in
`sys.modules`.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal, cast

import msgspec

from fairlead.catalog.faults import MisfitError, SignatureError, locate

Mode = Literal["validation", "serialization"]


class _EverythingIsOne(type):
    # msgspec asks whether what a hook gave is an instance of the slot; what a slot gives may be anything.
    def __instancecheck__(cls, instance: object) -> bool:
        return True


class Slot(metaclass=_EverythingIsOne):
    """A stand-in for a type; never instantiated."""

    parts: tuple[Any, ...] = ()
    pydantic: Any = None

    @staticmethod
    def read(value: Any) -> Any:
        """The value that the function gets; raises `MisfitError`."""
        raise NotImplementedError

    @staticmethod
    def describe(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The schema, out of the schemas of `parts`."""
        return schemas[0]


def make_slot(name: str, read: Callable[[Any], Any], **facts: Any) -> type[Slot]:
    """A new slot; `facts` are `parts`, `describe` and `pydantic`."""
    if "describe" in facts:
        facts["describe"] = staticmethod(facts["describe"])
    return cast("type[Slot]", _EverythingIsOne(name, (Slot,), {"read": staticmethod(read), **facts}))


def is_slot(hint: object) -> bool:
    """Whether this was made by `make_slot`."""
    return type(hint) is _EverythingIsOne


def convert(value: Any, hint: Any) -> Any:
    """Builtins to `hint` with the strictness of JSON, for use in a slot; raises `MisfitError`."""
    try:
        return msgspec.convert(value, hint, dec_hook=read_foreign, str_keys=True)
    except msgspec.ValidationError as error:
        # msgspec would let its own error through as it is, without the path up to here.
        path, text = locate(error)
        raise MisfitError(text, path=path) from None


def read_foreign(hint: Any, value: Any) -> Any:
    """msgspec's `dec_hook`."""
    if is_slot(hint):
        return hint.read(value)
    if is_model(hint):
        return value if isinstance(value, hint) else _validated(hint.__pydantic_validator__, value)
    if isinstance(hint, type) and issubclass(hint, PurePath):
        return _path(hint, value)
    raise SignatureError(f"values of {hint!r} cannot be read from JSON")


def write_foreign(value: Any) -> Any:
    """msgspec's `enc_hook`; raises NotImplementedError for what is no JSON."""
    if isinstance(value, PurePath):
        return str(value)
    serializer = getattr(type(value), "__pydantic_serializer__", None)
    if serializer is not None:
        return serializer.to_python(value, mode="json", by_alias=True)
    if is_pydantic(type(value)):
        return adapter(type(value)).dump_python(value, mode="json", by_alias=True)
    raise NotImplementedError(f"a value of type {type(value).__name__} is no JSON")


def _path(hint: type[PurePath], value: Any) -> PurePath:
    if isinstance(value, PurePath):
        return hint(value)
    if not isinstance(value, str):
        raise MisfitError(f"Expected `str`, got `{type(value).__name__}`")
    if "\0" in value:
        raise MisfitError("a path holds no NUL")
    return hint(value)


# pydantic, by its looks


def is_model(hint: object) -> bool:
    """A pydantic model: msgspec leaves it to the hooks."""
    return hasattr(hint, "__pydantic_validator__") and not hasattr(hint, "__dataclass_fields__")


def is_pydantic(hint: object) -> bool:
    """A type that only pydantic knows to read (SecretStr, AnyUrl, a pydantic dataclass), and pydantic is loaded."""
    if "pydantic" not in sys.modules or not isinstance(hint, type):
        return False
    return hasattr(hint, "__get_pydantic_core_schema__") or hasattr(hint, "__pydantic_validator__")


def adapter(hint: Any) -> Any:
    """pydantic's `TypeAdapter`; only for what `is_pydantic` or `pydantic_can` let through."""
    pydantic = sys.modules["pydantic"]
    try:
        return pydantic.TypeAdapter(hint)
    except (RuntimeError, NameError, TypeError) as error:
        raise SignatureError(f"pydantic does not take {hint!r}: {error}") from error


def pydantic_slot(hint: Any) -> type[Slot]:
    """A slot that leaves reading and describing to pydantic."""
    reader = adapter(hint)
    accepted = hint if isinstance(hint, type) else ()

    def read(value: Any) -> Any:
        return value if isinstance(value, accepted) else _validated(reader.validator, value)

    return make_slot(getattr(hint, "__name__", "Value"), read, pydantic=reader)


def _validated(validator: Any, value: Any) -> Any:
    # pydantic is stricter and kinder in the right places where it reads JSON than where it reads objects.
    pydantic_error = sys.modules["pydantic_core"].ValidationError
    try:
        return validator.validate_json(msgspec.json.encode(value, enc_hook=write_foreign))
    except pydantic_error as error:
        raise _misfit(error.errors(include_url=False, include_context=False, include_input=False)) from None


def _misfit(problems: Sequence[Mapping[str, Any]]) -> MisfitError:
    # Only `loc` and `msg`: the text of the exception repeats the input, secrets too.
    first, *others = problems
    text = str(first["msg"])
    for other in others[:2]:
        text += f"; {_join(other['loc'])[2:]}: {other['msg']}"
    if len(others) > 2:
        text += f"; and {len(others) - 2} more"
    return MisfitError(text, path=_join(first["loc"]))


def _join(loc: Iterable[str | int]) -> str:
    path = "$"
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        elif "(" not in step and "[" not in step:  # pydantic's own names for a branch of a union
            path += f".{step}"
    return path


def pydantic_schemas(found: Mapping[Any, Any], mode: Mode) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Schemas of pydantic types by key, and their `$defs`, with the names made unique among themselves."""
    if not found:
        return {}, {}
    type_adapter = sys.modules["pydantic"].TypeAdapter
    inputs = [(key, mode, value) for key, value in found.items()]
    try:
        schemas, rest = type_adapter.json_schemas(inputs, ref_template="#/$defs/{model}")
    except (RuntimeError, NameError, TypeError) as error:
        raise SignatureError(f"pydantic has no JSON Schema for it: {error}") from error
    return {key: schema for (key, _), schema in schemas.items()}, rest.get("$defs", {})
