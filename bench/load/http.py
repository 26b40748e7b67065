"""A caller over Streamable HTTP: one keep-alive connection, one request at a time.

Answers may have a length or come in chunks, as plain JSON or as one server-sent event. It refuses
redirects, compression and pipelining, none of which a measured server uses.
"""

import asyncio
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Answer:
    """One whole HTTP response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpCaller(Caller):
    """One connection, and in the handshake era one session, with a call in flight."""

    def __init__(self, call: Call, era: Era, record: Record, *, host: str, path: str) -> None:
        super().__init__(call, era, record)
        self._host, self._path = host, path
        self._received: list[bytes] = []
        self._missing = 0
        self._opening: asyncio.Future[Answer] | None = None
        self._pieces: list[bytes] = []

    async def open(self) -> None:
        """Shake hands where the era does, and make ready the request. Raises MeasureError."""
        extra: dict[str, str] = {}
        if self._era is Era.HANDSHAKE:
            answer = await self._post(INITIALIZE, extra)
            try:
                check_initialized(message_in(answer))
            except ValueError as error:
                raise MeasureError(str(error)) from error
            if "mcp-session-id" in answer.headers:
                extra["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
            extra["MCP-Protocol-Version"] = self._era.value
            await self._post(INITIALIZED, extra)
        elif self._era is Era.STATELESS:
            extra["MCP-Protocol-Version"] = self._era.value
            extra["Mcp-Method"] = "tools/call"
            extra["Mcp-Name"] = self._call.tool
        self._pieces = self._request(call_template(self._call, self._era), extra).split(SLOT)

    def begin(self, in_flight: int) -> None:
        """Send the first call. Raises ValueError for more than one in flight."""
        if in_flight != 1:
            raise ValueError("HTTP has one call in flight on each connection")
        super().begin(in_flight)

    def pack(self, digits: bytes) -> bytes:
        """The whole request of the call with this number."""
        return digits.join(self._pieces)

    def fail_opening(self, text: str) -> None:
        """Fail the request that `open` awaits, if there is one."""
        if self._opening is not None and not self._opening.done():
            self._opening.set_exception(MeasureError(text))

    def data_received(self, data: bytes) -> None:
        """Put together one response. Called by the event loop."""
        self._received.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        data = b"".join(self._received)
        answer = self._parse(data)
        self._received.clear()
        if answer is None:
            self._received.append(data)
            return
        if not self._calling:
            if self._opening is not None and not self._opening.done():
                self._opening.set_result(answer)
            return
        if answer.status != 200:
            self._lose(f"status {answer.status}: {answer.body[:200]!r}")
            self._closing = True
            self.transport.abort()
            return
        following = self.take(message_in(answer))
        if following:
            self.transport.write(following)

    async def _post(self, body: bytes, extra: dict[str, str]) -> Answer:
        self._opening = asyncio.get_running_loop().create_future()
        self.transport.write(self._request(body, extra))
        answer = await self._opening
        if answer.status not in (200, 202):
            raise MeasureError(f"status {answer.status} for {body[:60]!r}: {answer.body[:200]!r}")
        return answer

    def _request(self, body: bytes, extra: dict[str, str]) -> bytes:
        headers = {
            "Host": self._host,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Content-Length": str(len(body)),
            **extra,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self._path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def _parse(self, data: bytes) -> Answer | None:
        top, blank, body = data.partition(b"\r\n\r\n")
        if not blank:
            return None
        status, *lines = top.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if "chunked" in headers.get("transfer-encoding", ""):
            whole = joined_chunks(body)
            if whole is None:
                return None
            body = whole
        else:
            self._missing = int(headers.get("content-length", "0")) - len(body)
            if self._missing > 0:
                return None
        return Answer(int(status.split(" ", 2)[1]), headers, body)


def joined_chunks(body: bytes) -> bytes | None:
    """The content of a chunked body (RFC 9112, 7.1), or None while its end has not come."""
    if not body.endswith(b"0\r\n\r\n"):
        return None
    pieces: list[bytes] = []
    at = 0
    while True:
        line_end = body.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(body[at:line_end].split(b";", 1)[0], 16)
        if size == 0:
            return b"".join(pieces)
        start = line_end + 2
        if len(body) < start + size + 2:
            return None
        pieces.append(body[start : start + size])
        at = start + size + 2


def message_in(answer: Answer) -> bytes:
    """The JSON-RPC text of a response: its body, or the last data line of its events."""
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        return answer.body
    data = [line[5:].strip() for line in answer.body.splitlines() if line.startswith(b"data:")]
    return next((line for line in reversed(data) if line), b"")
