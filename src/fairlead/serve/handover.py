"""One request handed over to another worker: the half that sends it there, and the half that receives it.

What the guards of the first worker found out (who asks, from where, under which prefix) travels along in one header,
which no client can send: the sockets stand in a folder that only this user can enter, and only there is it read.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fairlead.serve.channel import Line
from fairlead.serve.events import PageError
from fairlead.serve.steps import within
from fairlead.serve.websocket import Receive, Scope, Send
from fairlead.settings import Settings

PASSED: Final = "fairlead.passed"
"""In a scope: another worker has passed this request on, so that it must be answered here."""

_CARRIED: Final = b"fairlead-carried"
_HOPS: Final = frozenset(
    {b"connection", b"content-length", b"expect", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""What is said from hop to hop alone (RFC 9110 §7.6.1), and what is said anew."""

_WATCH_AFTER: Final = 0.05
"""Seconds before the client is watched for its end: most requests are answered before."""


class Carried(msgspec.Struct):
    """Of a scope, what the other worker could not find out by itself. `query_string` is bytes as Latin-1."""

    path: str
    query_string: str
    root_path: str
    scheme: str
    client: list[Any] | None
    server: list[Any] | None
    principal: str | None


_carried: Final = msgspec.json.Decoder(Carried).decode


class Handover:
    """One request and its answer."""

    def __init__(self, line: Line, scope: Scope, receive: Receive, send: Send, settings: Settings):
        self._line = line
        self._scope = scope
        self._settings = settings
        self._receive = receive
        self._send = send
        self._begun = False
        self._left = False
        self._whole = False
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, body: bytes | None) -> None:
        """Raises PageError where nothing was answered yet, else ConnectionError."""
        more = False
        if body is None:
            body, more = await self._first()
        declared = dict(self._scope["headers"]).get(b"content-length") if more else b"%d" % len(body)
        chunked = declared is None
        self._whole = not more
        self._line.write(_head(self._scope, declared) + (_chunk(body) if chunked else body))
        try:
            if more:
                self._task = asyncio.create_task(self._feed(chunked))
            else:
                self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER, self._watch)
            await self._line.head()
            await self._answer()
        except ConnectionError:
            if self._begun or self._left:
                raise
            text = "The worker that kept this ended before it answered. Whether the request was carried out is unknown."
            raise PageError(502, "WORKER_LOST", text) from None
        finally:
            self._end()

    async def _first(self) -> tuple[bytes, bool]:
        seconds = self._settings.body_seconds
        try:
            event = await within(seconds, self._receive())
        except TimeoutError:
            text = f"The body did not come within {seconds} s. Send it again."
            raise PageError(408, "BODY_TIMEOUT", text, limit=seconds) from None
        if event["type"] != "http.request":
            raise ConnectionError("the client left before its request was whole")
        return event.get("body", b""), event.get("more_body", False)

    async def _feed(self, chunked: bool) -> None:
        while not self._whole:
            event = await self._receive()
            if event["type"] != "http.request":
                self._leave()
                return
            body = event.get("body", b"")
            self._whole = not event.get("more_body", False)
            if chunked:
                body = _chunk(body) + (b"0\r\n\r\n" if self._whole else b"")
            self._line.write(body)
            await self._line.room()
        await self._look()

    def _watch(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        self._left = True
        self._line.cut()

    async def _answer(self) -> None:
        line = self._line
        self._begun = True
        headers = [pair for pair in line.headers if pair[0] == b"content-length" or pair[0] not in _HOPS]
        await self._put({"type": "http.response.start", "status": line.status, "headers": headers})
        last = False
        while not last:
            data = await line.piece()
            last = line.is_last
            await self._put({"type": "http.response.body", "body": data, "more_body": not last})

    async def _put(self, message: dict[str, Any]) -> None:
        unsent = (self._scope.get("extensions") or {}).get("fairlead.unsent")
        try:
            await within(self._settings.stall_seconds, self._send(message), unsent)
        except TimeoutError:
            raise ConnectionError("the reader has stopped reading") from None

    def _end(self) -> None:
        if not self._whole:
            self._line.reusable = False
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()


class Entrance:
    """What a worker serves at its own socket: the application, for requests that others pass on."""

    def __init__(self, app: Any):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(_restored(scope), receive, send)


def _restored(scope: Scope) -> Scope:
    headers = [pair for pair in scope["headers"] if pair[0] != _CARRIED]
    told = _carried(next(value for name, value in scope["headers"] if name == _CARRIED))
    restored = {
        **scope,
        PASSED: True,
        "headers": headers,
        "path": told.path,
        "raw_path": told.path.encode(),
        "query_string": told.query_string.encode("latin-1"),
        "root_path": told.root_path,
        "scheme": told.scheme,
        "client": told.client and tuple(told.client),
        "server": told.server and tuple(told.server),
    }
    if told.principal is not None:
        restored["fairlead.principal"] = told.principal
    return restored


def _head(scope: Mapping[str, Any], length: bytes | None) -> bytes:
    carried = {
        "path": scope["path"],
        "query_string": scope.get("query_string", b"").decode("latin-1"),
        "root_path": scope.get("root_path") or "",
        "scheme": scope.get("scheme", "http"),
        "client": scope.get("client"),
        "server": scope.get("server"),
        "principal": scope.get("fairlead.principal"),
    }
    # Of the two JSON writers, this one writes ASCII alone, as a header must be.
    told = json.dumps(carried, separators=(",", ":")).encode()
    lines = [b"%b / HTTP/1.1" % scope["method"].encode(), b"%b: %b" % (_CARRIED, told)]
    lines += [b"%b: %b" % pair for pair in scope["headers"] if pair[0] not in _HOPS and pair[0] != _CARRIED]
    lines.append(b"transfer-encoding: chunked" if length is None else b"content-length: " + length)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
