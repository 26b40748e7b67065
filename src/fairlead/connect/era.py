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
from fairlead.spec import HANDSHAKE, NEWEST_HANDSHAKE, STATELESS, VERSIONS
from fairlead.spec.descriptors import describe
from fairlead.spec.params import SERVER_INFO

Era = Literal["auto", "stateless", "handshake"]
_PROBE_SECONDS: Final = 5.0
"""A server of the handshake era may drop a probe it does not know: how long to believe that it still comes."""

_HANDSHAKE_SECONDS: Final = 30.0
_MODERN: Final = frozenset({UNSUPPORTED_VERSION, HEADER_MISMATCH, MISSING_CAPABILITY})
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that say nothing of what is spoken: somebody on the way, or a server that is not ready."""


async def agree(conversation: Conversation, era: Era, *, probe_seconds: float = _PROBE_SECONDS) -> None:
    """Settle on a version. Raises ConnectError where there is none in common, ConnectionLost, RequestTimeout."""
    if era != "handshake":
        sure = era == "stateless"
        if await _probe(conversation, sure=sure, within=_HANDSHAKE_SECONDS if sure else probe_seconds):
            return
    await _shake_hands(conversation)


async def _probe(conversation: Conversation, *, sure: bool, within: float) -> bool:
    """Whether the server is of the stateless era. `sure`: nothing else will do."""
    asked = list(reversed(STATELESS))
    doubtful = set(STATELESS)  # Refused, and yet named as supported: each is asked for once more.
    while asked:
        version = VERSIONS[asked.pop(0)]
        try:
            raw = await conversation.request("server/discover", version=version, within=within)
        except RequestTimeout:
            if sure:
                raise
            return False
        except CallError as refusal:
            _check_reached(refusal)
            if refusal.code not in _MODERN and not sure:
                return False
            supported = _supported(refusal)
            if not sure and not set(supported).isdisjoint(HANDSHAKE):
                return False  # It speaks both, and of the newer ones another.
            doubted = [version.date] if version.date in doubtful.intersection(supported) else []
            doubtful.discard(version.date)
            asked = [date for date in (*doubted, *asked) if date in supported]
            continue
        result = _object(raw)
        known = result.get("supportedVersions")
        if isinstance(known, list) and version.date not in known:
            asked = [date for date in asked if date in known]
            continue
        meta = result.get("_meta")
        conversation.session.discovered(result, version, meta.get(SERVER_INFO) if isinstance(meta, dict) else None)
        return True
    raise ConnectError(f"The server speaks none of the versions known here ({', '.join(STATELESS)}).", final=True)


def _supported(refusal: CallError) -> list[str]:
    supported = refusal.data.get("supported") if isinstance(refusal.data, dict) else None
    return [date for date in supported if isinstance(date, str)] if isinstance(supported, list) else []


def _check_reached(refusal: CallError) -> None:
    if refusal.code in _LATER:
        raise ConnectError(refusal.message, status=refusal.code) from None


def _object(raw: msgspec.Raw) -> dict[str, Any]:
    result = msgspec.json.decode(raw)
    return result if isinstance(result, dict) else {}


async def _shake_hands(conversation: Conversation) -> None:
    session = conversation.session
    params = {
        "protocolVersion": NEWEST_HANDSHAKE.date,
        "capabilities": session.capabilities,
        "clientInfo": describe(session.me, NEWEST_HANDSHAKE),
    }
    try:
        raw = await conversation.request("initialize", params, within=_HANDSHAKE_SECONDS)
        session.handshaken(_object(raw))
    except CallError as refusal:
        _check_reached(refusal)
        raise ConnectError(f"The server refused the handshake: {refusal}.", final=True) from None
    except PeerError as fault:
        raise ConnectError(str(fault), final=True) from None
    await conversation.notify("notifications/initialized")
