"""Entries of the catalog whose functions are at another server: what is asked of them is carried there, unread.

Descriptions, schemas, arguments and results pass as they are; what the protocol of the caller has no room for is left
to the kernel. Refuses a description that has no name: a list goes on without it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from fairlead.catalog import Completion, Context, Prompt, Resource, Tool
from fairlead.catalog.entry import Entry
from fairlead.catalog.uri import TemplateError, UriTemplate
from fairlead.errors import PeerError
from fairlead.spec.descriptors import (
    UNSET,
    PromptDescriptor,
    ResourceDescriptor,
    TemplateDescriptor,
    ToolDescriptor,
)
from fairlead.spec.results import Passed

Carry = Callable[[Context, str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Asks the other server, on behalf of a call: method and params to the members of the result. Raises PeerError."""

_ANYTHING: Final[dict[str, Any]] = {"type": "object"}


class ForeignError(PeerError):
    """An error of another server, told as it came: nothing is added to its code, its text and its data."""

    def __init__(self, code: int, message: str, told: Any = None):
        super().__init__(code, message, data=told if isinstance(told, dict) else None)
        self._told = told

    def describe(self) -> dict[str, Any]:
        """The `error` member."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return error if self._told is None else {**error, "data": self._told}


class ForeignTool(ToolDescriptor, kw_only=True):
    """A tool as the other server tells it; hints and icons that we do not know are kept."""

    input_schema: Any = msgspec.field(name="inputSchema", default_factory=lambda: dict(_ANYTHING))
    output_schema: Any = msgspec.field(name="outputSchema", default=UNSET)
    annotations: Any = UNSET
    icons: Any = UNSET


class ForeignResource(ResourceDescriptor, kw_only=True):
    """A resource as the other server tells it."""

    size: Any = UNSET
    icons: Any = UNSET


class ForeignTemplate(TemplateDescriptor, kw_only=True):
    """A family of resources as the other server tells it."""

    icons: Any = UNSET


class ForeignPrompt(PromptDescriptor, kw_only=True):
    """A prompt as the other server tells it."""

    arguments: Any = UNSET
    icons: Any = UNSET


class Unread:
    """How the arguments of a foreign entry are read: not at all, since the other server does that."""

    wrapped = False

    def decode(self, raw: Any) -> dict[str, Any]:
        """The arguments of a tool, as bytes of JSON."""
        return {"given": raw}

    def convert(self, given: Any, *, strict: bool = False) -> dict[str, Any]:
        """The arguments of a prompt, or the variables of a URI."""
        return {"given": given}

    def check_result(self, value: Any) -> Any:
        """It was declared to the other server."""
        return value


_UNREAD: Final = Unread()


class Anything:
    """Stands where a template of URIs would, for one that cannot be matched here."""

    names: tuple[str, ...] = ()

    def match(self, uri: str) -> dict[str, str] | None:
        """No URI: what is asked for is left to `Catalog.otherwise`."""
        return None


def tool(told: Mapping[str, Any], name: str, carry: Carry) -> Tool:
    """A tool under a name of ours. Raises msgspec.ValidationError where its description cannot be one."""
    theirs = told["name"]
    members = _clean({**told, "name": name}, ("title", "description"))
    if not isinstance(members.get("inputSchema"), dict):
        members["inputSchema"] = dict(_ANYTHING)
    if not isinstance(members.get("outputSchema"), dict):
        members.pop("outputSchema", None)

    async def act(given: Any, ctx: Context) -> Passed:
        params = {"name": theirs} if given is UNSET else {"name": theirs, "arguments": given}
        return Passed(await carry(ctx, "tools/call", params))

    return Tool(msgspec.convert(members, ForeignTool), act, "async", _UNREAD, context="ctx")


def prompt(told: Mapping[str, Any], name: str, carry: Carry) -> Prompt:
    """A prompt under a name of ours. Raises msgspec.ValidationError where its description cannot be one."""
    theirs = told["name"]
    members = _clean({**told, "name": name}, ("title", "description", "arguments"))

    async def act(given: Any, ctx: Context) -> Passed:
        params = {"name": theirs, "arguments": given} if given else {"name": theirs}
        return Passed(await carry(ctx, "prompts/get", params))

    return Prompt(msgspec.convert(members, ForeignPrompt), act, "async", _UNREAD, context="ctx")


def resource(told: Mapping[str, Any], carry: Carry) -> Resource:
    """A resource, or a family of them. Raises msgspec.ValidationError where its description cannot be one."""
    members = _clean(told, ("title", "description", "mimeType"))
    if "uriTemplate" not in members:
        members.setdefault("name", members.get("uri"))
        return _readable(msgspec.convert(members, ForeignResource), carry)
    members.setdefault("name", members["uriTemplate"])
    descriptor = msgspec.convert(members, ForeignTemplate)
    template: Any
    try:
        template = UriTemplate(descriptor.uri_template)
    except TemplateError:
        template = Anything()
    return _readable(descriptor, carry, template)


def everything(carry: Carry) -> Resource:
    """Reads every URI: servers may answer for more than they list."""
    return _readable(ForeignResource(uri="", name="everything"), carry)


def _readable(descriptor: Any, carry: Carry, template: Any = None) -> Resource:
    async def act(given: Any, ctx: Context) -> Passed:
        uri = getattr(ctx.call, "name", "")
        return Passed(await carry(ctx, "resources/read", {"uri": uri}))

    return Resource(descriptor, act, "async", _UNREAD, template=template, context="ctx")


class ForeignCompletion(Completion):
    """Proposes what the other server proposes."""

    __slots__ = ()

    def __init__(self, target: str, argument: str, ref: Mapping[str, Any], carry: Carry):
        async def act(typed: str, settled: dict[str, str], ctx: Context) -> Passed:
            params: dict[str, Any] = {"ref": dict(ref), "argument": {"name": argument, "value": typed}}
            if settled:
                params["context"] = {"arguments": settled}
            return Passed(await carry(ctx, "completion/complete", params))

        Entry.__init__(self, f"{target}:{argument}", act, "async", context="ctx")
        self.target = target
        self.argument = argument
        self.takes_settled = ["typed", "settled"]


def _clean(told: Mapping[str, Any], optional: tuple[str, ...]) -> dict[str, Any]:
    """Without members that are null: servers write so what they leave out."""
    empty = {*optional, "annotations", "icons", "_meta", "size"}
    return {name: value for name, value in told.items() if value is not None or name not in empty}
