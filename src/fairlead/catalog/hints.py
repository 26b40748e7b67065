"""Annotations as people write them -> annotations as msgspec reads them.

`Hints.plain` keeps what msgspec understands and rewrites the rest: constraints of
annotated_types and of pydantic's `Field`, descriptions, unions that msgspec refuses, and classes
(dataclass, attrs, TypedDict, NamedTuple) that hold any of these in their fields. A constraint is
enforced or refused with `SignatureError`: none is dropped. Structs stay as msgspec takes them.
"""

import collections.abc as abc
import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Final, ForwardRef, Literal, Union, get_args, get_origin

import msgspec

from fairlead.catalog.constraints import limits, misplaced, needs_pydantic, notes, spread
from fairlead.catalog.faults import MisfitError, SignatureError
from fairlead.catalog.foreign import (
    Slot,
    convert,
    is_model,
    is_pydantic,
    is_slot,
    make_slot,
    pydantic_slot,
    read_foreign,
)
from fairlead.catalog.records import Record, record_of

_READ_AS_LIST: Final = (abc.Iterable, abc.Iterator, abc.Reversible, abc.Container)


class _Changed:
    """Stands for a class that has to be rewritten, while that is only being asked."""


def readable(hint: Any) -> bool:
    """Whether msgspec takes the annotation."""
    try:
        msgspec.json.Decoder(hint, dec_hook=read_foreign)
    except (TypeError, NameError):
        return False
    return True


class Hints:
    """Rewrites annotations; remembers the classes that it has rewritten."""

    def __init__(self) -> None:
        self._slots: dict[type, type[Slot]] = {}
        self._as_they_are: set[type] = set()
        self._asking: set[type] | None = None

    def plain(self, hint: Any) -> Any:
        """The annotation for msgspec; raises `SignatureError` for what cannot be enforced."""
        if hint is object:
            return Any
        if isinstance(hint, (str, ForwardRef)):
            raise SignatureError(f"{hint!r} cannot be resolved: define or import it before the function")
        origin = get_origin(hint)
        if origin is Annotated:
            return self._annotated(hint)
        if origin in (Union, types.UnionType):
            return self._union([self.plain(member) for member in get_args(hint)])
        if origin is Literal:
            return hint
        if origin is not None:
            return self._generic(hint, origin)
        if type(hint).__name__ == "TypeAliasType":
            return self.plain(hint.__value__)
        if supertype := getattr(hint, "__supertype__", None):
            return self.plain(supertype)
        return self._class(hint) if isinstance(hint, type) else hint

    def _generic(self, hint: Any, origin: Any) -> Any:
        given = get_args(hint)
        if origin in _READ_AS_LIST:
            origin, hint = list, None
        if is_model(origin) or not isinstance(origin, type):
            return hint
        arguments = tuple(a if a is ... else self.plain(a) for a in given)
        if hasattr(origin, "__parameters__"):
            if any(map(_differs, arguments, given)) or _differs(self.plain(origin), origin):
                raise SignatureError(
                    f"{hint!r} cannot be limited, being generic: make a class of it without parameters"
                )
            return hint
        if hint is not None and all(new is old for new, old in zip(arguments, given, strict=True)):
            return hint
        generic: Any = origin
        return generic[arguments]

    def _union(self, members: list[Any]) -> Any:
        # Joined by Union and not by |, which classes with a metaclass of their own may not have.
        union: Any = Union[tuple(members)]  # noqa: UP007
        if readable(union):
            return union
        for member in members:
            check_readable(member)
        return make_slot("Union", _first_that_fits(members), parts=tuple(members), describe=_any_of)

    # Annotated

    def _annotated(self, hint: Any) -> Any:
        base, *metadata = get_args(hint)
        facts = list(spread(metadata))
        if any(needs_pydantic(fact) for fact in facts):
            return self._by_pydantic(hint)
        plain = self.plain(base)
        described = [meta for fact in facts for meta in notes(fact)]
        bounds = [meta for fact in facts for meta in limits(fact)]
        if bounds:
            try:
                plain = self._limited(plain, base, bounds)
            except SignatureError:
                if "pydantic" in sys.modules and not misplaced(self._members(base), bounds, readable):
                    return self._by_pydantic(hint)
                raise
        return Annotated[(plain, *described)] if described else plain

    def _by_pydantic(self, hint: Any) -> Any:
        return _Changed if self._asking is not None else pydantic_slot(hint)

    def _members(self, base: Any) -> list[Any]:
        union = get_origin(base) in (Union, types.UnionType)
        return [self.plain(member) for member in (get_args(base) if union else [base])]

    def _limited(self, plain: Any, base: Any, bounds: list[msgspec.Meta]) -> Any:
        if get_origin(base) not in (Union, types.UnionType):
            limited = Annotated[(plain, *bounds)]
            check_readable(limited)
            return limited
        taken: set[int] = set()
        members = []
        for member in self._members(base):
            fitting = [n for n, bound in enumerate(bounds) if readable(Annotated[member, bound])]
            taken.update(fitting)
            members.append(Annotated[(member, *(bounds[n] for n in fitting))] if fitting else member)
        if len(taken) < len(bounds):
            raise SignatureError(f"no member of {base!r} can be limited by all of {bounds!r}")
        return self._union(members)

    # classes

    def _class(self, cls: type) -> Any:
        if cls in self._slots:
            return self._slots[cls]
        if is_slot(cls) or is_model(cls) or cls in self._as_they_are:
            return cls
        if is_pydantic(cls):
            return self._slots.setdefault(cls, pydantic_slot(cls))
        record = record_of(cls)
        if record is None:
            return cls
        if self._asking is not None:
            return self._ask(cls, record)
        if not self._must_change(cls, record):
            return cls
        return self._rewrite(cls, record)

    def _ask(self, cls: type, record: Record) -> type:
        # A class that is being asked about already says nothing new: its own fields decide.
        asking = self._asking
        if asking is None or cls in asking:
            return cls
        asking.add(cls)
        if record.unreadable:
            return _Changed
        hints = [field.hint for field in record.fields]
        changed = any(_differs(self.plain(hint), hint) for hint in hints)
        return _Changed if changed else cls

    def _must_change(self, cls: type, record: Record) -> bool:
        self._asking = set()
        try:
            if self._ask(cls, record) is _Changed:
                return True
            self._as_they_are |= self._asking
            return False
        finally:
            self._asking = None

    def _rewrite(self, cls: type, record: Record) -> type[Slot]:
        def read(value: Any) -> Any:
            return value if record.is_instance(value) else record.build(convert(value, slot.parts[0]))

        slot = make_slot(cls.__name__, read)
        self._slots[cls] = slot  # before its fields: they may name the class itself
        slot.parts = (record.struct([self.plain(field.hint) for field in record.fields]),)
        return slot


def check_readable(hint: Any) -> None:
    """Raises `SignatureError` with msgspec's reason."""
    try:
        msgspec.json.Decoder(hint, dec_hook=read_foreign)
    except (TypeError, NameError) as error:
        raise SignatureError(str(error).partition("\n")[0]) from error


def _differs(new: Any, old: Any) -> bool:
    # Equal hints may be different objects: Union[...] is built anew each time.
    return new is not old and new != old


def _first_that_fits(members: list[Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        reasons = []
        for member in members:
            try:
                return convert(value, member)
            except MisfitError as error:
                reasons.append(error.message if error.path == "$" else f"{error.message} at `{error.path[2:]}`")
        raise MisfitError("fits none of the alternatives: " + "; ".join(dict.fromkeys(reasons)))

    return read


def _any_of(schemas: typing.Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"anyOf": list(schemas)}
