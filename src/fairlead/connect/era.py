"""Finding out what a server speaks: the probe, and the handshake it falls back to.

The probe is `server/discover`. An answer, or an error that only a stateless server gives, settles the era; any other
error, or silence, means a server that shakes hands.
"""

from typing import Any, Final, Literal

import msgspec

from fairlead.connect.conversation import Conversation
from fairlead.connect.line import ConnectError
from fairlead.errors import (
    HEADER_MISMATCH,
    MISSING_CAPABILITY,
    UNSUPPORTED_VERSION,
    CallError,
    PeerError,
    RequestTimeout,
)
from fairlead.spec import NEWEST_HANDSHAKE, STATELESS, VERSIONS
from fairlead.spec.descriptors import describe
from fairlead.spec.params import SERVER_INFO

Era = Literal["auto", "stateless", "handshake"]
_PROBE_SECONDS: Final = 5.0
"""A server of the handshake era may drop a probe it does not know: how long to believe that it still comes."""

_HANDSHAKE_SECONDS: Final = 30.0
_MODERN: Final = frozenset({UNSUPPORTED_VERSION, HEADER_MISMATCH, MISSING_CAPABILITY})


async def agree(conversation: Conversation, era: Era) -> None:
    """Settle on a version. Raises ConnectError where there is none in common, ConnectionLost, RequestTimeout."""
    if era != "handshake" and await _probe(conversation, sure=era == "stateless"):
        return
    await _shake_hands(conversation)


async def _probe(conversation: Conversation, *, sure: bool) -> bool:
    asked = list(reversed(STATELESS))
    within = _HANDSHAKE_SECONDS if sure else _PROBE_SECONDS
    while asked:
        version = VERSIONS[asked.pop(0)]
        try:
            raw = await conversation.request("server/discover", version=version, within=within)
        except RequestTimeout:
            if sure:
                raise
            return False
        except CallError as refusal:
            if refusal.code not in _MODERN and not sure:
                return False
            supported = refusal.data.get("supported", []) if isinstance(refusal.data, dict) else []
            asked = [date for date in asked if date in supported]
            continue
        result: dict[str, Any] = msgspec.json.decode(raw)
        if version.date not in result.get("supportedVersions", [version.date]):
            asked = [date for date in STATELESS if date in result["supportedVersions"] and date != version.date]
            continue
        conversation.session.discovered(result, version, (result.get("_meta") or {}).get(SERVER_INFO))
        return True
    raise ConnectError(f"The server speaks none of the versions known here ({', '.join(STATELESS)}).", final=True)


async def _shake_hands(conversation: Conversation) -> None:
    session = conversation.session
    params = {
        "protocolVersion": NEWEST_HANDSHAKE.date,
        "capabilities": session.capabilities,
        "clientInfo": describe(session.me, NEWEST_HANDSHAKE),
    }
    try:
        raw = await conversation.request("initialize", params, within=_HANDSHAKE_SECONDS)
        session.handshaken(msgspec.json.decode(raw))
    except CallError as refusal:
        raise ConnectError(f"The server refused the handshake: {refusal}.", final=True) from None
    except PeerError as fault:
        raise ConnectError(str(fault), final=True) from None
    await conversation.notify("notifications/initialized")
