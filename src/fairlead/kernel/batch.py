"""A batch of the handshake era: its answers go out together, when the last one is there."""

from fairlead.wire import encode


class Batch:
    """Collects the answers to the requests of one frame."""

    __slots__ = ("_frames", "_waiting")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._waiting = 1  # The frame itself, until all of its members were read.

    def expect(self) -> None:
        """One more request will be answered or cancelled."""
        self._waiting += 1

    def settle(self, frame: bytes | None) -> bytes | None:
        """One request has its answer (None: it was cancelled). Returns the batch's frame once all have."""
        if frame is not None:
            self._frames.append(frame)
        self._waiting -= 1
        if self._waiting or not self._frames:
            return None
        return encode.batch(self._frames)
