"""Content blocks: what a tool, a prompt or a resource holds for the reader.

Plain data with the wire's names; refuses nothing. Authors use them under these names:
`Text`, `Image`, `Audio`, `ResourceLink`, `Embedded`.
"""

import base64
from typing import Any, Literal

import msgspec

from fairlead.spec.descriptors import Icon

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType


class Annotations(msgspec.Struct, kw_only=True, frozen=True):
    """For whom a block is meant, and how much it matters (0 to 1)."""

    audience: list[Literal["user", "assistant"]] | Unset = UNSET
    priority: float | Unset = UNSET
    last_modified: str | Unset = msgspec.field(name="lastModified", default=UNSET)


class Text(msgspec.Struct, tag_field="type", tag="text", gc=False):
    """Text as it stands."""

    text: str
    annotations: Annotations | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


class Image(msgspec.Struct, tag_field="type", tag="image"):
    """A picture: `data` in base64; `Image.of(bytes, "image/png")` encodes it."""

    data: str
    mime_type: str = msgspec.field(name="mimeType")
    annotations: Annotations | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)

    @classmethod
    def of(cls, data: bytes, mime_type: str = "image/png") -> "Image":
        """A block from the picture's bytes."""
        return cls(base64.b64encode(data).decode(), mime_type)


class Audio(msgspec.Struct, tag_field="type", tag="audio"):
    """A sound: `data` in base64; `Audio.of(bytes, "audio/wav")` encodes it."""

    data: str
    mime_type: str = msgspec.field(name="mimeType")
    annotations: Annotations | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)

    @classmethod
    def of(cls, data: bytes, mime_type: str = "audio/wav") -> "Audio":
        """A block from the sound's bytes."""
        return cls(base64.b64encode(data).decode(), mime_type)


class ResourceLink(msgspec.Struct, tag_field="type", tag="resource_link", kw_only=True):
    """The address of a resource that the client may read if it wants to."""

    uri: str
    name: str
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    mime_type: str | Unset = msgspec.field(name="mimeType", default=UNSET)
    size: int | Unset = UNSET
    icons: list[Icon] | Unset = UNSET
    annotations: Annotations | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


class TextContents(msgspec.Struct, kw_only=True):
    """What a resource holds, as text."""

    uri: str
    mime_type: str | Unset = msgspec.field(name="mimeType", default=UNSET)
    text: str
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


class BlobContents(msgspec.Struct, kw_only=True):
    """What a resource holds, as bytes in base64."""

    uri: str
    mime_type: str | Unset = msgspec.field(name="mimeType", default=UNSET)
    blob: str
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


def read_contents(one: dict[str, Any]) -> TextContents | BlobContents:
    """Contents from JSON: whether text or bytes, the members tell. Raises msgspec.ValidationError."""
    return msgspec.convert(one, BlobContents) if "blob" in one else msgspec.convert(one, TextContents)


class Embedded(msgspec.Struct, tag_field="type", tag="resource"):
    """A resource's contents inside a result."""

    resource: TextContents | BlobContents
    annotations: Annotations | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


Block = Text | Image | Audio | ResourceLink | Embedded
BLOCKS: tuple[type, ...] = (Text, Image, Audio, ResourceLink, Embedded)
KIND: dict[type, str] = {
    Text: "text",
    Image: "image",
    Audio: "audio",
    ResourceLink: "resource_link",
    Embedded: "resource",
}
