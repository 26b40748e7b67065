"""What stands beside a type in `Annotated`: descriptions and constraints, whoever wrote them.

msgspec's Meta, annotated_types, pydantic's `Field` and `StringConstraints`, `Doc` and plain text are told
apart by their looks and become msgspec's Meta. What is no constraint and no description is not judged
here: it may be meant for another library.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import NoneType
from typing import Annotated, Any, Final

import msgspec

from fairlead.catalog.faults import SignatureError

_CONSTRAINTS: Final = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")
# Facts of pydantic's metadata that change nothing here: reading is strict, unions try every branch.
_WITHOUT_EFFECT: Final = frozenset({"strict", "discriminator", "union_mode", "fail_fast"})


_KINDS: Final = (msgspec.Meta(ge=1), msgspec.Meta(min_length=1), msgspec.Meta(pattern=""))


def is_field(value: object) -> bool:
    """Whether this is what pydantic's `Field(...)` makes."""
    return all(hasattr(value, name) for name in ("is_required", "metadata", "default_factory", "json_schema_extra"))


def spread(metadata: Iterable[Any]) -> Iterator[Any]:
    """Every fact, and those inside of a `Field`."""
    for fact in metadata:
        yield fact
        if is_field(fact):
            yield from fact.metadata


def needs_pydantic(fact: Any) -> bool:
    """Whether only pydantic can do what the fact says (a validator, a number of digits), and it is loaded."""
    if "pydantic" not in sys.modules or is_field(fact) or isinstance(fact, (type, msgspec.Meta)):
        return False
    if hasattr(fact, "__get_pydantic_core_schema__"):
        return True
    if not type(fact).__module__.startswith(("pydantic", "annotated_types")):
        return False
    facts = {name for name, value in getattr(fact, "__dict__", {}).items() if value is not None}
    if type(fact).__name__ in ("Predicate", "Not", "Timezone"):
        return True
    return not facts <= _WITHOUT_EFFECT.union(_CONSTRAINTS)


def notes(fact: Any) -> Iterator[msgspec.Meta]:
    """What describes, and Meta as it is."""
    if isinstance(fact, str):
        yield msgspec.Meta(description=fact)
    elif isinstance(fact, msgspec.Meta):
        yield fact
    elif is_field(fact):
        extra = fact.json_schema_extra if isinstance(fact.json_schema_extra, dict) else None
        yield msgspec.Meta(
            title=fact.title, description=fact.description, examples=fact.examples, extra_json_schema=extra
        )
    elif isinstance(getattr(fact, "documentation", None), str):
        yield msgspec.Meta(description=fact.documentation)


def limits(fact: Any) -> Iterator[msgspec.Meta]:
    """What limits; raises `SignatureError` for a constraint that cannot be kept."""
    if isinstance(fact, (str, type, msgspec.Meta)) or is_field(fact):
        return
    if callable(getattr(fact, "func", None)) and type(fact).__module__ == "annotated_types":
        raise SignatureError(f"{fact!r} is not enforced here: check the value inside the function")
    for name in _CONSTRAINTS:
        value: Any = getattr(fact, name, None)
        if value is None or (name == "min_length" and value == 0) or callable(value):
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # msgspec limits an int by an int alone
        if isinstance(value, re.Pattern):
            value = value.pattern
        try:
            limit: dict[str, Any] = {name: value}
            yield msgspec.Meta(**limit)
        except (TypeError, ValueError) as error:
            raise SignatureError(f"{name}={value!r}: {error}") from error


def misplaced(members: Sequence[Any], bounds: Sequence[msgspec.Meta], readable: Callable[[Any], bool]) -> bool:
    """Whether a bound is of a kind that none of the members can have: a length of an int, a range of a str.

    Members of which msgspec limits none in any way (Decimal, datetime) are not judged.
    """
    members = [member for member in members if member not in (None, NoneType)]
    kinds = [[readable(Annotated[member, kind]) for kind in _KINDS] for member in members]
    if not all(map(any, kinds)):
        return False
    wanted = [(0 if bound.min_length is None and bound.max_length is None else 1) for bound in bounds]
    wanted = [2 if bound.pattern is not None else kind for kind, bound in zip(wanted, bounds, strict=True)]
    return any(not any(kind[index] for kind in kinds) for index in wanted)
