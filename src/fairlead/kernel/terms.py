"""What a server is to every peer alike: its name, its catalog, its bounds. Plain data, shared by its sessions."""

import secrets
from typing import Any, Literal

import msgspec

from fairlead.catalog import Catalog
from fairlead.spec import STATELESS, VERSIONS
from fairlead.spec.descriptors import Implementation, describe
from fairlead.spec.params import SERVER_INFO
from fairlead.wire import Limits, encode


class Terms(msgspec.Struct, kw_only=True):
    """The same for each peer of one server. `secret` signs cursors and suspended calls: give it to all workers."""

    server: Implementation
    catalog: Catalog
    instructions: str | None = None
    limits: Limits = Limits()
    secret: bytes = msgspec.field(default_factory=lambda: secrets.token_bytes(32))

    mark: str = ""
    """What the ids of suspended calls and tasks begin with: it tells workers which of them keeps the call."""

    in_flight: int = 64
    """Requests of one peer that may run at once; the next is refused as busy, and may be repeated."""

    page_size: int = 200
    """Entries on a page of a list: most clients get all they need at once, no frame grows without bound."""

    ttl_ms: int = 0
    """How long a client may keep lists and resources (stateless era). 0: ask each time."""

    cache_scope: Literal["public", "private"] = "private"
    """Whether answers may be shared between callers (stateless era)."""

    ask_timeout: float = 300.0
    """Seconds that a question to the client may take: a person may have to answer it."""

    suspend_for: float = 600.0
    """Seconds that a suspended call waits for its answers (stateless era)."""

    suspended: int = 1024
    """Suspended calls in all. Each holds a task, so that their number must be bounded."""

    tasks: int = 1024
    """Tasks in all, whether they still run or wait to be fetched."""

    task_bytes: int = 64 * 1024 * 1024
    """Bytes of results that may wait to be fetched; past them no new task is begun."""

    task_ttl: float = 3600.0
    """Seconds for which a task is kept, from its start, where its tool does not say otherwise."""

    task_poll: float = 1.0
    """Seconds that a client is told to let pass between two questions after a task."""

    server_meta: msgspec.Raw = msgspec.Raw(b"{}")
    """The `_meta` of every stateless result, made once."""

    extensions: dict[str, dict[str, Any]] = {}
    """Extensions of the protocol that are offered, with their settings."""

    def __post_init__(self) -> None:
        told = describe(self.server, VERSIONS[STATELESS[-1]])
        self.server_meta = msgspec.Raw(encode.encode({SERVER_INFO: told}))
