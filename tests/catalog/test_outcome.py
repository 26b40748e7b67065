"""From a value to what goes out: blocks, text, structured content, and what a version can read."""

import datetime
import enum

import msgspec
import pytest

from fairlead.catalog import outcome
from fairlead.spec import VERSIONS
from fairlead.spec.content import BLOCKS, Audio, Embedded, Image, ResourceLink, Text, TextContents
from fairlead.spec.results import UNSET, Message, ToolResult

SOUND = Audio.of(b"x")
LINK = ResourceLink(uri="h://x", name="x")
OLD, LATER, NEW = (VERSIONS[date] for date in ("2024-11-05", "2025-06-18", "2026-07-28"))


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "blocks"),
    [
        (None, []),
        ("x", [Text("x")]),
        ("", [Text("")]),
        (SOUND, [SOUND]),
        ([SOUND, "x", None, {"a": 1}], [SOUND, Text("x"), Text('{"a":1}')]),
        ((SOUND, [LINK, "y"]), [SOUND, LINK, Text("y")]),
        ([], [Text("[]")]),
        (["a", "b"], [Text('["a","b"]')]),
        (0, [Text("0")]),
        (False, [Text("false")]),
        (1.5, [Text("1.5")]),
        (float("nan"), [Text("null")]),
        ({"a": [1]}, [Text('{"a":[1]}')]),
        (datetime.date(2026, 1, 2), [Text("2026-01-02")]),
        (Colour.RED, [Text("red")]),
        (b"\x00", [Text("AA==")]),
    ],
)
def test_a_value_is_a_block_text_or_json(value, blocks):
    assert outcome.blocks(value) == blocks


def test_a_value_that_is_no_json_is_refused():
    for value in (object(), [SOUND, object()], {"a": object()}):
        with pytest.raises(TypeError):
            outcome.blocks(value)


def test_structured_content_stands_beside_the_same_as_text():
    assert outcome.result(3, structured=True, wrapped=True) == ToolResult([Text("3")], {"result": 3})
    assert outcome.result({"a": 1}, structured=True, wrapped=False) == ToolResult([Text('{"a":1}')], {"a": 1})
    assert outcome.result("x", structured=True, wrapped=True) == ToolResult([Text("x")], {"result": "x"})
    assert outcome.result(None, structured=False, wrapped=False) == ToolResult([])


def test_a_whole_result_is_left_as_it_is():
    whole = ToolResult([], {"a": 1}, True, {"m": 1})
    assert outcome.result(whole, structured=True, wrapped=True) is whole


def test_a_failure_says_so():
    assert outcome.failure("No.") == ToolResult([Text("No.")], is_error=True)
    assert msgspec.to_builtins(outcome.failure("No.")) == {
        "content": [{"type": "text", "text": "No."}],
        "isError": True,
    }


@pytest.mark.parametrize("version", [LATER, NEW])
def test_what_a_version_can_read_is_handed_on_untouched(version):
    whole = ToolResult([SOUND, LINK, Text("x")], {"a": 1}, False, {"m": 1})
    assert outcome.fit(whole, version) is whole


def test_nothing_is_left_out_in_silence():
    whole = ToolResult([SOUND, LINK, Text("x")], {"a": 1}, True, {"m": 1})
    fitted = outcome.fit(whole, OLD)
    assert (fitted.structured_content, fitted.is_error, fitted.meta) == (UNSET, True, {"m": 1})
    sound, link, text = fitted.content
    assert "audio" in sound.text
    assert "h://x" in link.text
    assert text == Text("x")
    assert whole.content == [SOUND, LINK, Text("x")]


@pytest.mark.requirement("ERA-16")
def test_an_object_stays_one_and_anything_else_becomes_one_for_older_clients():
    point = msgspec.defstruct("Point", [("x", int)])(1)
    for value in ({"a": 1}, point, msgspec.Raw(b'{"a":1}')):
        assert outcome.fit(ToolResult([], value), LATER).structured_content is value
    for value in ([1], None, "x", 0, {1}):
        assert outcome.fit(ToolResult([], value), LATER).structured_content == {"result": value}
        assert outcome.fit(ToolResult([], value), NEW).structured_content is value


@pytest.mark.parametrize(
    "block", [Text("x"), Image.of(b"x"), SOUND, LINK, Embedded(TextContents(uri="h://y", text=""))]
)
@pytest.mark.parametrize("version", VERSIONS.values())
def test_every_kind_of_block_reaches_every_version_in_some_form(block, version):
    message = outcome.fit_message(Message("assistant", block), version)
    assert message.role == "assistant"
    assert type(message.content) in BLOCKS
    assert outcome.fit(ToolResult([block]), version).content == [message.content]
