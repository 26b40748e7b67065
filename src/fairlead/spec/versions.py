"""The protocol versions as data: what each one can say.

A new version is a new row here and new rows in `methods`; nothing elsewhere asks for a version by
its date. Refuses nothing: who asks for a version that has no row finds none.
"""

from typing import Final, Literal

import msgspec

Era = Literal["handshake", "stateless"]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One dated version of MCP, and where it differs from its neighbours."""

    date: str
    era: Era
    batches: bool = False
    """Several messages may share one frame."""

    structured_output: Literal["none", "object", "any"] = "none"
    """Whether tools may declare an output schema and answer with `structuredContent`, and of what shape that is."""

    argument_faults: Literal["error", "result"] = "error"
    """Arguments that fail the tool's schema: a protocol error, or a result with `isError`."""

    resource_not_found: int = -32002
    url_elicitation_error: bool = False
    """The error exists that asks for the elicitation of a URL (-32042)."""

    url_elicitation: bool = False
    """A client may be asked to have its user open a URL."""

    version_header: bool = False
    """A client over HTTP repeats the version in a header (`MCP-Protocol-Version`)."""

    polled_streams: bool = False
    """A stream of events over HTTP begins with an id and no data, so that a client can come back for all of it."""

    result_envelope: bool = False
    """Results say `resultType` and the server's identity; some say how long they keep (`ttlMs`)."""

    content_blocks: frozenset[str]
    """Kinds of content that a client of this version can read."""

    descriptor_members: frozenset[str]
    """Members of tools, resources and prompts that exist beyond the first version's."""


_FIRST_BLOCKS: Final = frozenset({"text", "image", "resource"})
_BLOCKS_2025_03: Final = _FIRST_BLOCKS | {"audio"}
ALL_BLOCKS: Final = _BLOCKS_2025_03 | {"resource_link"}
"""Every kind there is."""

_MEMBERS_2025_03: Final = frozenset({"annotations"})
_MEMBERS_2025_06: Final = _MEMBERS_2025_03 | {"title", "outputSchema", "_meta"}
_MEMBERS_2025_11: Final = _MEMBERS_2025_06 | {"icons", "description", "websiteUrl", "execution"}

VERSIONS: Final[dict[str, Version]] = {
    row.date: row
    for row in (
        Version(
            date="2024-11-05",
            era="handshake",
            batches=True,  # The text is silent, JSON-RPC 2.0 has them, and clients of that year send them.
            content_blocks=_FIRST_BLOCKS,
            descriptor_members=frozenset(),
        ),
        Version(
            date="2025-03-26",
            era="handshake",
            batches=True,
            content_blocks=_BLOCKS_2025_03,
            descriptor_members=_MEMBERS_2025_03,
        ),
        Version(
            date="2025-06-18",
            era="handshake",
            structured_output="object",
            version_header=True,
            content_blocks=ALL_BLOCKS,
            descriptor_members=_MEMBERS_2025_06,
        ),
        Version(
            date="2025-11-25",
            era="handshake",
            structured_output="object",
            version_header=True,
            argument_faults="result",
            url_elicitation=True,
            url_elicitation_error=True,
            polled_streams=True,
            content_blocks=ALL_BLOCKS,
            descriptor_members=_MEMBERS_2025_11,
        ),
        Version(
            date="2026-07-28",
            era="stateless",
            structured_output="any",
            version_header=True,
            argument_faults="result",
            resource_not_found=-32602,
            url_elicitation=True,
            result_envelope=True,
            content_blocks=ALL_BLOCKS,
            descriptor_members=_MEMBERS_2025_11,
        ),
    )
}

HANDSHAKE: Final = tuple(date for date, row in VERSIONS.items() if row.era == "handshake")
STATELESS: Final = tuple(date for date, row in VERSIONS.items() if row.era == "stateless")
NEWEST_HANDSHAKE: Final = VERSIONS[HANDSHAKE[-1]]
"""What a handshake client is offered that asks for a version nobody here knows."""


def at_least(date: str) -> frozenset[str]:
    """The versions from `date` on."""
    return frozenset(known for known in VERSIONS if known >= date)


def between(first: str, last: str) -> frozenset[str]:
    """The versions from `first` to `last`, both included."""
    return frozenset(known for known in VERSIONS if first <= known <= last)
