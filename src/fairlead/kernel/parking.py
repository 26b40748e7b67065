"""Suspended calls of the stateless era: a call that asked its user something, waiting to be asked for again.

The state that travels through the client is signed, bound to the caller and to the request, and expires. It holds
a key to the suspended call, and, for calls that may be replayed, the answers so far. Time enters as a number.
"""

import base64
import binascii
import hmac
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import BUSY, INVALID_PARAMS, STATE_LOST, PeerError

if TYPE_CHECKING:
    from fairlead.kernel.call import Call

_SIGNATURE = 32


class State(msgspec.Struct, array_like=True, gc=False):
    """What travels through the client. `bound` is a digest of the caller and the request."""

    key: str
    expires: float
    bound: bytes
    answers: dict[str, Any] = {}


class Parked(msgspec.Struct):
    """A call that waits. `expires` is a wall-clock time, since it must hold on another worker too."""

    call: "Call"
    expires: float


_read = msgspec.json.Decoder(State).decode
_write = msgspec.json.Encoder().encode


class Parking:
    """Where suspended calls wait. One for all sessions of a server, since the retry may come on another line."""

    def __init__(self, secret: bytes, *, most: int, seconds: float, mark: str = ""):
        self._secret = secret
        self._mark = mark
        self._most = most
        self._seconds = seconds
        self._calls: dict[str, Parked] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def park(self, call: "Call", now: float) -> str:
        """Keep the call and return the state under which it is found again. PeerError (busy) when all is full."""
        if len(self._calls) >= self._most:
            raise PeerError(
                BUSY, f"{self._most} calls already wait for their users' answers.", data={"limit": self._most}
            )
        key = self._mark + secrets.token_urlsafe(12)
        expires = now + self._seconds
        self._calls[key] = Parked(call, expires)
        return self._seal(State(key, expires, bound(call), call.recorded or {}))

    def take(self, sealed: str, asking: "Call", now: float) -> tuple["Call | None", State]:
        """The suspended call that `asking` repeats, or None where it is gone; and the state it came with.

        Raises PeerError: -32602 for a state that was not given to this caller for this request, STATE_LOST for
        one that expired.
        """
        state = self._open(sealed)
        if not hmac.compare_digest(state.bound, bound(asking)):
            raise _foreign()
        if state.expires < now:
            raise PeerError(STATE_LOST, "The answers came too late: the suspended call has expired.")
        parked = self._calls.pop(state.key, None)
        return (None if parked is None else parked.call), state

    def key(self, sealed: str) -> str | None:
        """The key in a state that was sealed with our secret, here or at another worker; None for any other text."""
        try:
            return self._open(sealed).key
        except PeerError:
            return None

    def expire(self, now: float) -> list["Call"]:
        """The calls nobody came back for; they are no longer kept."""
        late = [key for key, parked in self._calls.items() if parked.expires < now]
        return [self._calls.pop(key).call for key in late]

    def clear(self) -> list["Call"]:
        """All calls, when the server goes away."""
        calls = [parked.call for parked in self._calls.values()]
        self._calls.clear()
        return calls

    def _seal(self, state: State) -> str:
        body = _write(state)
        return _text(self._sign(body) + body)

    def _open(self, sealed: str) -> State:
        try:
            raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        except (binascii.Error, ValueError):
            raise _foreign() from None
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if _text(raw) != sealed:  # base64 can be written in several ways, and ours is one of them.
            raise _foreign()
        if not hmac.compare_digest(signature, self._sign(body)):
            raise _foreign()
        return _read(body)

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, b"state:" + body, sha256)


def bound(call: "Call") -> bytes:
    """A digest of who calls what with which arguments: a state is good for that alone."""
    arguments = getattr(call.params, "arguments", None)
    # No arguments and an empty object are the same request.
    raw = bytes(arguments) if isinstance(arguments, msgspec.Raw) else _write(arguments or {})
    said = "\0".join((call.principal or "", call.request.method, call.name))
    return sha256(said.encode() + b"\0" + msgspec.json.format(raw, indent=-1)).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _foreign() -> PeerError:
    return PeerError(
        INVALID_PARAMS,
        "This requestState was not given to you for this request, or it was changed on the way.",
        data={"next": "Send back requestState exactly as it came, with the same arguments; or call again without it."},
    )
