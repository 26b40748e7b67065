"""What a server tells of its tools, resources, templates and prompts, and of itself.

Plain data with the wire's names. A member that is not set is not sent; members that a version does
not know are left out by `describe`.
"""

from typing import Any, Literal

import msgspec

from fairlead.spec.versions import Version

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType


class Icon(msgspec.Struct, kw_only=True, frozen=True):
    """A picture for lists: a URL or a `data:` URI."""

    src: str
    mime_type: str | Unset = msgspec.field(name="mimeType", default=UNSET)
    sizes: list[str] | Unset = UNSET
    theme: Literal["light", "dark"] | Unset = UNSET


class ToolHints(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """What a tool does to the world; hints, not promises. `read_only_hint` and `idempotent_hint` allow a safe retry."""

    title: str | Unset = UNSET
    read_only_hint: bool | Unset = UNSET
    destructive_hint: bool | Unset = UNSET
    idempotent_hint: bool | Unset = UNSET
    open_world_hint: bool | Unset = UNSET


class ToolDescriptor(msgspec.Struct, kw_only=True):
    """A tool as it stands in `tools/list`."""

    name: str
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    input_schema: dict[str, Any] = msgspec.field(name="inputSchema")
    output_schema: dict[str, Any] | Unset = msgspec.field(name="outputSchema", default=UNSET)
    annotations: ToolHints | Unset = UNSET
    icons: list[Icon] | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


class ResourceDescriptor(msgspec.Struct, kw_only=True):
    """A resource as it stands in `resources/list`."""

    uri: str
    name: str
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    mime_type: str | Unset = msgspec.field(name="mimeType", default=UNSET)
    size: int | Unset = UNSET
    annotations: Any | Unset = UNSET
    icons: list[Icon] | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


class TemplateDescriptor(msgspec.Struct, kw_only=True):
    """A family of resources as it stands in `resources/templates/list`."""

    uri_template: str = msgspec.field(name="uriTemplate")
    name: str
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    mime_type: str | Unset = msgspec.field(name="mimeType", default=UNSET)
    annotations: Any | Unset = UNSET
    icons: list[Icon] | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


class PromptArgument(msgspec.Struct, kw_only=True):
    """One argument of a prompt; prompts take strings only."""

    name: str
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    required: bool | Unset = UNSET


class PromptDescriptor(msgspec.Struct, kw_only=True):
    """A prompt as it stands in `prompts/list`."""

    name: str
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    arguments: list[PromptArgument] | Unset = UNSET
    icons: list[Icon] | Unset = UNSET
    meta: dict[str, Any] | Unset = msgspec.field(name="_meta", default=UNSET)


class Implementation(msgspec.Struct, kw_only=True):
    """Who speaks: the name and version of a client or server."""

    name: str
    version: str = "0"
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    website_url: str | Unset = msgspec.field(name="websiteUrl", default=UNSET)
    icons: list[Icon] | Unset = UNSET


Descriptor = ToolDescriptor | ResourceDescriptor | TemplateDescriptor | PromptDescriptor

# Members that every version knows, whatever its row says.
_ALWAYS = frozenset({"name", "uri", "uriTemplate", "inputSchema", "mimeType", "size", "arguments", "version"})


def describe(descriptor: Descriptor | Implementation, version: Version) -> dict[str, Any]:
    """The descriptor as a client of `version` may see it."""
    known = _ALWAYS | version.descriptor_members
    if not isinstance(descriptor, Implementation):
        known |= {"description"}  # Tools had one from the start; a server's own came with 2025-11-25.
    members: dict[str, Any] = msgspec.to_builtins(descriptor)
    return {name: value for name, value in members.items() if name in known}
