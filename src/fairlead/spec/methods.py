"""Which method and which notification exists in which version, what it takes, and what it needs.

One row each; the kernel dispatches by these rows alone.
"""

from typing import Final

import msgspec

from fairlead.spec import params, tasks
from fairlead.spec.versions import HANDSHAKE, STATELESS, VERSIONS, at_least, between

_ALL: Final = frozenset(VERSIONS)
_HANDSHAKE: Final = frozenset(HANDSHAKE)
_STATELESS: Final = frozenset(STATELESS)


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a client may send to a server."""

    name: str
    versions: frozenset[str]
    params: type
    capability: str | None = None
    """The server's capability without which the method does not exist."""

    extension: str | None = None
    """The extension of the protocol that it belongs to; where that is not offered, the method does not exist."""

    kept: bool = False
    """Its complete result says how long it keeps (`ttlMs`, `cacheScope`)."""

    retried: bool = False
    """It may be answered with questions first, in the stateless era."""

    named_by: str | None = None
    """The member of its params that HTTP repeats in the header `Mcp-Name`."""

    cancellable: bool = True
    while_draining: bool = False
    """It runs nothing of an author's, so that a server which goes away still answers it: clients look things up."""

    before_handshake: bool = False
    """It may come before `initialize` was answered."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A notification, and the versions that have it."""

    name: str
    versions: frozenset[str]
    params: type | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a server may send to a client, or put into a multi-round-trip result."""

    name: str
    versions: frozenset[str]
    """Versions in which it travels as a request of its own."""

    inline: frozenset[str] = frozenset()
    """Versions in which it travels inside `inputRequests`."""

    capability: str | None = None
    """The client's capability that allows it."""


METHODS: Final[dict[str, Method]] = {
    row.name: row
    for row in (
        Method(
            name="initialize", versions=_HANDSHAKE, params=params.Initialize, cancellable=False, before_handshake=True
        ),
        Method(name="ping", versions=_HANDSHAKE, params=params.Params, before_handshake=True, while_draining=True),
        Method(name="server/discover", versions=_STATELESS, params=params.Params, kept=True, while_draining=True),
        Method(
            name="tools/list", versions=_ALL, params=params.Page, capability="tools", kept=True, while_draining=True
        ),
        Method(
            name="tools/call", versions=_ALL, params=params.CallTool, capability="tools", retried=True, named_by="name"
        ),
        Method(
            name="resources/list",
            versions=_ALL,
            params=params.Page,
            capability="resources",
            kept=True,
            while_draining=True,
        ),
        Method(
            name="resources/templates/list",
            versions=_ALL,
            params=params.Page,
            capability="resources",
            kept=True,
            while_draining=True,
        ),
        Method(
            name="resources/read",
            versions=_ALL,
            params=params.ReadResource,
            capability="resources",
            kept=True,
            retried=True,
            named_by="uri",
        ),
        Method(name="resources/subscribe", versions=_HANDSHAKE, params=params.Subscribe, capability="resources"),
        Method(name="resources/unsubscribe", versions=_HANDSHAKE, params=params.Subscribe, capability="resources"),
        Method(
            name="prompts/list", versions=_ALL, params=params.Page, capability="prompts", kept=True, while_draining=True
        ),
        Method(
            name="prompts/get",
            versions=_ALL,
            params=params.GetPrompt,
            capability="prompts",
            retried=True,
            named_by="name",
        ),
        Method(name="completion/complete", versions=_ALL, params=params.Complete, capability="completions"),
        Method(name="logging/setLevel", versions=_HANDSHAKE, params=params.SetLevel, capability="logging"),
        # Asked of a server by old clients that have it the wrong way round: there is nothing, and that is an answer.
        Method(name="roots/list", versions=_HANDSHAKE, params=params.Params),
        Method(name="subscriptions/listen", versions=_STATELESS, params=params.Listen),
        Method(
            name="tasks/get",
            versions=_STATELESS,
            params=tasks.NamedTask,
            extension=tasks.EXTENSION,
            named_by="taskId",
        ),
        Method(
            name="tasks/update",
            versions=_STATELESS,
            params=tasks.UpdateTask,
            extension=tasks.EXTENSION,
            named_by="taskId",
        ),
        Method(
            name="tasks/cancel",
            versions=_STATELESS,
            params=tasks.NamedTask,
            extension=tasks.EXTENSION,
            named_by="taskId",
        ),
    )
}

CLIENT_NOTICES: Final[dict[str, Notice]] = {
    row.name: row
    for row in (
        Notice(name="notifications/initialized", versions=_HANDSHAKE),
        Notice(name="notifications/cancelled", versions=_ALL, params=params.Cancelled),
        Notice(name="notifications/progress", versions=_HANDSHAKE, params=params.Progressed),
        Notice(name="notifications/roots/list_changed", versions=_HANDSHAKE),
    )
}

SERVER_NOTICES: Final[dict[str, Notice]] = {
    row.name: row
    for row in (
        Notice(name="notifications/cancelled", versions=_ALL),
        Notice(name="notifications/progress", versions=_ALL),
        Notice(name="notifications/message", versions=_ALL),
        Notice(name="notifications/resources/updated", versions=_ALL),
        Notice(name="notifications/tools/list_changed", versions=_ALL),
        Notice(name="notifications/prompts/list_changed", versions=_ALL),
        Notice(name="notifications/resources/list_changed", versions=_ALL),
        Notice(name="notifications/elicitation/complete", versions=between("2025-11-25", "2025-11-25")),
        Notice(name="notifications/subscriptions/acknowledged", versions=_STATELESS),
        Notice(name="notifications/tasks", versions=_STATELESS),
    )
}

ASKED: Final[dict[str, Asked]] = {
    row.name: row
    for row in (
        Asked(name="ping", versions=_HANDSHAKE),
        Asked(name="roots/list", versions=_HANDSHAKE, inline=_STATELESS, capability="roots"),
        Asked(name="sampling/createMessage", versions=_HANDSHAKE, inline=_STATELESS, capability="sampling"),
        Asked(
            name="elicitation/create",
            versions=at_least("2025-06-18") & _HANDSHAKE,
            inline=_STATELESS,
            capability="elicitation",
        ),
    )
}
"""What a server may ask of a client."""

LIST_CHANGED: Final = {
    "tools": "notifications/tools/list_changed",
    "prompts": "notifications/prompts/list_changed",
    "resources": "notifications/resources/list_changed",
}
