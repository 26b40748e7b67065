"""What the Model Context Protocol asks of a server, a clause a line, and the tests that prove each.

The clauses are in our own words; `source` says where the specification (or our WebSocket binding, which
is a page of the documentation) puts them. `test_requirements.py` holds this table to the tests and the
tests to this table. A clause without its test yet is `pending`; once `COMPLETE` is set, none may be.
"""

import os
from dataclasses import dataclass

# `FAIRLEAD_REQUIREMENTS=complete` asks the question before the answer is written down here.
COMPLETE = False or os.environ.get("FAIRLEAD_REQUIREMENTS") == "complete"

HANDSHAKE = "2024-11-05 to 2025-11-25"
STATELESS = "2026-07-28"
BINDING = "WebSocket binding"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One clause. A test is named as pytest does: `tests/kernel/test_x.py::test_y`, or `…::TestX::test_y`."""

    id: str
    clause: str
    source: str
    tests: tuple[str, ...] = ()
    pending: bool = False


def _pending(id: str, clause: str, source: str) -> Requirement:
    return Requirement(id=id, clause=clause, source=source, pending=True)


REQUIREMENTS: tuple[Requirement, ...] = (
    # --- two eras, five versions ---
    _pending("ERA-01", "A request whose _meta names a protocol version is stateless.", f"{STATELESS}: versioning"),
    _pending("ERA-02", "initialize opens a handshake session on its connection.", f"{HANDSHAKE}: lifecycle"),
    _pending(
        "ERA-03",
        "The era is told for each message: one connection can carry a handshake session and stateless requests.",
        f"{STATELESS}: versioning, servers of both eras",
    ),
    _pending(
        "ERA-04",
        "initialize with a version that the server has is answered with that version.",
        f"{HANDSHAKE}: lifecycle, version negotiation",
    ),
    _pending(
        "ERA-05",
        "initialize with an unknown version is answered with one that the server has.",
        f"{HANDSHAKE}: lifecycle, version negotiation",
    ),
    _pending(
        "ERA-06",
        "The answer to initialize holds the version, the capabilities and the name and version of the server.",
        f"{HANDSHAKE}: lifecycle, initialization",
    ),
    _pending(
        "ERA-07",
        "Until the client has said that it is initialized, the server sends it no request but ping.",
        f"{HANDSHAKE}: lifecycle, initialization",
    ),
    _pending(
        "ERA-08",
        "Before initialize is answered, nothing but ping is served to a handshake client.",
        f"{HANDSHAKE}: lifecycle, initialization",
    ),
    _pending(
        "ERA-09",
        "Each version has its own methods and notifications; one of another version is unknown.",
        "all versions: schema",
    ),
    _pending(
        "ERA-10",
        "Both sides use only capabilities that were agreed on in the handshake.",
        f"{HANDSHAKE}: lifecycle, operation",
    ),
    _pending(
        "ERA-11",
        "No elicitation is asked of a client below 2025-06-18, and no URL elicitation below 2025-11-25.",
        "2025-06-18, 2025-11-25: elicitation",
    ),
    _pending("ERA-12", "A batch is received on 2025-03-26 and each request in it is answered.", "2025-03-26: messages"),
    _pending("ERA-13", "initialize never stands in a batch.", "2025-03-26: lifecycle"),
    _pending("ERA-14", "From 2025-06-18 on there is no batch.", "2025-06-18 and later: messages"),
    _pending(
        "ERA-15",
        "A batch of notifications and responses alone has no answer.",
        "JSON-RPC 2.0: batch",
    ),
    _pending(
        "ERA-16",
        "Structured content is sent where the version has it: an object from 2025-06-18, any JSON value in the "
        "stateless era, none before.",
        "2025-06-18 and later: tools, structured content",
    ),
    _pending(
        "ERA-17",
        "Structured content fits the output schema that the tool declares.",
        "2025-06-18 and later: tools, output schema",
    ),
    _pending("ERA-18", "ping is answered in the handshake era with an empty result.", f"{HANDSHAKE}: ping"),
    # --- the stateless era ---
    _pending(
        "STATELESS-01",
        "The _meta of every request holds the protocol version and the client's capabilities; a missing one is -32602.",
        f"{STATELESS}: request metadata",
    ),
    _pending(
        "STATELESS-02",
        "An unknown version is -32022, whose data lists the supported versions and the requested one.",
        f"{STATELESS}: versioning",
    ),
    _pending("STATELESS-03", "server/discover is served.", f"{STATELESS}: discovery"),
    _pending(
        "STATELESS-04",
        "A request needs no earlier one: nothing of a connection is remembered for the next request.",
        f"{STATELESS}: lifecycle",
    ),
    _pending("STATELESS-05", "Every result has a resultType.", f"{STATELESS}: results"),
    _pending(
        "STATELESS-06",
        "Every result names the server in its _meta (a SHOULD, kept as a MUST here).",
        f"{STATELESS}: results",
    ),
    _pending(
        "STATELESS-07",
        "Complete results of discover, of the four lists and of resources/read carry ttlMs (0 or more) and "
        "cacheScope (public or private).",
        f"{STATELESS}: caching",
    ),
    _pending("STATELESS-08", "All pages of one list have one cacheScope.", f"{STATELESS}: caching, pagination"),
    _pending(
        "STATELESS-09", "The answer to a retry with input is not marked as cacheable.", f"{STATELESS}: caching, MRTR"
    ),
    _pending(
        "STATELESS-10",
        "Input is asked for only in the results of tools/call, prompts/get and resources/read.",
        f"{STATELESS}: multi-round-trip requests",
    ),
    _pending(
        "STATELESS-11",
        "A result that asks for input holds inputRequests, requestState or both.",
        f"{STATELESS}: multi-round-trip requests",
    ),
    _pending(
        "STATELESS-12",
        "A retry comes under a new id with inputResponses and the state as it was given, and goes on from there.",
        f"{STATELESS}: multi-round-trip requests",
    ),
    _pending(
        "STATELESS-13",
        "A state whose integrity does not hold is refused.",
        f"{STATELESS}: multi-round-trip requests, security",
    ),
    _pending(
        "STATELESS-14",
        "A state is refused from anyone but the caller that it was given to.",
        f"{STATELESS}: multi-round-trip requests, security",
    ),
    _pending(
        "STATELESS-15", "A state that has expired is refused.", f"{STATELESS}: multi-round-trip requests, security"
    ),
    _pending(
        "STATELESS-16",
        "Input is asked for only in kinds that this request's capabilities name; else -32021 with "
        "data.requiredCapabilities.",
        f"{STATELESS}: client capabilities",
    ),
    _pending(
        "STATELESS-17",
        "The first message on a subscription is its acknowledgement.",
        f"{STATELESS}: subscriptions",
    ),
    _pending(
        "STATELESS-18",
        "Every message on a subscription carries the id of the listen request as its subscriptionId.",
        f"{STATELESS}: subscriptions",
    ),
    _pending(
        "STATELESS-19",
        "A subscription carries only the kinds that were opted into.",
        f"{STATELESS}: subscriptions",
    ),
    _pending("STATELESS-20", "A cancelled subscription carries nothing more.", f"{STATELESS}: subscriptions"),
    _pending(
        "STATELESS-21",
        "A log message is sent only for a request that named a logLevel, and not below that level.",
        f"{STATELESS}: logging",
    ),
    _pending("STATELESS-22", "No log message goes over a subscription.", f"{STATELESS}: logging, subscriptions"),
    _pending("STATELESS-23", "The server sends no request.", f"{STATELESS}: messages"),
    _pending(
        "STATELESS-24",
        "A list does not vary by connection.",
        f"{STATELESS}: lists",
    ),
    _pending("STATELESS-25", "A list comes in one order, always.", f"{STATELESS}: lists"),
    _pending(
        "STATELESS-26",
        "initialize, ping and the other methods of the handshake era are unknown in a stateless request.",
        f"{STATELESS}: schema",
    ),
    # --- errors ---
    _pending(
        "ERR-01",
        "What is no JSON is -32700: also NaN, numbers out of range, nesting past the limit, bad UTF-8.",
        "JSON-RPC 2.0: errors",
    ),
    _pending("ERR-02", "JSON that is no JSON-RPC message is -32600.", "JSON-RPC 2.0: errors"),
    _pending("ERR-03", "An empty batch is -32600.", "JSON-RPC 2.0: batch"),
    _pending("ERR-04", "A batch where the version has none is -32600.", "2025-06-18 and later: messages"),
    _pending("ERR-05", "An unknown method is -32601.", "JSON-RPC 2.0: errors"),
    _pending("ERR-06", "A method behind a capability that is not advertised is -32601.", "all versions: capabilities"),
    _pending("ERR-07", "An unknown tool is -32602 in every version.", "all versions: tools, errors"),
    _pending("ERR-08", "An unknown prompt is -32602.", "all versions: prompts, errors"),
    _pending("ERR-09", "Params that do not fit the schema of the method are -32602.", "JSON-RPC 2.0: errors"),
    _pending("ERR-10", "A cursor that the server did not give out is -32602.", "all versions: pagination"),
    _pending(
        "ERR-11",
        "A resource that is not there is -32002 in the handshake era and -32602 in the stateless one.",
        "all versions: resources, errors",
    ),
    _pending(
        "ERR-12",
        "A defect of the server is -32603, and its text never reaches the peer.",
        "all versions: errors, security",
    ),
    _pending("ERR-13", "-32042 is used on 2025-11-25 alone.", "2025-11-25: URL elicitation"),
    _pending(
        "ERR-14",
        "No code of ours lies in the range that JSON-RPC and MCP keep for themselves.",
        f"{STATELESS}: error codes",
    ),
    _pending("ERR-15", "The rest of -32020 to -32099 is never sent.", f"{STATELESS}: error codes"),
    _pending("ERR-16", "Every error of our own says in its data whether it may be tried again.", "Fairlead: errors"),
    _pending(
        "ERR-17",
        "Arguments that do not fit a tool are -32602 through 2025-06-18 and an isError result from 2025-11-25 on.",
        "all versions: tools, errors",
    ),
    _pending("ERR-18", "A tool that raises makes an isError result.", "all versions: tools, errors"),
    _pending("ERR-19", "An error has the id of its request.", "JSON-RPC 2.0: response"),
    _pending(
        "ERR-20",
        "An error to a message whose id could not be read has no id, or a null one where the version asks for it.",
        "all versions: messages",
    ),
    _pending("ERR-21", "An error response carries no result, and a result no error.", "JSON-RPC 2.0: response"),
    # --- what is easily missed ---
    _pending(
        "SERVER-01",
        "A version that is known but disabled is -32022 like an unknown one.",
        f"{STATELESS}: versioning",
    ),
    _pending("SERVER-02", "Progress of one request strictly increases.", "2025-03-26 and later: progress"),
    _pending("SERVER-03", "Progress stops at the answer.", "all versions: progress"),
    _pending("SERVER-04", "Progress is sent only for a request that came with a token.", "all versions: progress"),
    _pending("SERVER-05", "Nothing more is sent for a request after its cancellation.", "all versions: cancellation"),
    _pending("SERVER-06", "initialize cannot be cancelled.", f"{HANDSHAKE}: cancellation"),
    _pending(
        "SERVER-07",
        "A cancellation of a request that is unknown or already answered is ignored.",
        "all versions: cancellation",
    ),
    _pending("SERVER-08", "Completion returns at most 100 values.", "all versions: completion"),
    _pending("SERVER-09", "ping is answered at once, also while tools run.", f"{HANDSHAKE}: ping"),
    _pending(
        "SERVER-10", 'The ids 0, "" and 2^53-1 come back exactly.', "JSON-RPC 2.0: request; all versions: messages"
    ),
    _pending(
        "SERVER-11", "An id that is null, a fraction or a truth value is no id: -32600.", "all versions: messages"
    ),
    _pending("SERVER-12", "A notification is never answered, not even with an error.", "JSON-RPC 2.0: notification"),
    _pending(
        "SERVER-13",
        "The server never uses the id of one of its requests twice in a session.",
        f"{HANDSHAKE}: messages",
    ),
    _pending(
        "SERVER-14",
        "Below the log level that the client set, no log message is sent.",
        f"{HANDSHAKE}: logging",
    ),
    _pending("SERVER-15", "A response to no request of ours is ignored.", "JSON-RPC 2.0: response"),
    # --- WebSocket binding ---
    _pending("WS-01", "The upgrade is taken at /mcp and at /mcp/ws.", f"{BINDING}: establishment"),
    _pending("WS-02", "The subprotocol mcp is echoed where it is offered.", f"{BINDING}: establishment"),
    _pending("WS-03", "A client that offers no subprotocol is served too.", f"{BINDING}: establishment"),
    _pending(
        "WS-04",
        "A client that behaves as Claude Code does (subprotocol mcp, initialize under id 0) completes a call.",
        f"{BINDING}: establishment",
    ),
    _pending(
        "WS-05",
        "An offered subprotocol that carries a credential is never echoed.",
        f"{BINDING}: credentials",
    ),
    _pending("WS-06", "A token in the query opens nothing.", f"{BINDING}: credentials"),
    _pending("WS-07", "A text frame holds one message, and the answer is one text frame.", f"{BINDING}: framing"),
    _pending("WS-08", "A batch of a handshake client is answered in one text frame.", f"{BINDING}: framing"),
    _pending("WS-09", "A binary frame closes 1003.", f"{BINDING}: framing"),
    _pending("WS-10", "A message that is too large closes 1009, before its payload is read.", f"{BINDING}: framing"),
    _pending("WS-11", "Text that is not UTF-8 closes 1007.", f"{BINDING}: framing"),
    _pending("WS-12", "A peer that breaks a rule of the house is closed 1008.", f"{BINDING}: framing"),
    _pending("WS-13", "A server that goes away closes 1001, one that restarts 1012.", f"{BINDING}: framing"),
    _pending("WS-14", "A peer that should come back later is closed 1013.", f"{BINDING}: framing"),
    _pending("WS-15", "A request is cancelled by notifications/cancelled, as on stdio.", f"{BINDING}: cancellation"),
    _pending("WS-16", "Closing the socket abandons what is in flight.", f"{BINDING}: cancellation"),
    _pending(
        "WS-17",
        "The server pings every 20 s, and closes after 20 s without a pong.",
        f"{BINDING}: liveness",
    ),
    _pending(
        "WS-18",
        "In the stateless era all metadata is in the body, and the server sends no request.",
        f"{BINDING}: stateless era",
    ),
)
