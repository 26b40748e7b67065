"""The shape of each answer, in the version that the caller speaks."""

from typing import Any, Final

import msgspec

from fairlead.catalog import Completion, Prompt, Resource, Tool
from fairlead.catalog.outcome import failure, fit, fit_block, fit_message
from fairlead.errors import INTERNAL_ERROR, URL_ELICITATION_REQUIRED, PeerError, ToolError
from fairlead.kernel.call import Call
from fairlead.spec import HANDSHAKE, VERSIONS, Version
from fairlead.spec.methods import METHODS
from fairlead.spec.params import LOG_LEVELS, SERVER_INFO
from fairlead.spec.results import Passed, ToolResult
from fairlead.wire import encode

FIRST: Final[Version] = VERSIONS[HANDSHAKE[0]]
"""What is spoken before a handshake has agreed on anything."""

_OF_ONE_HOP: Final = frozenset({"resultType", "ttlMs", "cacheScope"})
"""Members that each server says for itself."""

_WEIGHT: Final = {level: weight for weight, level in enumerate(LOG_LEVELS)}


def conclude(call: Call, value: Any) -> Any:
    """The result of a call whose function returned `value`. Raises what an encoder raises, and ResultError."""
    entry = call.entry
    if type(value) is Passed:
        return passed(call, value.members)
    if type(entry) is Tool:
        return tool_result(call, entry.conclude(value))
    if isinstance(entry, Resource):
        return complete(call, {"contents": entry.conclude(call.name, value)})
    if isinstance(entry, Prompt):
        described = {} if not entry.descriptor.description else {"description": entry.descriptor.description}
        return complete(
            call, {**described, "messages": [fit_message(part, call.version) for part in entry.conclude(value)]}
        )
    if isinstance(entry, Completion):
        return complete(call, entry.conclude(value))
    raise TypeError(f"{type(entry).__name__} has no result")


def tool_result(call: Call, outcome: ToolResult) -> ToolResult:
    """A tool's result as this caller can read it, with the envelope of its version."""
    version = call.version
    outcome = fit(outcome, version)
    if version.result_envelope:
        server = call.session.terms.server_meta
        meta = server if not isinstance(outcome.meta, dict) else {**msgspec.json.decode(server), **outcome.meta}
        return ToolResult(outcome.content, outcome.structured_content, outcome.is_error, meta, "complete")
    return outcome


def passed(call: Call, members: dict[str, Any]) -> dict[str, Any]:
    """The result of another server as this caller can read it: with every member that its version has room for."""
    version = call.version
    result = {name: value for name, value in members.items() if name not in _OF_ONE_HOP}
    if "content" in result:
        outcome = ToolResult(result["content"] or [], result.get("structuredContent", msgspec.UNSET))
        outcome = fit(outcome, version)
        result["content"] = outcome.content
        result.pop("structuredContent", None)
        if outcome.structured_content is not msgspec.UNSET:
            result["structuredContent"] = outcome.structured_content
    if isinstance(result.get("messages"), list):
        result["messages"] = [_fit_passed(message, version) for message in result["messages"]]
    meta = result.pop("_meta", None)
    meta = {name: value for name, value in meta.items() if name != SERVER_INFO} if isinstance(meta, dict) else {}
    if meta and version.result_envelope:
        meta = {**msgspec.json.decode(call.session.terms.server_meta), **meta}
    ttl = members.get("ttlMs")
    return complete(call, {**result, "_meta": meta} if meta else result, ttl_ms=ttl if isinstance(ttl, int) else None)


def _fit_passed(message: Any, version: Version) -> Any:
    if not isinstance(message, dict) or not isinstance(message.get("content"), dict):
        return message
    return {**message, "content": fit_block(message["content"], version)}


def complete(call: Call, result: dict[str, Any], *, ttl_ms: int | None = None) -> dict[str, Any]:
    """A complete result with what its version adds: its kind, who answers, how long it keeps."""
    if not call.version.result_envelope:
        return result
    terms = call.session.terms
    result = {"resultType": "complete", "_meta": terms.server_meta, **result}
    # A retry is good for one caller's answers alone, so it is never kept.
    retried = getattr(call.params, "request_state", msgspec.UNSET) is not msgspec.UNSET
    if METHODS[call.request.method].kept:
        result["ttlMs"] = 0 if retried else (terms.ttl_ms if ttl_ms is None else ttl_ms)
        result["cacheScope"] = "private" if retried else terms.cache_scope
    return result


def input_required(call: Call, questions: msgspec.Raw, state: str) -> dict[str, Any]:
    """The result that asks the caller to answer questions and to call again."""
    return {
        "resultType": "input_required",
        "inputRequests": questions,
        "requestState": state,
        "_meta": call.session.terms.server_meta,
    }


def failed(call: Call, error: Exception) -> bytes:
    """The frame for a call whose function raised. Only what was meant for the caller is told."""
    if isinstance(error, PeerError):
        if error.code != URL_ELICITATION_REQUIRED or call.version.url_elicitation_error:
            return encode.error(error, call.id)
        error = ToolError(error.message)  # In other versions nobody would know the code.
    meant = isinstance(error, ToolError)
    if isinstance(call.entry, Tool):
        text = str(error) if meant else f"The tool {call.name!r} failed. The server's log has the cause."
        return encode.result(call.id, tool_result(call, failure(text)))
    text = str(error) if meant else f"{call.request.method} failed. The server's log has the cause."
    return encode.error(PeerError(INTERNAL_ERROR, text), call.id)


def unfit(call: Call) -> bytes:
    """The frame for a call whose function returned what it had not declared, or what JSON cannot hold."""
    text = f"{call.name or call.request.method!r} returned a value that does not fit what it declares."
    return failed(call, ToolError(text + " The server's log has more."))


def progress(token: int | str, done: float, total: float | None, message: str | None) -> dict[str, Any]:
    """The params of a progress notification."""
    params: dict[str, Any] = {"progressToken": token, "progress": done}
    if total is not None:
        params["total"] = total
    if message is not None:
        params["message"] = message
    return params


def log(level: str, data: Any, logger: str | None) -> dict[str, Any]:
    """The params of a log notification."""
    params: dict[str, Any] = {"level": level, "data": data}
    if logger is not None:
        params["logger"] = logger
    return params


def wanted(least: str | None, level: str) -> bool:
    """Whether a caller who wants `least` and worse is told of `level`."""
    return least is not None and _WEIGHT.get(level, 0) >= _WEIGHT[least]
