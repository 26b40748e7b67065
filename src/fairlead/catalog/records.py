"""Classes with fields: dataclasses, attrs classes, TypedDicts and NamedTuples, seen alike.

Used for the ones that msgspec would read past (a constraint that it does not know in a field,
a default that is no JSON): a Struct with the same fields reads the value, the class builds it.
Structs and pydantic models are no records here: msgspec and pydantic take them as they are.
"""

import copy
import dataclasses
import inspect
import keyword
import typing
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from fairlead.catalog.foreign import write_foreign

_AS_THEY_ARE = (int, float, str, bytes, bool, type(None), msgspec.UnsetType)
# By name: on an older Python these come from typing_extensions.
_QUALIFIERS = ("Required", "NotRequired", "ReadOnly")
_CONTAINERS = (list, dict, set, bytearray)


class Field(typing.NamedTuple):
    """One field, or one parameter: `encoded` is its name in JSON."""

    name: str
    encoded: str
    hint: Any
    default: Any = msgspec.NODEFAULT


class Record(typing.NamedTuple):
    """What to read, and how to build the author's own class out of it."""

    cls: type
    fields: list[Field]
    build: Callable[[Any], Any]
    array: bool
    unreadable: bool  # msgspec would fail on it: a default that is no JSON

    def is_instance(self, value: object) -> bool:
        """Whether the value was built by the class; a TypedDict is only a dict, and says nothing."""
        return not _is_typed_dict(self.cls) and isinstance(value, self.cls)

    def struct(self, hints: Sequence[Any]) -> type[msgspec.Struct]:
        """The Struct that reads the fields as `hints`."""
        fields = [field._replace(hint=hint) for field, hint in zip(self.fields, hints, strict=True)]
        return make_struct(self.cls.__name__, fields, array_like=self.array, doc=_own_doc(self.cls))


def make_struct(
    name: str, fields: Sequence[Field], *, array_like: bool = False, forbid: bool = False, doc: str | None = None
) -> type[msgspec.Struct]:
    """A Struct with these fields in this order; mutable defaults are copied each time."""
    rows = [
        (attribute, field.hint, msgspec.field(name=field.encoded, **_default(field.default)))
        for attribute, field in zip(attributes([field.name for field in fields]), fields, strict=True)
    ]
    return msgspec.defstruct(
        name,
        rows,
        namespace={"__doc__": doc} if doc else None,
        array_like=array_like,
        forbid_unknown_fields=forbid,
        kw_only=not array_like,
        gc=False,  # lives from the decoder to the call, and is in no cycle
    )


def attributes(names: Sequence[str]) -> list[str]:
    """A name of a Struct's attribute for each: itself where Python and msgspec allow it."""
    taken = set(names)
    chosen = []
    for number, name in enumerate(names):
        while name.startswith("__") or keyword.iskeyword(name) or not name.isidentifier():
            name = f"field_{number}"
            while name in taken:
                name += "_"
        chosen.append(name)
    return chosen


def _default(value: Any) -> dict[str, Any]:
    if value is msgspec.NODEFAULT:
        return {}
    if type(value) in _AS_THEY_ARE:
        return {"default": value}
    if isinstance(value, _CONTAINERS):
        return {"default_factory": lambda: copy.deepcopy(value)}
    if isinstance(value, Factory):
        return {"default_factory": value.make}
    return {"default_factory": lambda: value}


class Factory(typing.NamedTuple):
    """A default that is made anew for every call."""

    make: Callable[[], Any]


_LEFT_OUT = msgspec.UNSET  # the author's class fills in its own default


def record_of(cls: type) -> Record | None:
    """The record, or None where the class is none; raises NameError for an annotation that leads nowhere."""
    if issubclass(cls, msgspec.Struct):
        return None
    if _is_typed_dict(cls):
        return _typed_dict(cls)
    if dataclasses.is_dataclass(cls):
        return _dataclass(cls)
    if hasattr(cls, "__attrs_attrs__"):
        return _attrs(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_field_defaults"):
        return _named_tuple(cls)
    return None


def _is_typed_dict(cls: type) -> bool:
    return issubclass(cls, dict) and hasattr(cls, "__required_keys__")


def _by_keyword(cls: type, names: Sequence[str], inits: Sequence[str]) -> Callable[[Any], Any]:
    pairs = list(zip(attributes(names), inits, strict=True))

    def build(struct: Any) -> Any:
        values = ((init, getattr(struct, attribute)) for attribute, init in pairs)
        return cls(**{init: value for init, value in values if value is not _LEFT_OUT})

    return build


def _optional(value: Any) -> Any:
    return value if type(value) in _AS_THEY_ARE else _LEFT_OUT


def _dataclass(cls: Any) -> Record:
    hints = typing.get_type_hints(cls, include_extras=True)
    fields, unreadable = [], False
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        default: Any = msgspec.NODEFAULT
        if field.default is not dataclasses.MISSING:
            default = _optional(field.default)
            unreadable = unreadable or not _encodable(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            default = _LEFT_OUT
        fields.append(Field(field.name, field.name, hints[field.name], default))
    names = [field.name for field in fields]
    return Record(cls, fields, _by_keyword(cls, names, names), False, unreadable)


def _attrs(cls: Any) -> Record:
    hints = typing.get_type_hints(cls, include_extras=True)
    fields, inits, unreadable = [], [], False
    for field in cls.__attrs_attrs__:
        if not field.init:
            continue
        default: Any = msgspec.NODEFAULT
        if type(field.default).__name__ == "Factory":
            default = _LEFT_OUT
        elif type(field.default).__name__ != "_Nothing":
            default = _optional(field.default)
            unreadable = unreadable or not _encodable(field.default)
        fields.append(Field(field.name, field.name, hints.get(field.name, Any), default))
        inits.append(field.alias)
    return Record(cls, fields, _by_keyword(cls, [field.name for field in fields], inits), False, unreadable)


def _typed_dict(cls: Any) -> Record:
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = []
    for name, hint in hints.items():
        while getattr(typing.get_origin(hint), "_name", None) in _QUALIFIERS:
            hint = typing.get_args(hint)[0]
        default: Any = msgspec.NODEFAULT if name in cls.__required_keys__ else _LEFT_OUT
        fields.append(Field(name, name, hint, default))
    names = [field.name for field in fields]
    return Record(cls, fields, _by_keyword(dict, names, names), False, False)


def _named_tuple(cls: Any) -> Record:
    hints = typing.get_type_hints(cls, include_extras=True)
    given = cls._field_defaults
    fields = [Field(name, name, hints.get(name, Any), given.get(name, msgspec.NODEFAULT)) for name in cls._fields]
    unreadable = not all(_encodable(value) for value in given.values())

    def build(struct: Any) -> Any:
        return cls(*msgspec.structs.astuple(struct))

    return Record(cls, fields, build, True, unreadable)


def _encodable(value: Any) -> bool:
    try:
        msgspec.to_builtins(value)
    except (TypeError, ValueError):
        return False
    return True


def as_json(value: Any) -> Any:
    """The value as builtins that JSON has, or NODEFAULT where there are none."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value, enc_hook=write_foreign))
    except (TypeError, ValueError, NotImplementedError, RecursionError):
        return msgspec.NODEFAULT


def _own_doc(cls: type) -> str | None:
    # A dataclass without a docstring has its signature for one.
    doc = cls.__dict__.get("__doc__")
    return inspect.cleandoc(doc) if doc and not doc.startswith(f"{cls.__name__}(") else None
