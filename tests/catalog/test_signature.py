"""A function's signature: what it takes from JSON, what it refuses and in which words, what it gives back."""

import dataclasses
import datetime
import enum
import functools
import json
import subprocess
import sys
import typing
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import annotated_types
import attrs
import msgspec
import pydantic
import pydantic.dataclasses
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalog.signature import ArgumentError, ResultError, SignatureError, inspect_function
from fairlead.errors import UsageError


class Context:
    """Stands for the real one: the catalog hands its class in."""


class Picture(msgspec.Struct):
    """Stands for a content block."""

    data: str


def look(function, **options):
    return inspect_function(function, context_type=Context, content_types=(Picture,), **options)


def taking(hint, default=msgspec.NODEFAULT):
    """A signature with one parameter `x`."""

    def function(x): ...

    function.__annotations__ = {"x": hint}
    if default is not msgspec.NODEFAULT:
        function.__defaults__ = (default,)
    return look(function)


def giving(hint):
    def function(): ...

    function.__annotations__ = {"return": hint}
    return look(function)


def read(signature, value):
    return signature.decode(json.dumps({"x": value}).encode())["x"]


def refusal(signature, value):
    with pytest.raises(ArgumentError) as caught:
        read(signature, value)
    return caught.value


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass
class Limited:
    n: Annotated[int, annotated_types.Ge(3)]
    tags: list[str] = dataclasses.field(default_factory=list)
    next: "Limited | None" = None


class Row(TypedDict):
    a: int
    b: NotRequired[Annotated[str, annotated_types.MinLen(2)]]


class Pair(NamedTuple):
    left: Annotated[int, annotated_types.Ge(0)]
    right: str = "r"


class Box(msgspec.Struct):
    size: int


@attrs.define
class Crate:
    size: int = attrs.field(validator=attrs.validators.ge(1))
    _label: Annotated[str, annotated_types.MaxLen(3)] = "abc"


class User(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)


class Team(pydantic.BaseModel):
    lead: User
    others: list[User] = []


@dataclasses.dataclass
class Office:
    boss: User
    where: Path = Path("/")


@pydantic.dataclasses.dataclass
class Checked:
    n: int = pydantic.Field(gt=5)


T = typing.TypeVar("T")


@dataclasses.dataclass
class Holder(typing.Generic[T]):
    held: T


@dataclasses.dataclass
class LimitedHolder(typing.Generic[T]):
    held: T
    n: Annotated[int, annotated_types.Ge(1)]


# --- what is read -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "sent", "got"),
    [
        (int, 3, 3),
        (int, 2**70, 2**70),
        (float, 3, 3.0),
        (bool, True, True),
        (str, "é", "é"),
        (int | None, None, None),
        (typing.Optional[int], 4, 4),  # noqa: UP045
        (int | str, "a", "a"),
        (Literal["a", 1], 1, 1),
        (Colour, "red", Colour.RED),
        (list[int], [1], [1]),
        (list, [1, "a"], [1, "a"]),
        (dict, {"a": 1}, {"a": 1}),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (set[int], [1, 1], {1}),
        (frozenset[str], ["a"], frozenset("a")),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (typing.Iterable[int], [1], [1]),
        (typing.Sequence[int], [1], [1]),
        (dict[str, list[tuple[int, Colour]]], {"a": [[1, "red"]]}, {"a": [(1, Colour.RED)]}),
        (Any, {"a": [None]}, {"a": [None]}),
        (object, [1], [1]),
        (datetime.date, "2026-01-02", datetime.date(2026, 1, 2)),
        (datetime.timedelta, "PT5S", datetime.timedelta(seconds=5)),
        (uuid.UUID, "12345678-1234-5678-1234-567812345678", uuid.UUID("12345678-1234-5678-1234-567812345678")),
        (Decimal, "1.10", Decimal("1.10")),
        (bytes, "aGk=", b"hi"),
        (Path, "/a/b", Path("/a/b")),
        (Path | None, "/a", Path("/a")),
        (Point, {"x": 1}, Point(1)),
        (list[Point], [{"x": 1, "y": 2}], [Point(1, 2)]),
        (Row, {"a": 1}, {"a": 1}),
        (Row, {"a": 1, "b": "xy"}, {"a": 1, "b": "xy"}),
        (Pair, [1], Pair(1)),
        (Pair, [1, "b"], Pair(1, "b")),
        (Box, {"size": 2}, Box(2)),
        (Crate, {"size": 2, "_label": "ab"}, Crate(2, "ab")),
        (Limited, {"n": 3, "next": {"n": 4}}, Limited(3, [], Limited(4))),
        (User, {"name": "a", "age": 3}, User(name="a", age=3)),
        (User | None, None, None),
        (dict[str, User], {"k": {"name": "a", "age": 3}}, {"k": User(name="a", age=3)}),
        (Office, {"boss": {"name": "a", "age": 3}}, Office(User(name="a", age=3))),
        (Checked, {"n": 6}, Checked(n=6)),
        (list[Checked], [{"n": 6}], [Checked(n=6)]),
        (pydantic.SecretStr, "s", pydantic.SecretStr("s")),
        (pydantic.PositiveInt, 3, 3),
        # unions that msgspec alone refuses
        (Point | Box, {"size": 1}, Box(1)),
        (User | Box, {"size": 1}, Box(1)),
        (User | str, "a", "a"),
        (datetime.date | str, "2026-01-02", datetime.date(2026, 1, 2)),
        (datetime.date | str, "tomorrow", "tomorrow"),
        (list[Path | int], ["a", 1], [Path("a"), 1]),
        (typing.NewType("Id", int), 3, 3),
        (Holder[int], {"held": 1}, Holder(1)),
    ],
)
def test_json_becomes_what_the_annotation_says(hint, sent, got):
    value = read(taking(hint), sent)
    assert value == got
    assert type(value) is type(got)


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (Annotated[int, msgspec.Meta(ge=1)], 1, 0),
        (Annotated[int, annotated_types.Ge(1)], 1, 0),
        (Annotated[int, annotated_types.Gt(1)], 2, 1),
        (Annotated[int, annotated_types.Le(1)], 1, 2),
        (Annotated[int, annotated_types.Lt(1)], 0, 1),
        (Annotated[float, annotated_types.Interval(ge=0, lt=1.5)], 1.4, 1.5),
        (Annotated[int, annotated_types.MultipleOf(3)], 6, 7),
        (Annotated[str, annotated_types.MinLen(2)], "ab", "a"),
        (Annotated[list[int], annotated_types.Len(1, 2)], [1], [1, 2, 3]),
        (Annotated[str, pydantic.Field(pattern="^a+$")], "aa", "ab"),
        (Annotated[int | None, pydantic.Field(ge=1)], None, 0),
        (Annotated[int | str, pydantic.Field(ge=1, max_length=2)], "ab", "abc"),
        (Annotated[int | str, pydantic.Field(ge=1, max_length=2)], 1, 0),
        (list[Annotated[int, annotated_types.Ge(1)]], [1], [0]),
        (Annotated[int, pydantic.Field(ge=1.0)], 1, 0),
        (Annotated[str, pydantic.StringConstraints(min_length=2)], "ab", "a"),
        (Limited, {"n": 3}, {"n": 2}),
        (dict[str, Limited], {"a": {"n": 3}}, {"a": {"n": 2}}),
        (Limited, {"n": 3, "next": {"n": 3}}, {"n": 3, "next": {"n": 2}}),
        (Row, {"a": 1, "b": "xx"}, {"a": 1, "b": "x"}),
        (Pair, [1, "a"], [-1, "a"]),
        (Crate, {"size": 1}, {"size": 0}),
        (Crate, {"size": 1}, {"size": 1, "_label": "long"}),
        (User, {"name": "a", "age": 0}, {"name": "a", "age": -1}),
        (Checked, {"n": 6}, {"n": 5}),
        # what msgspec cannot limit, pydantic does
        (Annotated[Decimal, pydantic.Field(ge=1)], "1", "0"),
        (Annotated[str, pydantic.AfterValidator(lambda v: v if v == "a" else 1 / 0 if v == "z" else fail())], "a", "b"),
        (Annotated[str, annotated_types.Predicate(str.islower)], "a", "A"),
    ],
)
def test_a_constraint_is_enforced_wherever_it_stands(hint, good, bad):
    signature = taking(hint)
    read(signature, good)
    refusal(signature, bad)


def fail():
    raise ValueError("no")


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, True),
        (bool, 1),
        (int, 1.5),
        (int, "1"),
        (float, "1"),
        (str, 1),
        (list[int], "1"),
        (Path, 1),
        (Path, "a\0b"),
    ],
)
def test_no_value_is_bent_to_fit(hint, value):
    refusal(taking(hint), value)


@pytest.mark.parametrize("raw", [None, msgspec.UNSET, b"{}", b"null", msgspec.Raw(b"{}"), b" null "])
def test_missing_arguments_are_no_arguments(raw):
    def function(a: int = 1): ...

    assert look(function).decode(raw) == {"a": 1}


def test_parameters_may_have_any_name_that_python_allows():
    def function(_x: int, self: int, id: int, type: int, __x: int, cls: int, __dict__: int, __init__: int): ...

    signature = look(function)
    sent = {name: number for number, name in enumerate(signature.names)}
    assert list(sent) == ["_x", "self", "id", "type", "__x", "cls", "__dict__", "__init__"]
    assert signature.decode(json.dumps(sent).encode()) == sent
    assert signature.convert(sent) == sent
    assert list(signature.input_schema["properties"]) == list(sent)


def test_required_parameters_may_follow_optional_ones():
    def function(a: int = 1, *, b: int, c: str = "x"): ...

    assert look(function).decode(b'{"b":2}') == {"a": 1, "b": 2, "c": "x"}


def test_mutable_defaults_are_made_anew_for_each_call():
    signature = taking(list[dict[str, int]], [{"a": 1}])
    signature.decode(b"{}")["x"][0]["a"] = 2
    assert signature.decode(b"{}") == {"x": [{"a": 1}]}


def test_a_default_without_a_place_in_json_stays_itself():
    missing = object()
    signature = taking(int, missing)
    assert signature.decode(b"{}")["x"] is missing
    assert "default" not in signature.input_schema["properties"]["x"]


def test_a_parameter_that_defaults_to_none_may_be_null():
    signature = taking(int, None)
    assert read(signature, None) is None


def test_unknown_arguments_are_refused_unless_told():
    def function(a: int = 1): ...

    with pytest.raises(ArgumentError, match=r"\$\.z: unknown; it takes `a`"):
        look(function).decode(b'{"z":1}')
    assert look(function, extra="ignore").decode(b'{"z":1}') == {"a": 1}
    assert "additionalProperties" not in look(function, extra="ignore").input_schema


def test_text_is_read_as_what_is_wanted_only_when_asked():
    def function(n: int, on: bool, path: Path, tags: list[str] = []): ...  # noqa: B006

    found = {"n": "3", "on": "true", "path": "a"}
    assert look(function).convert(found, strict=False) == {"n": 3, "on": True, "path": Path("a"), "tags": []}
    with pytest.raises(ArgumentError, match=r"\$\.n"):
        look(function).convert(found)


def test_instances_are_taken_from_builtins():
    def function(point: Point, when: datetime.date, user: User): ...

    given_ = {"point": Point(1), "when": datetime.date(2026, 1, 1), "user": User(name="a", age=1)}
    assert look(function).convert(given_) == given_


# --- pydantic's Field ---------------------------------------------------------------------------------


def test_a_field_may_stand_in_the_annotation_or_be_the_default():
    def function(
        a: int = pydantic.Field(ge=1, description="the a", examples=[3]),  # noqa: B008
        b: int = pydantic.Field(5, le=9),
        c: list[int] = pydantic.Field(default_factory=lambda: [1]),  # noqa: B008
        d: Annotated[str, pydantic.Field(alias="from", title="Source", json_schema_extra={"x-order": 1})] = "d",
    ): ...

    signature = look(function)
    assert signature.decode(b'{"a":2}') == {"a": 2, "b": 5, "c": [1], "d": "d"}
    assert signature.decode(b'{"a":2,"from":"x"}')["d"] == "x"
    assert signature.names == ("a", "b", "c", "d")
    assert signature.input_schema["required"] == ["a"]
    properties = signature.input_schema["properties"]
    assert properties["a"] == {"type": "integer", "minimum": 1, "description": "the a", "examples": [3]}
    assert properties["b"] == {"type": "integer", "maximum": 9, "default": 5}
    assert properties["from"] == {"type": "string", "title": "Source", "x-order": 1, "default": "d"}
    with pytest.raises(ArgumentError):
        signature.decode(b'{"a":0}')


def test_two_parameters_with_one_alias_are_refused():
    def function(a: int, b: Annotated[int, pydantic.Field(alias="a")]): ...

    with pytest.raises(SignatureError, match="two parameters are called `a`"):
        look(function)


# --- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "sent", "path", "words"),
    [
        (int, "a", "$.x", "Expected `int`, got `str`"),
        (list[Point], [{"x": 1}, {"x": "a"}], "$.x[1].x", "Expected `int`"),
        (list[Point], [{}], "$.x[0].x", "required, but missing"),
        (Limited, {"n": 3, "next": {"n": 1}}, "$.x.next.n", "Expected `int` >= 3"),
        (dict[str, Limited], {"a": {}}, "$.x[...].n", "required"),
        (User, {"name": "a", "age": -1}, "$.x.age", "greater than or equal to 0"),
        (User, {"age": 1}, "$.x.name", "Field required"),
        (list[Team], [{"lead": {"name": "a", "age": 1}, "others": [{"name": 1}]}], "$.x[0].others[0].name", "string"),
        (Office, {"boss": {"name": "a"}}, "$.x.boss.age", "Field required"),
        (Checked, {"n": 1}, "$.x.n", "greater than 5"),
        (Point | Box, {"size": "a"}, "$.x", "fits none of the alternatives"),
        (list[User | int], ["a"], "$.x[0]", "fits none"),
    ],
)
def test_an_error_says_where_and_what(hint, sent, path, words):
    error = refusal(taking(hint), sent)
    assert error.path == path
    assert error.message == str(error)
    assert error.message.startswith(path + ": ")
    assert words in error.message


def test_an_error_says_what_would_fit():
    assert refusal(taking(int), "a").expected == "int"


def test_an_error_of_pydantic_repeats_no_value():
    class Login(pydantic.BaseModel):
        password: Annotated[str, pydantic.Field(max_length=3)]

    assert "hunter2" not in str(refusal(taking(Login), {"password": "hunter2"}))
    assert "hunter2" not in str(refusal(taking(Login), {"password": ["hunter2"]}))


def test_an_error_stays_short_whatever_was_sent():
    def function(a: int = 1): ...

    with pytest.raises(ArgumentError) as caught:
        look(function).decode(json.dumps({"z" * 100_000: 1}).encode())
    assert len(str(caught.value)) < 1000
    assert len(str(refusal(taking(Colour), "z" * 100_000))) < 1000


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b"[]", b'"a"', b"1", b'{"x":NaN}', b'{"x":1}{', b'{"x":"\\ud800"}']
)
def test_what_is_no_object_of_json_is_an_argument_error(raw):
    with pytest.raises(ArgumentError):
        taking(Any).decode(raw)


def test_nesting_without_end_is_an_argument_error():
    with pytest.raises(ArgumentError, match="nested too deep"):
        taking(Any).decode(b'{"x":' + b"[" * 100_000)


@given(st.binary(max_size=60))
def test_any_bytes_are_arguments_or_an_argument_error(raw):
    try:
        assert set(BYTES_SIGNATURE.decode(raw)) == {"a", "b", "c"}
    except ArgumentError as error:
        assert error.path.startswith("$")


def _bytes_function(a: int = 1, b: Limited | str = "", c: User | None = None): ...


BYTES_SIGNATURE = look(_bytes_function)


# --- functions of every kind --------------------------------------------------------------------------


def test_the_kind_is_how_the_function_runs():
    async def coroutine(): ...

    async def async_generator():
        yield 1

    def generator():
        yield 1

    class Callable_:
        async def __call__(self, a: int): ...

    @functools.wraps(coroutine)
    def unaware(*args):
        return coroutine(*args)

    assert look(coroutine).kind == "async"
    assert look(async_generator).kind == "async_generator"
    assert look(generator).kind == "generator"
    assert look(Callable_()).kind == "async"
    assert look(functools.partial(coroutine)).kind == "async"
    assert look(unaware).kind == "async"
    assert taking(int).kind == "sync"


def test_methods_and_callable_objects_do_not_show_their_self():
    class Desk:
        """The class."""

        def add(self, a: int) -> int:
            """Adds."""

        def __call__(self, b: "int"):
            """Calls."""

        @classmethod
        def make(cls, c: int): ...

        @staticmethod
        def plain(d: int): ...

    assert look(Desk().add).names == ("a",)
    assert look(Desk().add).description == "Adds."
    assert look(Desk()).names == ("b",)
    assert look(Desk()).description == "Calls."
    assert look(Desk.make).names == ("c",)
    assert look(Desk.plain).names == ("d",)


def test_without_a_docstring_there_is_no_description():
    class Silent:
        def __call__(self): ...

    assert taking(int).description is None
    assert look(functools.partial(lambda a: a)).description is None
    assert look(Silent()).description is None


def test_what_a_partial_has_fixed_is_not_offered():
    def fetch(base: str, path: str, key: str = "k"):
        """Fetches."""

    signature = look(functools.partial(fetch, "http://x", key="secret"))
    assert signature.names == ("path",)
    assert signature.description == "Fetches."
    assert "secret" not in json.dumps(signature.input_schema)


def test_a_decorated_function_keeps_its_signature():
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @decorate
    def function(a: "Colour") -> int:
        """Does."""

    signature = look(function)
    assert signature.decode(b'{"a":"red"}') == {"a": Colour.RED}
    assert signature.description == "Does."


def test_the_context_is_no_argument():
    def first(ctx: Context, a: int): ...
    def last(a: int, ctx: Context | None = None): ...
    def text(a: int, ctx: "Context"): ...

    assert [look(f).context for f in (first, last, text, test_the_context_is_no_argument)] == ["ctx"] * 3 + [None]
    assert look(first).names == look(last).names == look(text).names == ("a",)


def test_a_context_that_only_type_checkers_import_is_found():
    namespace = {}
    exec("def function(ctx: 'Context', a: 'int'): ...", namespace)
    assert look(namespace["function"]).context == "ctx"


def test_annotations_as_text_find_local_classes():
    class Local(msgspec.Struct):
        n: int

    def function(a: "Local", b: "list[Local]", c: list["Local"]): ...

    assert look(function).decode(b'{"a":{"n":1},"b":[],"c":[{"n":2}]}') == {"a": Local(1), "b": [], "c": [Local(2)]}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(a: 'Nowhere'): ...", "f: the annotation of parameter `a`, 'Nowhere'"),
        ("def f(a: int, /): ...", "parameter `a` is positional-only"),
        ("def f(*a: int): ...", "parameter `a` takes any number"),
        ("def f(**a: int): ...", "parameter `a` takes any name"),
        ("def f(a: C, b: C): ...", "takes the context twice"),
        ("def f(a: complex): ...", "parameter `a` cannot be an argument"),
        ("def f(a: list[type]): ...", "parameter `a` cannot be an argument"),
        ("def f(a: typing.Callable[[int], int]): ...", "parameter `a` cannot be an argument"),
        ("def f(a: typing.Annotated[int, M(pattern='a')]): ...", "parameter `a` cannot be an argument"),
        ("def f(b: int, a: 'a b'): ...", "parameter `a`"),
        ("class f: ...", "f is a class"),
        ("def f(a: typing.Annotated[int | None, MinLen(2)]): ...", "parameter `a` cannot be an argument"),
        ("def f(a: Holder[typing.Annotated[int, Ge(1)]]): ...", "cannot be limited, being generic"),
        ("def f(a: LimitedHolder[int]): ...", "cannot be limited, being generic"),
        ("f = print", "print"),
    ],
)
def test_what_cannot_be_offered_is_said_with_its_name(source, words):
    namespace = {"C": Context, "typing": typing, "M": msgspec.Meta, "Ge": annotated_types.Ge}
    namespace["MinLen"] = annotated_types.MinLen
    namespace |= {"Holder": Holder, "LimitedHolder": LimitedHolder}
    exec(source, namespace)
    with pytest.raises(SignatureError) as caught:
        look(namespace["f"])
    assert words in str(caught.value)
    assert isinstance(caught.value, UsageError)


# --- results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, 1),
        (str, "é"),
        (float, 1),
        (bool, True),
        (list[int], [1]),
        (tuple[int, str], (1, "a")),
        (Point, Point(1)),
        (Box, Box(1)),
        (Row, {"a": 1}),
        (dict[str, int], {"a": 1}),
        (datetime.date, datetime.date(2026, 1, 1)),
        (int | None, None),
        (Colour, Colour.RED),
        (Crate, Crate(1)),
        (Limited, Limited(3)),
    ],
)
def test_a_result_that_fits_comes_back_as_it_is(hint, value):
    assert giving(hint).check_result(value) is value


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, "1"),
        (int, True),
        (str, 1),
        (str, "\ud800"),
        (float, float("nan")),
        (list[float], [float("inf")]),
        (list[int], ["a"]),
        (Point, Point("a")),  # type: ignore[arg-type]
        (Point, {"y": 1}),
        (Row, {}),
        (Limited, Limited(1)),
        (dict[str, int], {"a": object()}),
        (User, {"name": "a", "age": -1}),
        (list[User], [{"name": "a"}]),
    ],
)
def test_a_result_that_does_not_fit_is_refused(hint, value):
    with pytest.raises(ResultError):
        giving(hint).check_result(value)


def test_models_and_paths_come_back_as_json_has_them():
    assert giving(User).check_result(User(name="a", age=1)) == {"name": "a", "age": 1}
    assert giving(list[User]).check_result([User(name="a", age=1)]) == [{"name": "a", "age": 1}]
    assert giving(dict[str, Any]).check_result({"p": Path("/a")}) == {"p": "/a"}
    assert giving(Path).check_result(Path("/a")) == "/a"


def test_a_model_that_writes_itself_otherwise_than_it_reads_itself_is_a_result():
    class Circle(pydantic.BaseModel, extra="forbid"):
        radius: float = pydantic.Field(validation_alias="r_in", serialization_alias="r_out")

        @pydantic.computed_field
        def area(self) -> float:
            return self.radius**2

    circle = Circle(r_in=2)
    assert giving(Circle).check_result(circle) == {"r_out": 2, "area": 4}
    assert giving(list[Circle]).check_result([circle]) == [{"r_out": 2, "area": 4}]
    assert "area" in giving(Circle).output_schema["properties"]


def test_an_encoded_result_is_wrapped_where_the_schema_is():
    assert bytes(giving(int).encode_result(3)) == b'{"result":3}'
    assert bytes(giving(Point).encode_result(Point(1))) == b'{"x":1,"y":0}'
    with pytest.raises(ResultError):
        giving(int).encode_result("a")


@pytest.mark.parametrize(
    "hint",
    [
        None,
        type(None),
        Any,
        Picture,
        list[Picture],
        Picture | str,
        list[Picture | str],
        Annotated[Picture, "a"],
        complex,
    ],
)
def test_without_a_promise_any_result_passes(hint):
    signature = giving(hint)
    assert signature.output_schema is None
    assert signature.returns is None
    assert not signature.wrapped
    value = object()
    with pytest.raises(ResultError):
        signature.check_result(value)
    assert signature.check_result([1]) == [1]


def test_the_output_schema_can_be_switched_off():
    def function() -> int: ...

    assert look(function, output=False).output_schema is None


def test_a_generator_promises_what_it_returns_at_its_end():
    def steps() -> typing.Generator[str, None, int]:
        yield "a"
        return 1

    async def forever() -> typing.AsyncIterator[int]:
        yield 1

    assert look(steps).output_schema["properties"] == {"result": {"type": "integer"}}
    assert look(forever).output_schema is None


# --- properties ---------------------------------------------------------------------------------------

# Pairs of an annotation and a strategy for its values.
LEAVES = [
    (int, st.integers()),
    (str, st.text(st.characters(exclude_categories=["Cs"]))),
    (bool, st.booleans()),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bytes, st.binary()),
    (datetime.date, st.dates()),
    (datetime.datetime, st.datetimes(timezones=st.just(datetime.UTC))),
    (uuid.UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (Colour, st.sampled_from(Colour)),
    (Path, st.just(Path("/a"))),
    (Point, st.builds(Point, st.integers(), st.integers())),
    (Limited, st.builds(Limited, st.integers(3, 9), st.lists(st.just("tag")))),
    (User, st.builds(User, name=st.just("n"), age=st.integers(0, 2**63))),
]
PAIRS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda pair: (list[pair[0]], st.lists(pair[1], max_size=3))),
        inner.map(lambda pair: (dict[str, pair[0]], st.dictionaries(st.just("k"), pair[1]))),
        inner.map(lambda pair: (pair[0] | None, st.none() | pair[1])),
        st.tuples(inner, inner).map(lambda two: (tuple[two[0][0], two[1][0]], st.tuples(two[0][1], two[1][1]))),
    ),
    max_leaves=4,
)


@given(st.data())
def test_what_is_written_is_read_again(data):
    hint, values = data.draw(PAIRS)
    value = data.draw(values)
    signature = taking(hint)
    sent = msgspec.json.encode({"x": value}, enc_hook=plainly)
    assert signature.decode(sent) == {"x": value}
    assert signature.convert({"x": value}) == {"x": value}
    assert signature.convert(msgspec.json.decode(sent)) == {"x": value}


def plainly(value):
    return str(value) if isinstance(value, Path) else value.model_dump()


# --- purity -------------------------------------------------------------------------------------------


def test_reading_signatures_loads_neither_pydantic_nor_attrs():
    program = """
import sys, dataclasses, typing
from fairlead.catalog.signature import inspect_function
@dataclasses.dataclass
class D: n: int
@dataclasses.dataclass
class Ge: ge: float
def f(a: typing.Annotated[int, Ge(1.0)], d: D, u: D | str, x: typing.Any = None) -> D: ...
s = inspect_function(f, context_type=type("Context", (), {}))
s.decode(b'{"a":1,"d":{"n":1},"u":"a"}')
s.check_result(D(1))
assert s.input_schema["properties"]["a"]["minimum"] == 1
print([m for m in ("pydantic", "attr", "attrs", "annotated_types") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_documentation_of_typing_extensions_is_a_description():
    signature = taking(Annotated[int, typing_extensions.Doc("how many")])
    assert signature.input_schema["properties"]["x"]["description"] == "how many"
