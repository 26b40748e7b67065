"""Results with a fixed shape: with the names of the wire, and nothing that was not set."""

import msgspec
import pytest

from fairlead.spec.content import Text
from fairlead.spec.results import Elicited, Message, Root, Sampled, ToolResult


def test_a_tools_result_tells_only_what_is_set():
    assert msgspec.to_builtins(ToolResult([Text("x")])) == {"content": [{"type": "text", "text": "x"}]}


def test_a_tools_result_is_written_with_the_names_of_the_wire():
    result = ToolResult([], structured_content={"a": 1}, is_error=True, meta={"b": 2}, result_type="complete")
    assert msgspec.json.encode(result) == (
        b'{"content":[],"structuredContent":{"a":1},"isError":true,"_meta":{"b":2},"resultType":"complete"}'
    )


def test_structured_content_that_is_null_is_told():
    assert msgspec.to_builtins(ToolResult([], structured_content=None)) == {"content": [], "structuredContent": None}


def test_a_prompts_message_has_a_role_and_a_block():
    assert msgspec.to_builtins(Message("user", Text("x"))) == {"role": "user", "content": {"type": "text", "text": "x"}}


def test_a_root_may_have_a_name():
    assert msgspec.convert({"uri": "file:///a"}, Root) == Root("file:///a")
    assert msgspec.convert({"uri": "file:///a", "name": "a", "more": 1}, Root).name == "a"


@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
def test_a_user_accepts_declines_or_cancels(action):
    assert msgspec.convert({"action": action}, Elicited) == Elicited(action, None)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"action": action.upper()}, Elicited)


def test_what_a_user_accepted_is_kept():
    assert msgspec.convert({"action": "accept", "content": {"a": 1}}, Elicited).content == {"a": 1}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "text", "text": "a"}, "a"),
        ([{"type": "text", "text": "a"}, {"type": "image", "data": ""}, {"type": "text", "text": "b"}], "a\nb"),
        ([], ""),
        ({"type": "image", "data": ""}, ""),
    ],
)
def test_the_text_of_what_a_model_answered_is_that_of_its_text_blocks(content, text):
    sampled = msgspec.convert({"role": "assistant", "content": content, "model": "m", "stopReason": "endTurn"}, Sampled)
    assert (sampled.text, sampled.model, sampled.stop_reason) == (text, "m", "endTurn")


@pytest.mark.parametrize("content", ["a", [5], [None], [{"type": "text"}], 7, [{"type": "text", "text": 5}]])
def test_content_of_a_broken_client_has_no_text_and_breaks_nothing(content):
    assert isinstance(msgspec.convert({"role": "assistant", "content": content}, Sampled).text, str)
