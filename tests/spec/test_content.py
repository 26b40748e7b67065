"""Blocks of content: on the wire as the specification has them, and read back as what they were."""

import base64

import msgspec
import pytest

from fairlead.spec import VERSIONS
from fairlead.spec.content import (
    BLOCKS,
    KIND,
    Annotations,
    Audio,
    BlobContents,
    Block,
    Embedded,
    Image,
    ResourceLink,
    Text,
    TextContents,
)

NOTES = Annotations(audience=["user"], priority=0.5, last_modified="2026-01-02T00:00:00Z")
CASES = [
    (Text("hello"), {"type": "text", "text": "hello"}),
    (Text("", meta={"a": 1}), {"type": "text", "text": "", "_meta": {"a": 1}}),
    (Image("AAE=", "image/png"), {"type": "image", "data": "AAE=", "mimeType": "image/png"}),
    (Audio("AAE=", "audio/wav"), {"type": "audio", "data": "AAE=", "mimeType": "audio/wav"}),
    (
        ResourceLink(uri="a://b", name="b", mime_type="text/plain", size=3),
        {"type": "resource_link", "uri": "a://b", "name": "b", "mimeType": "text/plain", "size": 3},
    ),
    (
        Embedded(TextContents(uri="a://b", text="x", mime_type="text/plain")),
        {"type": "resource", "resource": {"uri": "a://b", "mimeType": "text/plain", "text": "x"}},
    ),
    (
        Text("x", annotations=NOTES),
        {
            "type": "text",
            "text": "x",
            "annotations": {"audience": ["user"], "priority": 0.5, "lastModified": "2026-01-02T00:00:00Z"},
        },
    ),
]


@pytest.mark.parametrize(("block", "wire"), CASES)
def test_a_block_is_written_with_the_names_of_the_wire(block, wire):
    assert msgspec.json.decode(msgspec.json.encode(block)) == wire


@pytest.mark.parametrize(("block", "wire"), [case for case in CASES if not isinstance(case[0], Embedded)])
def test_a_block_is_read_back_as_what_it_was(block, wire):
    kinds = Text | Image | Audio | ResourceLink
    assert msgspec.json.decode(msgspec.json.encode(wire), type=kinds) == block


def test_bytes_become_base64():
    data = bytes(range(256))
    for block, mime in (
        (Image.of(data), "image/png"),
        (Audio.of(data), "audio/wav"),
        (Image.of(data, "image/x"), "image/x"),
    ):
        assert base64.b64decode(block.data) == data
        assert block.mime_type == mime


def test_a_resource_holds_text_or_bytes():
    blob = Embedded(BlobContents(uri="a://b", blob="AAE="))
    assert msgspec.to_builtins(blob) == {"type": "resource", "resource": {"uri": "a://b", "blob": "AAE="}}


def test_each_kind_of_block_is_named_as_on_the_wire_and_known_to_a_version():
    assert set(BLOCKS) == set(KIND)
    for block, _ in CASES:
        assert msgspec.to_builtins(block)["type"] == KIND[type(block)]
    known = set().union(*(version.content_blocks for version in VERSIONS.values()))
    assert known == set(KIND.values())


def test_a_block_of_another_kind_is_refused():
    with pytest.raises(msgspec.ValidationError, match="type"):
        msgspec.json.decode('{"type":"video","data":""}', type=Text | Image)


@pytest.mark.parametrize("audience", [["user", "assistant"], []])
def test_annotations_name_only_those_who_can_read(audience):
    assert msgspec.convert({"audience": audience}, Annotations).audience == audience
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"audience": ["dog"]}, Annotations)


def test_the_union_of_blocks_holds_each_kind():
    assert set(Block.__args__) == set(BLOCKS)
