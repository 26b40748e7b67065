"""One tree of exceptions and one table of codes.

Three questions, three branches: did the peer break the protocol (`PeerError`), did the caller
misuse us (`UsageError`), or did time or the network end it (`LineError`)?  Every code that can
reach a peer stands in `CODES`, with whether the same request may be tried again and what to do.
This module refuses to carry the text of foreign exceptions: what a peer reads is written here
or by the author of a tool (`ToolError`).
"""

from typing import Any, Final, NamedTuple

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
RESOURCE_NOT_FOUND: Final = -32002
URL_ELICITATION_REQUIRED: Final = -32042
HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022

# Ours stand outside -32768…-32000, which JSON-RPC and MCP keep for themselves.
BUSY: Final = -31001
RATE_LIMITED: Final = -31002
TIMED_OUT: Final = -31003
SHUTTING_DOWN: Final = -31004
STATE_LOST: Final = -31005
UNREACHABLE: Final = -31006


class Code(NamedTuple):
    """One row of the table: what the number means, and what the peer can do about it."""

    number: int
    name: str
    meaning: str
    retryable: bool
    next_step: str


CODES: Final[dict[int, Code]] = {
    row.number: row
    for row in (
        Code(PARSE_ERROR, "PARSE_ERROR", "The frame is not JSON.", False, "Send one JSON value in UTF-8 per frame."),
        Code(
            INVALID_REQUEST,
            "INVALID_REQUEST",
            "JSON, but not a JSON-RPC 2.0 message that is allowed here.",
            False,
            "Send a JSON-RPC 2.0 request, notification or response.",
        ),
        Code(
            METHOD_NOT_FOUND,
            "METHOD_NOT_FOUND",
            "The method does not exist here.",
            False,
            "See the capabilities of the server for what it offers.",
        ),
        Code(
            INVALID_PARAMS,
            "INVALID_PARAMS",
            "The parameters do not fit the method.",
            False,
            "Mend the named parameter.",
        ),
        Code(
            INTERNAL_ERROR,
            "INTERNAL_ERROR",
            "A defect of the server.",
            False,
            "Report it with the time; the server's log has the cause.",
        ),
        Code(RESOURCE_NOT_FOUND, "RESOURCE_NOT_FOUND", "No resource has this URI.", False, "List the resources first."),
        Code(
            URL_ELICITATION_REQUIRED,
            "URL_ELICITATION_REQUIRED",
            "The user has to open a URL first.",
            True,
            "Open the URL in data.elicitations, then repeat the call.",
        ),
        Code(
            HEADER_MISMATCH,
            "HEADER_MISMATCH",
            "A header and the body disagree.",
            False,
            "Send headers that repeat the body's values.",
        ),
        Code(
            MISSING_CAPABILITY,
            "MISSING_CAPABILITY",
            "The request needs a capability that the client did not declare.",
            False,
            "Declare data.requiredCapabilities, or call something else.",
        ),
        Code(
            UNSUPPORTED_VERSION,
            "UNSUPPORTED_VERSION",
            "The protocol version is not served here.",
            False,
            "Use one of data.supported.",
        ),
        Code(
            BUSY, "BUSY", "Too many requests of this peer are in flight.", True, "Wait for an answer, then send again."
        ),
        Code(RATE_LIMITED, "RATE_LIMITED", "The rate of this peer is used up.", True, "Wait data.retryAfter seconds."),
        Code(TIMED_OUT, "TIMED_OUT", "The call took longer than it may.", False, "Ask for less, or allow more time."),
        Code(SHUTTING_DOWN, "SHUTTING_DOWN", "The server is going away.", True, "Connect again and repeat."),
        Code(
            STATE_LOST,
            "STATE_LOST",
            "The suspended call is gone: it expired, was finished, or the server was restarted.",
            False,
            "Call again from the beginning, without requestState.",
        ),
        Code(
            UNREACHABLE,
            "UNREACHABLE",
            "The server behind this one, which would do it, cannot be reached.",
            True,
            "Wait a moment, then call again.",
        ),
    )
}


class FairleadError(Exception):
    """Everything that Fairlead raises on purpose."""


class PeerError(FairleadError):
    """The peer broke the protocol, or asked for what cannot be had; becomes a JSON-RPC error.

    `id` is the request's, or None where none could be read. `data` is what the peer gets beside
    the text: always `retryable` and `next`, and what the case adds.
    """

    def __init__(self, code: int, message: str, *, data: dict[str, Any] | None = None, id: int | str | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.id = id

    def describe(self) -> dict[str, Any]:
        """The `error` member: code, message and machine-readable data."""
        row = CODES.get(self.code)
        data: dict[str, Any] = {}
        if row is not None:
            data = {"errorCode": row.name, "retryable": row.retryable, "next": row.next_step}
        if self.data:
            data.update(self.data)
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if data:
            error["data"] = data
        return error


class UsageError(FairleadError):
    """The author of a server or client used Fairlead in a way that cannot work; says the next step."""


class LineError(FairleadError):
    """Time or the network ended it: nothing is wrong with the message."""


class ConnectionLost(LineError):  # noqa: N818 - the name that users of the client catch
    """The line went away. `state` is `not_sent` (safe to repeat) or `unknown_outcome`; `code` is how it was closed."""

    def __init__(self, message: str, *, state: str, code: int | None = None):
        super().__init__(message)
        self.state = state
        self.code = code


class RequestTimeout(LineError, TimeoutError):
    """The other side did not answer a request of ours in time."""


class ToolError(FairleadError):
    """Raised by a tool for the caller to read: the text goes out as it stands, with `isError`.

    Any other exception of a tool is masked: the caller reads that the tool failed, the log has why.
    """


class CallError(FairleadError):
    """The other side answered a request of ours with an error (`code`, `message`, `data`)."""

    def __init__(self, code: int, message: str, data: Any = None):
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data
