"""Requests that the server sends to a client of the handshake era, and what became of each."""

from typing import Any

import msgspec

from fairlead.errors import CallError, RequestTimeout
from fairlead.kernel.effects import Effect, Settle
from fairlead.wire import Failure, Response, encode

_anything = msgspec.json.Decoder().decode


class Questions:
    """Open questions by our own ids, which count up and are never used twice in a conversation."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[int, tuple[str, float]] = {}
        self._overdue: set[int] = set()
        self.strays = 0
        """Answers to nothing: late, forged, or twice."""

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, method: str, params: dict[str, Any], deadline: float) -> tuple[int, bytes]:
        """A new question: its id, and its frame."""
        frame = encode.request(self._last + 1, method, params)
        self._last += 1
        self._open[self._last] = (method, deadline)
        return self._last, frame

    def withdraw(self, id: int) -> bytes | None:
        """Nobody waits for the answer any more: the frame that tells the client, None if it is answered.

        Also for a question that ran out of time, once: the client may stop working on it.
        """
        if self._open.pop(id, None) is None and id not in self._overdue:
            return None
        self._overdue.discard(id)
        return encode.notification("notifications/cancelled", {"requestId": id})

    def settle(self, response: Response) -> list[Effect]:
        """The client answered."""
        if not self._known(response.id):
            return []
        del self._open[response.id]  # type: ignore[arg-type]
        return [Settle(response.id, _anything(response.result))]  # type: ignore[arg-type]

    def refuse(self, failure: Failure) -> list[Effect]:
        """The client answered with an error."""
        if not self._known(failure.id):
            return []
        del self._open[failure.id]  # type: ignore[arg-type]
        data = None if failure.data is None else _anything(failure.data)
        return [Settle(failure.id, error=CallError(failure.code, failure.message, data))]  # type: ignore[arg-type]

    def next_deadline(self) -> float | None:
        """When `expire` is to be called next; None while nothing is open."""
        return min((deadline for _, deadline in self._open.values()), default=None)

    def expire(self, now: float) -> list[Settle]:
        """Give up what is overdue."""
        late = [id for id, (_, deadline) in self._open.items() if deadline <= now]
        self._overdue.update(late)
        return [
            Settle(id, error=RequestTimeout(f"The client did not answer {self._open.pop(id)[0]} in time."))
            for id in late
        ]

    def _known(self, id: int | str | None) -> bool:
        if type(id) is int and id in self._open:
            return True
        self.strays += 1
        if type(id) is int:
            self._overdue.discard(id)
        return False
