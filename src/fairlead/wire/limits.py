"""How large a frame may be. Plain numbers, handed to the decoder; nothing is enforced here."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one frame. A frame past one of them is a `PeerError`, never a crash."""

    frame_bytes: int = 4 * 1024 * 1024
    """Largest frame: room for a 3 MB file in base64, small enough that 100 of them do not fill a machine."""

    nesting: int = 64
    """Deepest nesting of arrays and objects: far past any real schema, far below the parser's own stack."""

    batch: int = 50
    """Most messages in a batch of the handshake era: one frame may not start more work than a peer may have."""


DEFAULT = Limits()
