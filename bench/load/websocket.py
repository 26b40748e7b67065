"""A caller over WebSocket, cheap enough to stay far below the cost of any server.

Every request frame is put together from masked pieces made once; only the eight digits of a slot
are masked anew. It refuses what no measured server does: fragments, extensions, masked frames.
"""

import asyncio

from bench.errors import MeasureError
from bench.load.caller import Caller, Record
from bench.messages import (
    INITIALIZE,
    INITIALIZED,
    SLOT,
    Call,
    Era,
    call_template,
    check_initialized,
)

_KEY = b"\x5a\xc3\x17\xe9"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


def masked(payload: bytes, offset: int = 0) -> bytes:
    """`payload` under the fixed key, as if it began `offset` bytes into its frame."""
    turned = _KEY[offset % 4 :] + _KEY[: offset % 4]
    key = (turned * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(len(payload))


def head(opcode: int, length: int) -> bytes:
    """The head of a final client frame (RFC 6455, 5.2), its mask key included."""
    first = bytes([0x80 | opcode])
    if length < 126:
        return first + bytes([0x80 | length]) + _KEY
    if length < 65_536:
        return first + b"\xfe" + length.to_bytes(2) + _KEY
    return first + b"\xff" + length.to_bytes(8) + _KEY


class FrameTemplate:
    """A whole masked frame with slots for the digits of a number."""

    def __init__(self, template: bytes) -> None:
        pieces: list[bytes] = []
        self._slots: list[tuple[int, int]] = []
        offset = 0
        for text in template.split(SLOT):
            if pieces:
                self._slots.append((len(pieces), self._key_at(offset)))
                pieces.append(b"")
                offset += len(SLOT)
            pieces.append(masked(text, offset))
            offset += len(text)
        pieces[0] = head(_TEXT, offset) + pieces[0]
        self._pieces = pieces

    def fill(self, digits: bytes) -> bytes:
        """The frame with these digits in each slot."""
        pieces, number = self._pieces, int.from_bytes(digits)
        for place, key in self._slots:
            pieces[place] = (number ^ key).to_bytes(8)
        return b"".join(pieces)

    @staticmethod
    def _key_at(offset: int) -> int:
        return int.from_bytes(masked(bytes(len(SLOT)), offset))


class WebSocketCaller(Caller):
    """One WebSocket with its calls in flight."""

    def __init__(self, call: Call, era: Era, record: Record, *, host: str, path: str) -> None:
        super().__init__(call, era, record)
        self._host, self._path = host, path
        self._frame = FrameTemplate(call_template(call, era))
        self._received: list[bytes] = []
        self._missing = 0
        self._upgraded = False
        self._opening: asyncio.Future[bytes] | None = None

    async def open(self) -> None:
        """Upgrade, then shake hands where the era has a handshake. Raises MeasureError."""
        await self._expect(
            b"GET %b HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            % (self._path.encode(), self._host.encode())
        )
        if self._era is Era.HANDSHAKE:
            answer = await self._expect(head(_TEXT, len(INITIALIZE)) + masked(INITIALIZE))
            try:
                check_initialized(answer)
            except ValueError as error:
                raise MeasureError(str(error)) from error
            self.transport.write(head(_TEXT, len(INITIALIZED)) + masked(INITIALIZED))

    def pack(self, digits: bytes) -> bytes:
        """The masked frame of the call with this number."""
        return self._frame.fill(digits)

    def fail_opening(self, text: str) -> None:
        """Fail the upgrade or handshake that is awaited, if one is."""
        if self._opening is not None and not self._opening.done():
            self._opening.set_exception(MeasureError(text))

    def data_received(self, data: bytes) -> None:
        """Cut frames out of the stream. Called by the event loop."""
        if self._received:
            # Joined once a whole frame is there: joining at each read would make a large
            # frame's cost grow with the square of its size.
            self._received.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            data = b"".join(self._received)
            self._received.clear()
        if self._upgraded:
            self._cut(data)
        else:
            self._upgrade(data)

    async def _expect(self, request: bytes) -> bytes:
        self._opening = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._opening

    def _upgrade(self, data: bytes) -> None:
        answer, blank, rest = data.partition(b"\r\n\r\n")
        if not blank:
            self._received.append(data)
            return
        self._upgraded = True
        status = answer.split(b"\r\n", 1)[0]
        if b" 101 " not in status + b" ":
            self.fail_opening(f"the upgrade was answered with {status.decode('latin-1')!r}")
        elif self._opening is not None:
            self._opening.set_result(answer)
        self._cut(rest)

    def _cut(self, data: bytes) -> None:
        at, end, replies = 0, len(data), []
        while end - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if end < start or end < start + length:
                self._missing = max(1, start + length - end)
                break
            replies.append(self._message(data[at], data[start : start + length]))
            at = start + length
        if at < end:
            self._received.append(data[at:])
        if any(replies) and not self.transport.is_closing():
            self.transport.write(b"".join(replies))

    def _message(self, first: int, payload: bytes) -> bytes:
        if first == 0x80 | _TEXT:
            if self._calling:
                return self.take(payload)
            if self._opening is not None and not self._opening.done():
                self._opening.set_result(payload)
            return b""
        if first == 0x80 | _PING:
            return head(_PONG, len(payload)) + masked(payload)
        if first == 0x80 | _PONG:
            return b""
        if first == 0x80 | _CLOSE:
            code, reason = int.from_bytes(payload[:2]), payload[2:].decode(errors="replace")
            self._give_up(f"the server closed with {code} {reason}".rstrip())
        else:
            self._give_up(f"a frame beginning {first:#04x} is not understood")
        return b""

    def _give_up(self, text: str) -> None:
        self.fail_opening(text)
        if self._calling:
            self._lose(text)
        self._closing = True
        self.transport.abort()
