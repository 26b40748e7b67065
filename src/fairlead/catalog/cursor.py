"""Cursors that only this server can mint: opaque to the client, signed, bound to their list.

A cursor says after which entry the next page begins, not how many came before, so that a list that
changes between two pages loses nothing. Refuses every other string (-32602).
"""

import base64
import binascii
import hmac
from hashlib import sha256

from fairlead.errors import INVALID_PARAMS, PeerError

_SIGNATURE = 12
"""Bytes of the signature: 96 bits cannot be guessed in the life of a server, and cursors stay short."""


def mint(secret: bytes, kind: str, position: int) -> str:
    """The cursor of `kind` whose page begins after entry number `position`."""
    body = f"{kind}:{position}".encode()
    return _text(_sign(secret, body) + body)


def read(secret: bytes, kind: str, cursor: str) -> int:
    """The position in a cursor that `mint` made for this kind; PeerError for any other text."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        raise _unknown() from None
    signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
    minted_for, _, position = body.decode("ascii", errors="replace").partition(":")
    if not hmac.compare_digest(signature, _sign(secret, body)) or minted_for != kind:
        raise _unknown()
    if _text(raw) != cursor:  # base64 can be written in several ways, and ours is one of them.
        raise _unknown()
    return int(position)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _sign(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, b"cursor:" + body, sha256)[:_SIGNATURE]


def _unknown() -> PeerError:
    return PeerError(
        INVALID_PARAMS,
        "This cursor was not given out by this list.",
        data={"next": "Ask for the list again without a cursor."},
    )
