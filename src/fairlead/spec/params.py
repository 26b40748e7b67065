"""The parameters of each request, as types: decoding with them is the validation.

Unknown members are let pass (peers add their own, such as `serialNumber`); a member of a wrong type is
`msgspec.ValidationError`, which the kernel turns into -32602 with the path.
"""

from typing import Any, Literal

import msgspec

from fairlead.spec.descriptors import Implementation

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType
LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
LOG_LEVELS: tuple[str, ...] = LogLevel.__args__  # type: ignore[attr-defined]

PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion"
CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"


class Meta(msgspec.Struct, gc=False):
    """The `_meta` of a request: what both eras put there."""

    progress_token: int | str | Unset = msgspec.field(name="progressToken", default=UNSET)
    version: str | Unset = msgspec.field(name=PROTOCOL_VERSION, default=UNSET)
    capabilities: dict[str, Any] | Unset = msgspec.field(name=CLIENT_CAPABILITIES, default=UNSET)
    client: Implementation | Unset = msgspec.field(name=CLIENT_INFO, default=UNSET)
    log_level: LogLevel | Unset = msgspec.field(name=LOG_LEVEL, default=UNSET)


class Params(msgspec.Struct, gc=False, kw_only=True):
    """Of a request that takes nothing but `_meta`; the root of the others."""

    meta: Meta | Unset = msgspec.field(name="_meta", default=UNSET)


class Retried(Params, gc=False, kw_only=True):
    """Of a request that may be answered with a question first (multi-round-trip)."""

    input_responses: dict[str, dict[str, Any] | None] | Unset = msgspec.field(name="inputResponses", default=UNSET)
    request_state: str | Unset = msgspec.field(name="requestState", default=UNSET)


class CallTool(Retried, gc=False, kw_only=True):
    """tools/call"""

    name: str
    arguments: msgspec.Raw | Unset = UNSET


class GetPrompt(Retried, gc=False, kw_only=True):
    """prompts/get"""

    name: str
    arguments: dict[str, str] | None | Unset = UNSET


class ReadResource(Retried, gc=False, kw_only=True):
    """resources/read"""

    uri: str


class Page(Params, gc=False, kw_only=True):
    """The four lists."""

    cursor: str | None | Unset = UNSET


class Subscribe(Params, gc=False, kw_only=True):
    """resources/subscribe and its end"""

    uri: str


class SetLevel(Params, gc=False, kw_only=True):
    """logging/setLevel"""

    level: LogLevel


class Initialize(Params, gc=False, kw_only=True):
    """initialize; lenient where peers are sloppy, for a handshake that fails helps nobody."""

    protocol_version: str = msgspec.field(name="protocolVersion")
    capabilities: dict[str, Any] = {}
    client: Implementation | Unset = msgspec.field(name="clientInfo", default=UNSET)


class CompletedArgument(msgspec.Struct, gc=False):
    """The argument whose value is being typed."""

    name: str
    value: str


class CompletionContext(msgspec.Struct, gc=False):
    """Arguments that were settled before."""

    arguments: dict[str, str] = {}


class PromptReference(msgspec.Struct, tag_field="type", tag="ref/prompt", gc=False):
    """Completing an argument of a prompt."""

    name: str


class TemplateReference(msgspec.Struct, tag_field="type", tag="ref/resource", gc=False):
    """Completing a variable of a resource template."""

    uri: str


class Complete(Params, gc=False, kw_only=True):
    """completion/complete"""

    ref: PromptReference | TemplateReference
    argument: CompletedArgument
    context: CompletionContext | Unset = UNSET


class Wanted(msgspec.Struct, gc=False, rename="camel"):
    """What a listener opts in to."""

    tools_list_changed: bool | Unset = UNSET
    prompts_list_changed: bool | Unset = UNSET
    resources_list_changed: bool | Unset = UNSET
    resource_subscriptions: list[str] | Unset = UNSET
    task_ids: list[str] | Unset = UNSET


class Listen(Params, gc=False, kw_only=True):
    """subscriptions/listen"""

    notifications: Wanted


class Cancelled(msgspec.Struct, gc=False):
    """notifications/cancelled"""

    request_id: int | str = msgspec.field(name="requestId")
    reason: str | None | Unset = UNSET


class Progressed(msgspec.Struct, gc=False):
    """notifications/progress"""

    progress_token: int | str = msgspec.field(name="progressToken")
    progress: float
    total: float | None | Unset = UNSET
    message: str | None | Unset = UNSET
