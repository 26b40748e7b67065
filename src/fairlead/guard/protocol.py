"""uvicorn's two protocols with their holes closed: what a peer may cost before and beside the ASGI app.

`guarded_protocols(limits)` gives the pair for `uvicorn.Config(http=..., ws=...)`; neither works without the other.
Here is the HTTP half, which is also the way into a WebSocket; `guard.frames` is the WebSocket half. Between them
they bound the request head, the handshake's time, pings, fragments, queued messages, unread answers and the end of
a connection, and keep queries (tokens live there) out of uvicorn's log lines.

What this module refuses to do: judge who may come in (`guard.origin` and the app do), bound the time an app takes,
or the time a request's body takes to arrive (who awaits the body does).

"Point n" is a numbered finding of reference/reliability.md; the rest are RFC clauses.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from websockets.datastructures import Headers
from websockets.http11 import Request

from fairlead.guard.connection import ACCESS_LOG, ERROR_LOG, Farewell, ProtocolLimits
from fairlead.guard.exchange import Exchange
from fairlead.guard.frames import GuardedWebSocket

__all__ = ["GuardedHttp", "GuardedWebSocket", "ProtocolLimits", "guarded_protocols"]


def guarded_protocols(limits: ProtocolLimits | None = None) -> tuple[type[GuardedHttp], type[GuardedWebSocket]]:
    """The pair for `uvicorn.Config(http=..., ws=...)`, bounded by `limits`. Raises nothing."""
    if limits is None or limits == ProtocolLimits():
        return GuardedHttp, GuardedWebSocket  # importable by name, so that uvicorn can hand them to worker processes
    bound = {"limits": limits}
    return type("GuardedHttp", (GuardedHttp,), bound), type("GuardedWebSocket", (GuardedWebSocket,), bound)


class GuardedHttp(Farewell, HttpToolsProtocol):
    """HTTP/1.1, and the way into a WebSocket: bounded head, bounded handshake, every refusal said and flushed."""

    _timer: asyncio.TimerHandle | None = None
    _head_open = False
    _head_bytes = 0
    _silent_bytes = 0  # since the parser last said anything: an endless line, trailer or chunk extension
    _refusal: _HeadRefused | None = None
    _running: RequestResponseCycle | None = None
    _unsent = 0  # at the last look
    _answer = b""  # a whole one, for the loop's next turn
    _answered = 0.0  # when the last one was complete

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger, self.access_logger = ERROR_LOG, ACCESS_LOG

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.limits.handshake_s, self._head_late)  # point 3

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # stock leaves it where the peer was rude, and it holds all of this
        self._answer = b""
        self.pipeline.clear()
        running, self._running = self._running, None
        if running is not None:  # stock tells the newest request only, and the one that runs waits for ever
            running.disconnected = True
            running.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.flush()  # an eager task would write before the loop's next turn
        self._running = cycle
        super()._start_asgi_task(cycle, Exchange(app, cycle, self.write_soon))

    def write_soon(self, data: bytes) -> None:
        """Write at the loop's next turn, ahead of all that follows on this connection."""
        self._answer = data
        self.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits for the loop's next turn. Safe at any time."""
        data, self._answer = self._answer, b""
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def eof_received(self) -> None:
        self.flush()

    def shutdown(self) -> None:
        self.flush()
        super().shutdown()

    def on_response_complete(self) -> None:
        """Stock's way, except that one timer serves all answers of a connection: a new one each time shows."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._answered = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_later(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Some time after an answer: close, unless it is still being read; a peer that reads nothing is dropped."""
        self.timeout_keep_alive_task = None
        if self._head_open or not self._is_idle():
            return  # a head has a timer of its own, and the next answer will arm this one again
        left = self._answered + self.timeout_keep_alive - self.loop.time()
        if left > 0.001:  # another answer has gone out since
            self._look_later(left)
            return
        unsent, before = self.transport.get_write_buffer_size(), self._unsent
        self._unsent = unsent
        if not unsent:
            self.transport.close()
        elif unsent < before or not before:
            self._look_later(self.timeout_keep_alive)
        else:
            self.transport.abort()

    def _look_later(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        if self._parting:
            self._drop(len(data))
            return
        if self._answer:
            self.flush()
        self._silent_bytes += len(data)
        try:
            self.parser.feed_data(data)
            if self._silent_bytes > self.limits.head_bytes:
                raise self._too_large(f"{self.limits.head_bytes} bytes of unfinished head or trailer")
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(early=len(data) > upgrade.args[0])
        except httptools.HttpParserError:
            refusal = self._refusal or _HeadRefused(400, "Invalid HTTP request received.")
            self._refuse(refusal.status, str(refusal))
        except _HeadRefused as refusal:
            self._refuse(refusal.status, str(refusal))
        else:
            if self._timer is None and (self._head_open or self._is_idle()):
                self._timer = self.loop.call_later(self.limits.handshake_s, self._head_late)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_open = True
        self._head_bytes = self._silent_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._silent_bytes = 0
        if len(self.url) > self.limits.line_bytes:
            self._stop(_HeadRefused(414, f"The URL is over {self.limits.line_bytes} bytes. Send data in the body."))

    def on_header(self, name: bytes, value: bytes) -> None:
        # Stock's two lines, since a request has a dozen headers, and each call of `super` shows.
        self.headers.append((name.lower(), value))
        if len(name) == 6 and name.lower() == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        line = len(name) + len(value) + 4  # ": " and CRLF
        self._silent_bytes = 0
        self._head_bytes += line
        limits = self.limits
        if line > limits.line_bytes:
            self._stop(self._too_large(f"{limits.line_bytes} bytes in one header line"))
        if self._head_bytes > limits.head_bytes or len(self.headers) > limits.head_count:
            self._stop(self._too_large(f"{limits.head_bytes} bytes or {limits.head_count} lines in all"))

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._silent_bytes = 0
        self._disarm()
        if len(self.pipeline) >= self.limits.pipelined:
            self._stop(_HeadRefused(400, f"Over {self.limits.pipelined} requests wait. Await an answer first."))
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._silent_bytes = 0
        super().on_message_complete()

    def _stop(self, refusal: _HeadRefused) -> None:
        self._refusal = refusal  # httptools keeps a callback's exception to itself
        raise refusal

    def _too_large(self, limit: str) -> _HeadRefused:
        return _HeadRefused(431, f"The request's head is too large: at most {limit}. Send a shorter token or cookie.")

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_idle(self) -> bool:
        """Bytes came, no request began, and nothing runs: no other timer watches this connection now."""
        return self.cycle is not None and self.cycle.response_complete and not self.transport.is_closing()

    def _head_late(self) -> None:
        self._timer = None
        self.flush()
        if self.flow.read_paused:  # we do not read, so the peer is not to blame
            self._timer = self.loop.call_later(self.limits.handshake_s, self._head_late)
        elif not self._head_open:
            self.transport.close()  # silent, or dribbling after its answer
        elif self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # an answer is under way: it is the connection's last
        else:
            self._refuse(408, f"The request's head took over {self.limits.handshake_s:g} s. Send it at once.")

    def _refuse(self, status: int, text: str) -> None:
        """Answer and part; where an answer is already under way, another inside it would be read as its body."""
        self._disarm()
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started or self.pipeline:
                self.transport.close()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        ERROR_LOG.warning("Request refused: %d", status)
        body = text.encode()
        head = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self._timer = self.loop.call_later(self.limits.linger_s, self.transport.abort)
        self._part()

    def _upgrade(self, *, early: bool) -> None:
        if not self._should_upgrade():
            self._unsupported_upgrade_warning()
        elif early:
            # RFC 6455 §4.1: the client MUST wait for the answer; stock loses these bytes without a word.
            self._refuse(400, "Data came with the handshake. Wait for status 101 before the first frame.")
        else:
            self.handle_websocket_upgrade()

    def handle_websocket_upgrade(self) -> None:
        """Hand over the parsed head: replayed as bytes into `websockets`, it would meet other bounds (point 2)."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()  # a handshake behind a running answer: its 101 would land inside it
            return
        self._unset_keepalive_if_required()
        headers = Headers()
        for name, value in self.headers:
            headers.set_insecure(name.decode("ascii"), value.strip(b" \t").decode("latin-1"))  # llhttp has checked them
        if "transfer-encoding" in headers or any(n != "0" for n in headers.get_all("content-length")):
            self._refuse(400, "A WebSocket handshake has no body. Send it without one.")
            return
        if not self.url.isascii():
            self._refuse(400, "The URL is not ASCII. Percent-encode it.")
            return
        request = Request(
            self.url.decode("ascii"), headers, self.scope["method"], f"HTTP/{self.parser.get_http_version()}"
        )
        self.connections.discard(self)
        assert self.ws_protocol_class is not None and issubclass(self.ws_protocol_class, GuardedWebSocket)
        protocol = self.ws_protocol_class(self.config, self.server_state, self.app_state, self.loop)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        self.parser = None  # type: ignore[assignment]  # breaks the cycle, so that an idle socket keeps none of this
        protocol.handle_connect(request)


class _HeadRefused(Exception):
    """Raised in a parser's callback to stop it: the answer is a status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
