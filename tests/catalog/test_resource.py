"""Resources: one URI or a family, and what a function's value holds."""

import base64
import json

import pytest

from fairlead.catalog.faults import ArgumentError
from fairlead.catalog.resource import from_function
from fairlead.errors import UsageError
from fairlead.spec.content import BlobContents, TextContents
from fairlead.spec.descriptors import ResourceDescriptor, TemplateDescriptor
from fairlead.spec.results import UNSET


def note(id: int, part: str = "all") -> str:
    """A note."""
    return ""


def nothing() -> str:
    return ""


def test_a_uri_without_variables_is_a_single_resource():
    made = from_function("h://log", nothing, mime_type="text/plain", size=0, title="Log")
    assert isinstance(made.descriptor, ResourceDescriptor)
    assert (made.template, made.name, made.kind) == (None, "nothing", "sync")
    assert (made.descriptor.uri, made.descriptor.size, made.descriptor.title) == ("h://log", 0, "Log")
    assert made.descriptor.description is UNSET


def test_a_uri_with_variables_is_a_family_whose_variables_are_arguments():
    made = from_function("h://note/{id}{?part}", note)
    assert isinstance(made.descriptor, TemplateDescriptor)
    assert made.descriptor.uri_template == "h://note/{id}{?part}"
    assert made.descriptor.description == "A note."
    assert made.arguments({"id": "5"}) == {"id": 5, "part": "all"}
    with pytest.raises(ArgumentError):
        made.arguments({"id": "five"})


@pytest.mark.parametrize(
    ("uri", "function", "said"),
    [
        ("log", nothing, "scheme"),
        ("h://note", note, "id"),
        ("h://{part}", note, "id"),
        ("h://{id}/{other}", note, "other"),
        ("h://{x}", nothing, "x"),
        ("h://{", nothing, "template"),
    ],
)
def test_a_uri_that_does_not_fit_its_function_is_refused(uri, function, said):
    with pytest.raises(UsageError, match=said):
        from_function(uri, function)


@pytest.mark.parametrize(
    ("value", "mime", "held"),
    [
        ("text", "text/plain", "text"),
        ("", "text/plain", ""),
        ({"a": [1, None]}, "application/json", '{"a":[1,null]}'),
        ([], "application/json", "[]"),
        (["a", "b"], "application/json", '["a","b"]'),
        (None, "application/json", "null"),
        (True, "application/json", "true"),
    ],
)
def test_text_and_json_go_as_text(value, mime, held):
    [contents] = from_function("h://x", nothing).conclude("h://asked", value)
    assert contents == TextContents(uri="h://asked", mime_type=mime, text=held)


@pytest.mark.parametrize("value", [b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")])
def test_bytes_go_as_base64(value):
    [contents] = from_function("h://x", nothing).conclude("h://x", value)
    assert contents == BlobContents(
        uri="h://x", mime_type="application/octet-stream", blob=base64.b64encode(b"\x00\xff").decode()
    )


def test_the_declared_type_is_told_whatever_is_returned():
    made = from_function("h://x", nothing, mime_type="text/csv")
    for value in ("a,b", b"a,b", {"a": 1}):
        [contents] = made.conclude("h://x", value)
        assert contents.mime_type == "text/csv"


def test_contents_go_as_they_are_alone_and_together():
    one = TextContents(uri="h://x/1", text="1")
    two = BlobContents(uri="h://x/2", blob="Mg==")
    made = from_function("h://x", nothing)
    assert made.conclude("h://x", one) == [one]
    assert made.conclude("h://x", (one, two)) == [one, two]


def test_a_value_that_is_no_json_is_not_written_as_something_else():
    with pytest.raises(TypeError):
        from_function("h://x", nothing).conclude("h://x", {"a": object()})
    [contents] = from_function("h://x", nothing).conclude("h://x", {"a": float("nan")})
    assert json.loads(contents.text) == {"a": None}
