"""Which of a server's workers this process is, and what ids say: at which worker the thing they name is kept.

The process that keeps the workers hands each its place over a socket that it inherits, never on the command line and
not in the environment, which every child of a tool could read. The same socket is a lifeline: it ends when the keeper
does. An id begins with the number of its worker; that of a session is signed, so that a made-up one costs no passing.
"""

import hmac
import os
import secrets
import socket
from hashlib import sha256
from typing import Final

import msgspec

from fairlead.errors import UsageError

LIFELINE: Final = "FAIRLEAD_LIFELINE"
"""The variable that holds the number of the inherited socket. Nothing secret stands in it."""

READY: Final = b"ready\n"
"""What a worker says on its lifeline once it listens."""

_LONGEST: Final = 65_536


class Place(msgspec.Struct, frozen=True):
    """One worker's place among the others."""

    index: int
    count: int
    folder: str
    """Private to this user; each worker has a socket in it, at which the others reach it."""

    secret: str = msgspec.field()
    """Signs session ids, cursors and suspended calls: the same for all workers."""

    listeners: list[int] = []
    """The listening sockets that all workers share."""

    def __repr__(self) -> str:
        return f"Place({self.index} of {self.count})"

    @property
    def mark(self) -> str:
        """What each id that is minted here begins with."""
        return f"{self.index}-"

    def door(self, index: int) -> str:
        """The path of a worker's socket."""
        return os.path.join(self.folder, str(index))

    def mint(self) -> str:
        """The id of a new session."""
        told = self.mark + secrets.token_urlsafe(18)
        return f"{told}.{self._signature(told)}"

    def keeper(self, id: str) -> int | None:
        """The other worker that opened this session; None for one of our own, and for an id that none has minted."""
        told, _, signature = id.rpartition(".")
        index = self.marked(told)
        if index is None or not hmac.compare_digest(signature.encode(), self._signature(told).encode()):
            return None
        return index

    def marked(self, id: str) -> int | None:
        """The other worker whose mark an unsigned id bears; None where it is ours, or no mark."""
        head, dash, _ = id.partition("-")
        if not dash or not head.isascii() or not head.isdecimal() or len(head) > 4:
            return None
        index = int(head)
        return index if index < self.count and index != self.index else None

    def _signature(self, told: str) -> str:
        return hmac.digest(self.secret.encode(), b"session:" + told.encode(), sha256).hex()[:32]


def take() -> tuple[Place, socket.socket] | None:
    """This worker's place and its lifeline; None for a process that is no worker. A place can be taken once.

    Raises UsageError where the variable was set by somebody else.
    """
    number = os.environ.pop(LIFELINE, None)
    if number is None:
        return None
    try:
        lifeline = socket.socket(fileno=int(number))
        told = b""
        while not told.endswith(b"\n") and len(told) < _LONGEST:
            part = lifeline.recv(_LONGEST)
            if not part:
                break
            told += part
        place = msgspec.json.decode(told, type=Place)
    except (OSError, ValueError):
        raise UsageError(f"{LIFELINE} is for the workers that fairlead starts by itself: unset it.") from None
    # What a tool starts must inherit none of them: a child that lives on would hold the address.
    for descriptor in (lifeline.fileno(), *place.listeners):
        os.set_inheritable(descriptor, False)
    return place, lifeline
