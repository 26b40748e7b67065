"""A resource: a function behind a URI, or behind a template of URIs whose variables are its arguments."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from fairlead.catalog.context import Context
from fairlead.catalog.entry import Entry, Kind
from fairlead.catalog.signature import inspect_function
from fairlead.catalog.uri import UriTemplate
from fairlead.errors import UsageError
from fairlead.spec.content import BlobContents, TextContents
from fairlead.spec.descriptors import ResourceDescriptor, TemplateDescriptor
from fairlead.spec.results import UNSET
from fairlead.wire.encode import encode


class Resource(Entry):
    """One resource, or one family of them; `template` is None for a single one."""

    __slots__ = ("descriptor", "mime_type", "reading", "template")

    def __init__(
        self,
        descriptor: ResourceDescriptor | TemplateDescriptor,
        function: Callable[..., Any],
        kind: Kind,
        reading: Any,
        *,
        template: UriTemplate | None = None,
        context: str | None = None,
        tags: frozenset[str] = frozenset(),
    ):
        super().__init__(descriptor.name, function, kind, context=context, tags=tags)
        self.descriptor = descriptor
        self.template = template
        self.reading = reading
        self.mime_type = descriptor.mime_type or None

    def arguments(self, found: Mapping[str, str]) -> dict[str, Any]:
        """The variables of the URI as the function's arguments. Raises ArgumentError."""
        converted: dict[str, Any] = self.reading.convert(dict(found), strict=False)
        return converted

    def conclude(self, uri: str, value: Any) -> list[TextContents | BlobContents]:
        """What the function returned as contents: text, bytes, contents, several of them, or JSON."""
        parts = value if isinstance(value, list | tuple) and _all_contents(value) else [value]
        return [self._contents(uri, part) for part in parts]

    def _contents(self, uri: str, value: Any) -> TextContents | BlobContents:
        if isinstance(value, TextContents | BlobContents):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            data = base64.b64encode(value).decode()
            return BlobContents(uri=uri, mime_type=self.mime_type or "application/octet-stream", blob=data)
        if isinstance(value, str):
            return TextContents(uri=uri, mime_type=self.mime_type or "text/plain", text=value)
        return TextContents(uri=uri, mime_type=self.mime_type or "application/json", text=encode(value).decode())


def _all_contents(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and all(isinstance(part, TextContents | BlobContents) for part in value)


def from_function(
    uri: str,
    function: Callable[..., Any],
    *,
    name: str | None = None,
    title: str | None = None,
    description: str | None = None,
    mime_type: str | None = None,
    icons: list[Any] | None = None,
    annotations: Any = None,
    size: int | None = None,
    meta: dict[str, Any] | None = None,
    tags: set[str] | frozenset[str] = frozenset(),
) -> Resource:
    """A resource from a function. A URI with `{variables}` makes a template, and they must be its arguments."""
    signature = inspect_function(function, context_type=Context, content_types=(), output=False)
    template = UriTemplate(uri) if "{" in uri else None
    _check_variables(uri, template, signature)
    common: dict[str, Any] = {
        "name": name or getattr(function, "__name__", uri),
        "title": title or UNSET,
        "description": (description if description is not None else signature.description) or UNSET,
        "mime_type": mime_type or UNSET,
        "annotations": annotations or UNSET,
        "icons": icons or UNSET,
        "meta": meta or UNSET,
    }
    descriptor: ResourceDescriptor | TemplateDescriptor
    if template is None:
        descriptor = ResourceDescriptor(uri=uri, size=UNSET if size is None else size, **common)
    else:
        descriptor = TemplateDescriptor(uri_template=uri, **common)
    return Resource(
        descriptor,
        function,
        signature.kind,
        signature,
        template=template,
        context=signature.context,
        tags=frozenset(tags),
    )


def _check_variables(uri: str, template: UriTemplate | None, signature: Any) -> None:
    if "://" not in uri and ":" not in uri:
        raise UsageError(f"{uri!r} is no URI: give it a scheme, such as 'notes://{uri}'.")
    variables = set(template.names) if template else set()
    needed = set(signature.input_schema.get("required", ()))
    if needed - variables:
        raise UsageError(f"The URI {uri!r} has no {{variable}} for the arguments {sorted(needed - variables)}.")
    if variables - set(signature.names):
        raise UsageError(f"The function behind {uri!r} does not take {sorted(variables - set(signature.names))}.")
