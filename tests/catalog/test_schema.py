"""The schemas of arguments and results: their form, and that they accept what decoding accepts."""

import dataclasses
import datetime
import enum
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import annotated_types
import attrs
import jsonschema_rs
import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalog.schema import elicitation_schema, input_schema, output_schema
from fairlead.catalog.signature import ArgumentError, SignatureError, inspect_function


class Context: ...


def look(function):
    return inspect_function(function, context_type=Context, content_types=())


def taking(hint):
    def function(x): ...

    function.__annotations__ = {"x": hint}
    return look(function)


def giving(hint):
    def function(): ...

    function.__annotations__ = {"return": hint}
    return look(function)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass
class Limited:
    """A limited thing."""

    n: Annotated[int, annotated_types.Ge(3), "how many"]
    next: "Limited | None" = None


class Tree(msgspec.Struct):
    leaf: int
    children: list["Tree"] = []


class Row(TypedDict):
    a: int
    b: NotRequired[Annotated[str, annotated_types.MinLen(2)]]


class Pair(NamedTuple):
    left: Annotated[int, annotated_types.Ge(0)]
    right: str = "r"


@attrs.define
class Crate:
    size: int


class Able(pydantic.BaseModel):
    """Comes after Point, being pydantic's, and before it in the schema."""

    a: int


class User(pydantic.BaseModel):
    first_name: str
    age: int = pydantic.Field(ge=0)
    boss: "User | None" = None


def same_name():
    class Point(pydantic.BaseModel):
        z: str

    return Point


Namesake = same_name()


# --- form ---------------------------------------------------------------------------------------------


def test_the_arguments_stand_at_the_root():
    def function(a: int, b: list[Point], c: str = "c"):
        """Does.

        Args:
            a: the a
            b: the points
        """

    assert look(function).input_schema == {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "the a"},
            "b": {"type": "array", "items": {"$ref": "#/$defs/Point"}, "description": "the points"},
            "c": {"type": "string", "default": "c"},
        },
        "required": ["a", "b"],
        "additionalProperties": False,
        "$defs": {
            "Point": {
                "type": "object",
                "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
                "required": ["x"],
            }
        },
    }


def test_no_arguments_are_an_empty_object():
    assert look(lambda: None).input_schema == {"type": "object", "properties": {}, "additionalProperties": False}


def test_the_annotation_describes_before_the_docstring():
    def function(
        a: Annotated[int, "from the annotation"], b: int, c: Annotated[Point | None, pydantic.Field(title="C")]
    ):
        """:param a: from the docstring
        :param b: from the docstring
        :param c: from the docstring
        """

    properties = look(function).input_schema["properties"]
    assert properties["a"]["description"] == "from the annotation"
    assert properties["b"]["description"] == "from the docstring"
    assert properties["c"]["description"] == "from the docstring"


def test_a_parameter_that_may_be_null_keeps_its_description():
    def function(a: Annotated[int, "how many"] = None): ...

    assert look(function).input_schema["properties"]["a"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}],
        "description": "how many",
        "default": None,
    }


def test_constraints_are_told():
    hint = Annotated[int | None, annotated_types.Ge(1), annotated_types.Lt(9), annotated_types.MultipleOf(2)]
    assert taking(hint).input_schema["properties"]["x"] == {
        "anyOf": [{"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "multipleOf": 2}, {"type": "null"}]
    }


def test_defaults_are_told_as_json():
    def function(a: Colour = Colour.RED, b: Path = Path("/a"), c: list[int] = [1], d: Point = Point(1)): ...  # noqa: B006, B008

    properties = look(function).input_schema["properties"]
    assert [properties[name]["default"] for name in "abcd"] == ["red", "/a", [1], {"x": 1, "y": 0}]


def test_an_enumeration_has_its_type():
    assert taking(Colour).input_schema["$defs"]["Colour"] == {"enum": ["blue", "red"], "type": "string"}
    assert taking(Literal[1, 2]).input_schema["properties"]["x"] == {"enum": [1, 2], "type": "integer"}


def test_titles_that_repeat_a_name_are_left_out():
    assert '"title"' not in json.dumps(taking(list[User | Point | Row | Limited]).input_schema)


def test_a_property_that_is_called_title_stays():
    @dataclasses.dataclass
    class Book:
        title: str
        properties: int = 0

    book = taking(Book).input_schema["$defs"]["Book"]
    assert book["properties"] == {"title": {"type": "string"}, "properties": {"type": "integer", "default": 0}}


def test_definitions_of_pydantic_are_hoisted_and_keep_their_names_apart():
    schema = taking(tuple[Point, Namesake, User]).input_schema
    assert list(schema["$defs"]) == ["Point", "Point_2", "User"]
    assert schema["$defs"]["Point_2"]["properties"] == {"z": {"type": "string"}}
    items = schema["properties"]["x"]["prefixItems"]
    assert [item["$ref"].removeprefix("#/$defs/") for item in items] == ["Point", "Point_2", "User"]
    assert {"$ref": "#/$defs/User"} in schema["$defs"]["User"]["properties"]["boss"]["anyOf"]


def test_definitions_stand_in_order():
    assert list(taking(tuple[User, Point, Able, Limited]).input_schema["$defs"]) == ["Able", "Limited", "Point", "User"]


def test_a_class_that_was_rewritten_keeps_its_name_and_its_docstring():
    schema = taking(Limited).input_schema
    assert schema["$defs"]["Limited"]["description"] == "A limited thing."
    assert schema["$defs"]["Limited"]["properties"]["n"] == {
        "type": "integer",
        "minimum": 3,
        "description": "how many",
    }
    assert schema["properties"]["x"] == {"$ref": "#/$defs/Limited"}


@pytest.mark.parametrize(
    "hint",
    [Point, Limited, Tree, Row, Pair, Crate, User, Namesake, Path, Point | User, list[Limited | str], Any, set[int]]
    + [pydantic.SecretStr, Annotated[str, pydantic.Field(max_digits=3)] | int],
)
def test_every_schema_is_one_and_every_reference_leads_somewhere(hint):
    for schema in (taking(hint).input_schema, giving(hint).output_schema or {}):
        jsonschema_rs.Draft202012Validator(schema)
        assert "stand-in" not in json.dumps(schema)
        assert jsonschema_rs.meta.is_valid({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_the_order_does_not_depend_on_the_run():
    program = """
import json, typing, dataclasses, enum, datetime
from fairlead.catalog.signature import inspect_function
class C(enum.Enum): b = "b"; a = "a"; z = "z"
@dataclasses.dataclass
class D: n: int
@dataclasses.dataclass
class A: d: D; c: C
def f(x: A, y: D | str | None, z: typing.Literal["q", "b", 3, None], w: int | str | float | list[C] | bool) -> A: ...
s = inspect_function(f, context_type=type("Context", (), {}))
print(json.dumps([s.input_schema, s.output_schema]))
"""
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1


# --- results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hint", [Point, Limited, Row, Tree, Crate, User, dict, dict[str, int], dict[int, Point]])
def test_an_object_is_not_wrapped(hint):
    signature = giving(hint)
    assert not signature.wrapped
    assert signature.output_schema["type"] == "object"
    assert "$ref" not in signature.output_schema


@pytest.mark.parametrize(
    "hint", [int, str, bool, float, bytes, list, list[Point], Point | None, int | str, Pair, Colour, Path, Point | User]
)
def test_what_is_no_object_is_wrapped(hint):
    signature = giving(hint)
    assert signature.wrapped
    assert signature.output_schema["type"] == "object"
    assert list(signature.output_schema["properties"]) == ["result"]
    assert signature.output_schema["required"] == ["result"]


def test_the_docstring_describes_the_result():
    def number() -> int:
        """Counts.

        Returns:
            How many.
        """

    def point() -> Point:
        """:return: Where."""

    assert look(number).output_schema["properties"]["result"] == {"type": "integer", "description": "How many."}
    assert look(point).output_schema["description"] == "Where."


@given(st.data())
def test_a_result_that_passes_fits_its_schema(data):
    hint = data.draw(st.sampled_from([Point, Limited, Row, Pair, User, list[Point | User], dict[str, Colour]]))
    value = data.draw(st.from_type(hint))
    signature = giving(hint)
    try:
        raw = signature.encode_result(value)
    except ValueError:
        return
    assert jsonschema_rs.is_valid(signature.output_schema, msgspec.json.decode(raw))


def test_schemas_can_be_had_without_a_function():
    assert output_schema(int) == (
        {"type": "object", "properties": {"result": {"type": "integer"}}, "required": ["result"]},
        True,
    )
    arguments = msgspec.defstruct("A", [("a", int)])
    assert input_schema(arguments, {"a": "x"})["properties"] == {"a": {"type": "integer", "description": "x"}}
    with pytest.raises(SignatureError):
        output_schema(complex)


# --- the same judgement -------------------------------------------------------------------------------

JUDGED = [
    int,
    bool,
    str,
    int | None,
    Literal["a", 1],
    Colour,
    list[int],
    dict[str, bool],
    tuple[int, str],
    Annotated[int, annotated_types.Interval(ge=2, lt=5)],
    Annotated[str, annotated_types.Len(1, 2)],
    Annotated[str, pydantic.Field(pattern="^a+$")],
    Annotated[list[int] | None, annotated_types.MinLen(1)],
    Annotated[int, annotated_types.MultipleOf(3)],
    Point,
    Limited,
    Tree,
    Row,
    Pair,
    Crate,
    Point | Crate,
    list[Point | str],
    dict[str, Limited | int],
]
SMALL = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 7), st.text("a1", max_size=3), st.sampled_from(["red", 1.5])
)
KEYS = st.sampled_from(["x", "y", "n", "next", "a", "b", "leaf", "children", "size"])
SOME_JSON = st.recursive(
    SMALL, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


@pytest.mark.parametrize("hint", JUDGED)
def test_the_schema_accepts_exactly_what_decoding_accepts(hint):
    signature = taking(hint)
    validator = jsonschema_rs.Draft202012Validator(signature.input_schema)

    @given(SOME_JSON | fitting(signature.input_schema))
    def judge(value):
        sent = {"x": value}
        try:
            signature.decode(msgspec.json.encode(sent))
            accepted = True
        except ArgumentError:
            accepted = False
        assert validator.is_valid(sent) == accepted, sent

    judge()


def fitting(schema):
    """Values in the shape of the schema, most of which fit."""
    definitions = schema.get("$defs", {})

    def of(part, depth):
        if "$ref" in part:
            return of(definitions[part["$ref"].removeprefix("#/$defs/")], depth)
        if "anyOf" in part:
            return st.one_of([of(one, depth) for one in part["anyOf"]])
        if "enum" in part:
            return st.sampled_from(part["enum"])
        if part.get("type") == "object" and "properties" in part and depth:
            fields = {name: of(field, depth - 1) for name, field in part["properties"].items()}
            needed = {name: fields.pop(name) for name in part.get("required", ())}
            return st.fixed_dictionaries(needed, optional=fields)
        if part.get("type") == "array" and depth:
            if "prefixItems" in part:
                return st.tuples(*[of(one, depth - 1) for one in part["prefixItems"]]).map(list)
            return st.lists(of(part.get("items") or {}, depth - 1), max_size=3)
        return {"integer": st.integers(-1, 9), "string": st.text("a1", max_size=3)}.get(part.get("type"), SMALL)

    return of(schema["properties"]["x"], 3)


# --- forms --------------------------------------------------------------------------------------------


def test_a_form_is_flat():
    @dataclasses.dataclass
    class Wanted:
        name: str
        colour: Colour
        when: datetime.date | None = None
        sure: bool = False
        tags: list[Literal["a", "b"]] = dataclasses.field(default_factory=list)

    form = elicitation_schema(Wanted)
    assert "$defs" not in form
    assert form["required"] == ["name", "colour"]
    assert form["properties"] == {
        "name": {"type": "string"},
        "colour": {"type": "string", "enum": ["blue", "red"]},
        "when": {"type": "string", "format": "date"},
        "sure": {"type": "boolean", "default": False},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
    }


@pytest.mark.parametrize("hint", [int, Point | None, Tree, dict[str, int], tuple[int, int]])
def test_what_no_client_can_show_is_refused(hint):
    with pytest.raises(SignatureError, match="form"):
        elicitation_schema(hint)
