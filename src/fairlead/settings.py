"""The settings of a server: one frozen definition, from which flags, environment and documentation follow.

Low in the house, because every floor may read it; so it is plain data and asks for nothing.
"""

from typing import Annotated, Any

import msgspec

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each field is a flag of `fairlead serve` and a variable of the environment (`FAIRLEAD_…`)."""

    host: Annotated[str, msgspec.Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(description="port to listen on; 0 takes a free one", ge=0, le=65535)] = 8000
    allowed_origins: Annotated[
        tuple[str, ...], msgspec.Meta(description="browser origins that may connect, beside the server's own")
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...], msgspec.Meta(description="host names under which the server may be addressed; * for any")
    ] = ()
    workers: Annotated[
        int, msgspec.Meta(description="processes that serve side by side on one address", ge=1, le=512)
    ] = 1
    trusted_proxies: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="addresses or networks of proxies whose X-Forwarded-* is believed; * for any"),
    ] = ("127.0.0.1", "::1")
    frame_bytes: Annotated[int, msgspec.Meta(description="largest message in bytes", ge=1024)] = 4 * 1024 * 1024
    in_flight: Annotated[int, msgspec.Meta(description="requests of one peer that may run at once", ge=1)] = 64
    page_size: Annotated[int, msgspec.Meta(description="entries on a page of a list", ge=1)] = 200
    ttl_ms: Annotated[int, msgspec.Meta(description="how long clients may keep lists (milliseconds)", ge=0)] = 0
    call_timeout: Annotated[
        float | None, msgspec.Meta(description="seconds after which a call is given up; none: never")
    ] = None
    answer_within: Annotated[
        Annotated[float, msgspec.Meta(gt=0)] | None,
        msgspec.Meta(description="seconds after which a slow call is answered with a handle for its result"),
    ] = None
    tasks: Annotated[int, msgspec.Meta(description="tasks that may be kept at once, running or ended", ge=1)] = 1024
    task_ttl: Annotated[
        float, msgspec.Meta(description="seconds for which a task is kept, where its tool does not say", gt=0)
    ] = 3600.0
    task_poll: Annotated[
        float, msgspec.Meta(description="seconds that clients let pass between two questions after a task", gt=0)
    ] = 1.0
    threads: Annotated[int, msgspec.Meta(description="threads for plain functions", ge=1)] = 40
    queued_bytes: Annotated[
        int, msgspec.Meta(description="bytes that may wait for a peer that does not read", ge=65536)
    ] = 1024 * 1024
    stall_seconds: Annotated[
        float, msgspec.Meta(description="seconds without progress after which a peer over that bound is closed", gt=0)
    ] = 5.0
    drain_seconds: Annotated[
        float, msgspec.Meta(description="seconds that calls in flight may take when the server stops", ge=0)
    ] = 25.0
    compression: Annotated[
        bool, msgspec.Meta(description="offer permessage-deflate: saves bytes, costs 34 KiB a connection")
    ] = False
    ping_seconds: Annotated[float, msgspec.Meta(description="seconds between pings, and for a pong", gt=0)] = 20.0
    body_seconds: Annotated[
        float, msgspec.Meta(description="seconds in which the body of a request must come", gt=0)
    ] = 30.0
    sessions: Annotated[
        int, msgspec.Meta(description="sessions over HTTP that may be open at once, at each worker", ge=1)
    ] = 10_000
    session_idle: Annotated[
        float, msgspec.Meta(description="seconds after which an idle session over HTTP ends", gt=0)
    ] = 1800.0
    stateless_http: Annotated[bool, msgspec.Meta(description="serve handshake clients over HTTP without sessions")] = (
        False
    )
    secret: Annotated[
        str | None, msgspec.Meta(description="signs cursors and suspended calls; the same for all workers")
    ] = None
    root_path: Annotated[str, msgspec.Meta(description="prefix that a proxy adds to every path")] = ""
    log_level: Annotated[str, msgspec.Meta(description="debug, info, warning or error")] = "info"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK or self.host.startswith("127.")


def settings(**given: Any) -> Settings:
    """Settings with the given values, checked. Raises msgspec.ValidationError naming the value that does not fit."""
    return msgspec.convert(given, Settings, strict=False)
