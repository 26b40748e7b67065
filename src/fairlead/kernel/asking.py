"""Whether a caller can be asked a question at all: by its version, and by the capabilities it declared."""

from typing import Any

from fairlead.errors import MISSING_CAPABILITY, PeerError, ToolError
from fairlead.kernel.call import Call
from fairlead.spec.methods import ASKED


def check(call: Call, method: str, params: dict[str, Any]) -> None:
    """Raises PeerError (-32021, stateless era) or ToolError (handshake era) if the caller cannot be asked this."""
    row = ASKED[method]
    where = row.inline if call.stateless else row.versions
    if call.version.date not in where:
        raise ToolError(f"This client speaks MCP {call.version.date}, which has no {method}.")
    if params.get("mode") == "url" and not call.version.url_elicitation:
        raise ToolError(f"This client speaks MCP {call.version.date}, which has no elicitation of a URL.")
    if row.capability is not None and not call.stateless and not call.session.ready:
        raise ToolError(f"This client cannot answer {method} yet: it has not said that it is initialized.")
    needed = _needed(row.capability, params)
    if _declared(call, needed):
        return
    if call.stateless:
        raise PeerError(
            MISSING_CAPABILITY,
            f"{call.name!r} needs to send {method}, which this request did not declare.",
            data={"requiredCapabilities": needed},
        )
    raise ToolError(f"This client cannot answer {method}: it did not declare {row.capability!r}.")


def _needed(capability: str | None, params: dict[str, Any]) -> dict[str, Any]:
    if capability is None:
        return {}
    if capability == "elicitation" and params.get("mode") == "url":
        return {capability: {"url": {}}}
    if capability == "elicitation":
        return {capability: {"form": {}}}
    if capability == "sampling" and "tools" in params:
        return {capability: {"tools": {}}}
    return {capability: {}}


def _declared(call: Call, needed: dict[str, Any]) -> bool:
    for name, parts in needed.items():
        had = call.capabilities.get(name)
        if name == "elicitation" and had == {}:
            had = {"form": {}}  # So said the first version that had it, and it still counts.
        if not isinstance(had, dict) or any(part not in had for part in parts):
            return False
    return True
