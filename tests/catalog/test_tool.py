"""Tools: names, hints, descriptions, kinds, and what becomes of values."""

import functools

import msgspec
import pytest

from fairlead.catalog import Context, Progress
from fairlead.catalog.faults import ArgumentError, ResultError
from fairlead.catalog.tool import check_name, from_function
from fairlead.errors import UsageError
from fairlead.spec.content import Image, Text
from fairlead.spec.descriptors import Icon, ToolHints
from fairlead.spec.results import UNSET, ToolResult


def add(a: int, b: int = 0) -> int:
    """Add two numbers.

    Args:
        a: the first
    """
    return a + b


def test_a_function_says_what_its_tool_is():
    tool = from_function(add)
    assert (tool.name, tool.kind, tool.context, tool.replayable) == ("add", "sync", None, False)
    assert tool.descriptor.description == "Add two numbers."
    assert tool.descriptor.input_schema["required"] == ["a"]
    assert tool.descriptor.input_schema["properties"]["a"]["description"] == "the first"
    assert tool.descriptor.output_schema["properties"]["result"] == {"type": "integer"}
    assert tool.descriptor.title is tool.descriptor.annotations is tool.descriptor.icons is UNSET


def test_everything_can_be_said_otherwise():
    icon = Icon(src="data:,")
    tool = from_function(
        add, name="sum", title="Sum", description="Sums.", icons=[icon], meta={"m": 1}, output=False, tags={"maths"}
    )
    told = tool.descriptor
    assert (told.name, told.title, told.description, told.icons, told.meta) == ("sum", "Sum", "Sums.", [icon], {"m": 1})
    assert told.output_schema is UNSET
    assert tool.tags == {"maths"}
    assert from_function(add, description="").descriptor.description is UNSET


@pytest.mark.parametrize("name", ["a", "A-b_c.d/e9", "x" * 128])
def test_a_name_that_clients_take_is_taken(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "ä", "a:b", "x" * 129, "a\n", "<lambda>", "/", "٣"])
def test_a_name_that_clients_do_not_take_is_refused_with_the_next_step(name):
    with pytest.raises(UsageError, match="name="):
        check_name(name)


def test_a_lambda_needs_a_name():
    with pytest.raises(UsageError, match="lambda"):
        from_function(lambda: 1)
    assert from_function(lambda: 1, name="one").name == "one"


@pytest.mark.parametrize(
    "hints",
    [
        {"read_only_hint": True, "title": "T"},
        {"readOnlyHint": True, "title": "T"},
        ToolHints(read_only_hint=True, title="T"),
    ],
)
def test_hints_are_written_in_either_way(hints):
    told = from_function(add, hints=hints).descriptor
    assert msgspec.to_builtins(told)["annotations"] == {"title": "T", "readOnlyHint": True}


@pytest.mark.parametrize("hints", [{"read_only": True}, {"read_only_hint": "yes"}, {"title": 5}])
def test_hints_that_do_not_exist_are_refused_and_not_dropped(hints):
    with pytest.raises(UsageError, match="hints"):
        from_function(add, hints=hints)


def test_the_kind_is_that_of_the_function():
    async def later(): ...
    async def steps():
        yield Progress(1)

    def step():
        yield Progress(1)

    kinds = [from_function(function, name="x").kind for function in (add, later, steps, step)]
    assert kinds == ["sync", "async", "async_generator", "generator"]
    assert from_function(functools.partial(add, 1), name="x").kind == "sync"
    assert from_function(add, quick=True).kind == "quick"
    with pytest.raises(UsageError, match="quick"):
        from_function(later, quick=True)


def test_a_context_is_no_argument():
    def greet(ctx: Context, name: str) -> str:
        return name

    tool = from_function(greet)
    assert tool.context == "ctx"
    assert list(tool.descriptor.input_schema["properties"]) == ["name"]


def test_unknown_arguments_are_refused_unless_they_may_pass():
    with pytest.raises(ArgumentError) as refused:
        from_function(add).arguments(msgspec.Raw(b'{"a":1,"z":2}'))
    assert refused.value.path == "$.z"
    assert from_function(add, extra="ignore").arguments(msgspec.Raw(b'{"a":1,"z":2}')) == {"a": 1, "b": 0}


def test_a_value_is_wrapped_as_its_schema_says():
    def point() -> dict[str, int]:
        return {}

    assert from_function(add).conclude(3).structured_content == {"result": 3}
    assert from_function(point).conclude({"x": 1}).structured_content == {"x": 1}
    assert from_function(add, output=False).conclude(3).structured_content is UNSET
    with pytest.raises(ResultError):
        from_function(add).conclude("three")
    with pytest.raises(ResultError):
        from_function(add).conclude(None)


def test_content_and_whole_results_go_as_they_are():
    def picture() -> Image:
        return Image.of(b"x")

    tool = from_function(picture)
    assert tool.descriptor.output_schema is UNSET
    assert tool.conclude(Image.of(b"x")).content == [Image.of(b"x")]
    whole = ToolResult([Text("x")], {"any": 1}, True)
    assert from_function(add).conclude(whole) is whole
