"""A prompt: a function from strings to messages."""

from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

from fairlead.catalog.context import Context
from fairlead.catalog.entry import Entry, Kind
from fairlead.catalog.signature import inspect_function
from fairlead.errors import UsageError
from fairlead.spec.content import (
    BLOCKS,
    Annotations,
    Audio,
    Block,
    Embedded,
    Image,
    ResourceLink,
    Text,
    read_contents,
)
from fairlead.spec.descriptors import PromptArgument, PromptDescriptor
from fairlead.spec.results import UNSET, Message
from fairlead.wire.encode import encode

Role = Literal["user", "assistant"]


class Prompt(Entry):
    """One prompt of the catalog."""

    __slots__ = ("descriptor", "reading")

    def __init__(
        self,
        descriptor: PromptDescriptor,
        function: Callable[..., Any],
        kind: Kind,
        reading: Any,
        *,
        context: str | None = None,
        tags: frozenset[str] = frozenset(),
    ):
        super().__init__(descriptor.name, function, kind, context=context, tags=tags)
        self.descriptor = descriptor
        self.reading = reading

    def arguments(self, given: dict[str, str]) -> dict[str, Any]:
        """The given strings as the function's arguments, numbers read from their text. Raises ArgumentError."""
        converted: dict[str, Any] = self.reading.convert(given, strict=False)
        return converted

    def conclude(self, value: Any) -> list[Message]:
        """What the function returned as messages of the user, unless it says whose they are."""
        parts = value if isinstance(value, list | tuple) else [value]
        return [read_message(part) for part in parts]


def read_message(part: Any) -> Message:
    """One message of a prompt, as authors and other servers write it. Raises msgspec.ValidationError."""
    if isinstance(part, Message):
        return part
    if isinstance(part, str):
        return Message("user", Text(part))
    if isinstance(part, BLOCKS):
        return Message("user", cast(Block, part))
    if isinstance(part, dict) and "role" in part:
        return Message(msgspec.convert(part["role"], Role), _block(part.get("content")))
    return Message("user", Text(encode(part).decode()))


def _block(content: Any) -> Block:
    """A block as prompts elsewhere write it: text, or a dict with its `type`. Raises msgspec.ValidationError."""
    if isinstance(content, str):
        return Text(content)
    if isinstance(content, BLOCKS):
        return cast("Block", content)
    if isinstance(content, dict) and content.get("type") == "resource":
        held = msgspec.convert(content, _Held)
        return Embedded(read_contents(held.resource), held.annotations, held.meta)
    return cast("Block", msgspec.convert(content, Text | Image | Audio | ResourceLink))


class _Held(msgspec.Struct):
    """An embedded resource: whether it holds text or bytes, msgspec cannot tell by itself."""

    resource: dict[str, Any]
    annotations: Annotations | msgspec.UnsetType = UNSET
    meta: dict[str, Any] | msgspec.UnsetType = msgspec.field(name="_meta", default=UNSET)


def from_function(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    title: str | None = None,
    description: str | None = None,
    icons: list[Any] | None = None,
    meta: dict[str, Any] | None = None,
    tags: set[str] | frozenset[str] = frozenset(),
) -> Prompt:
    """A prompt from a function's name, arguments and docstring."""
    signature = inspect_function(function, context_type=Context, content_types=(), output=False)
    known = name or getattr(function, "__name__", "")
    if not known:
        raise UsageError("A prompt needs a name: pass name=… for a function that has none.")
    required = set(signature.input_schema.get("required", ()))
    properties: dict[str, Any] = signature.input_schema.get("properties", {})
    arguments = [
        PromptArgument(
            name=argument,
            title=properties[argument].get("title", UNSET),
            description=properties[argument].get("description", UNSET),
            required=argument in required,
        )
        for argument in properties
    ]
    descriptor = PromptDescriptor(
        name=known,
        title=title or UNSET,
        description=(description if description is not None else signature.description) or UNSET,
        arguments=arguments or UNSET,
        icons=icons or UNSET,
        meta=meta or UNSET,
    )
    return Prompt(descriptor, function, signature.kind, signature, context=signature.context, tags=frozenset(tags))
