"""Prompts: arguments out of strings, messages out of values."""

import msgspec
import pytest

from fairlead.catalog.faults import ArgumentError
from fairlead.catalog.prompt import from_function
from fairlead.errors import UsageError
from fairlead.spec.content import BlobContents, Embedded, Image, Text, TextContents
from fairlead.spec.results import UNSET, Message


def greet(name: str, times: int = 1, loud: bool = False) -> str:
    """A greeting.

    Args:
        name: who is greeted
    """
    return name


def test_a_function_says_what_its_prompt_is():
    made = from_function(greet, title="Greet")
    assert (made.name, made.descriptor.title, made.descriptor.description) == ("greet", "Greet", "A greeting.")
    assert [(a.name, a.required) for a in made.descriptor.arguments] == [
        ("name", True),
        ("times", False),
        ("loud", False),
    ]
    assert made.descriptor.arguments[0].description == "who is greeted"


def test_a_prompt_without_arguments_tells_none():
    made = from_function(lambda: "x", name="x")
    assert made.descriptor.arguments is UNSET
    assert made.arguments({}) == {}


def test_a_prompt_needs_a_name():
    class Nameless:
        def __call__(self) -> str:
            return ""

    with pytest.raises(UsageError, match="name="):
        from_function(Nameless())


def test_arguments_are_read_from_their_text():
    made = from_function(greet)
    assert made.arguments({"name": "7", "times": "3", "loud": "true"}) == {"name": "7", "times": 3, "loud": True}


@pytest.mark.parametrize("given", [{}, {"name": "x", "times": "some"}, {"name": "x", "other": "y"}])
def test_arguments_that_do_not_fit_are_refused(given):
    with pytest.raises(ArgumentError):
        from_function(greet).arguments(given)


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("Hi", [Message("user", Text("Hi"))]),
        (["a", "b"], [Message("user", Text("a")), Message("user", Text("b"))]),
        ((Message("assistant", Text("x")), "y"), [Message("assistant", Text("x")), Message("user", Text("y"))]),
        (Image.of(b"x"), [Message("user", Image.of(b"x"))]),
        ({"role": "assistant", "content": "x"}, [Message("assistant", Text("x"))]),
        ({"role": "user", "content": {"type": "text", "text": "x"}}, [Message("user", Text("x"))]),
        (
            [{"role": "user", "content": {"type": "resource", "resource": {"uri": "h://x", "blob": "eA=="}}}],
            [Message("user", Embedded(BlobContents(uri="h://x", blob="eA==")))],
        ),
        (
            {"role": "user", "content": {"type": "resource", "resource": {"uri": "h://x", "text": "x"}}},
            [Message("user", Embedded(TextContents(uri="h://x", text="x")))],
        ),
        ({"role": "user", "content": Image.of(b"x")}, [Message("user", Image.of(b"x"))]),
        ({"a": 1}, [Message("user", Text('{"a":1}'))]),
        ([], []),
    ],
)
def test_values_become_messages_of_the_user_unless_they_say_otherwise(value, messages):
    assert from_function(greet).conclude(value) == messages


@pytest.mark.parametrize(
    "value",
    [
        {"role": "system", "content": "x"},
        {"role": "user", "content": 5},
        {"role": "user", "content": {"type": "resource"}},
    ],
)
def test_a_message_that_is_none_is_not_sent(value):
    with pytest.raises(msgspec.ValidationError):
        from_function(greet).conclude(value)
