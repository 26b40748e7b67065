"""The WebSocket half of the protocol guard.

A subclass of uvicorn's sans-I/O WebSocket protocol that bounds what a peer may cost once it has asked for a
WebSocket, and tells the app what its peer has not read.

An app finds callables in its scope's `extensions`: `fairlead.put` sends UTF-8 text at once, `fairlead.unsent` tells the
bytes still to be sent, `fairlead.abort` drops the TCP connection, for peers that would not read a close frame either.

What this module refuses to do: parse or build a frame (the `websockets` library does), log a header, a frame or a
query, or decide when a slow reader is too slow (the app does, with the two callables).

"Point n" is a numbered finding of reference/reliability.md; the rest are RFC clauses.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn._types import ASGIReceiveEvent
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from fairlead.guard.connection import ERROR_LOG, Inbox
from fairlead.guard.gather import GatheringWebSocket


class GuardedWebSocket(GatheringWebSocket):
    """One WebSocket: bounded pings, fragments and queue; every failure says its close code and is flushed."""

    _backlog = b""  # bytes not parsed yet, while the app is behind
    _queued_chars = 0
    _late_pong: bytes | None = None
    _withheld = 0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = ERROR_LOG
        self.close_timeout = self.limits.close_s
        self._inbox = Inbox()
        self.queue = self._inbox  # type: ignore[assignment]  # stock only puts; asyncio.Queue costs 2 KiB more
        # The head comes parsed (see GuardedHttp), so the parser starts at the first frame.
        conn = ServerProtocol(
            state=State.OPEN, extensions=self.conn.available_extensions, max_size=config.ws_max_size, logger=ERROR_LOG
        )
        conn.state = State.CONNECTING
        conn.debug = False  # it would log every header and frame, secrets among them
        self.conn = conn

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=self.limits.unsent_bytes)

    def connection_lost(self, exc: Exception | None) -> None:
        self._backlog = b""
        self.read_paused = False
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.close_sent:
            self._end_in_time()

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = self.scope["extensions"]  # for callables, which ASGI leaves open
        extensions["fairlead.unsent"] = self.unsent
        extensions["fairlead.abort"] = self.transport.abort
        extensions["fairlead.put"] = self.put
        await super().run_asgi()
        self._end_in_time()

    def shutdown(self) -> None:
        if self.handshake_complete and not self.close_sent and self.conn.state is not State.OPEN:
            self.transport.close()  # the peer has closed already; stock raises here and forgets the other connections
        else:
            super().shutdown()
        self._end_in_time()

    def _end_in_time(self) -> None:
        """A closed transport still waits for the peer to read what is unsent: not for ever."""
        if self.close_timer is None and not self.disconnected and self.transport.is_closing():
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def _close_late(self) -> None:
        self.close_timer = None
        self.transport.close()
        self._end_in_time()

    def close_said(self) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self._close_late)
            self._read_on()  # the peer's close may stand behind messages nobody takes now

    # What comes in.

    def data_received(self, data: bytes) -> None:
        if self.disconnected:
            self._drop(len(data))
        elif not self.handshake_complete:
            self._refuse_early()
        elif self.read_paused:
            self._backlog += data  # TLS may deliver what it had decrypted before the pause
        else:
            self._feed(data)

    def _feed(self, data: bytes) -> None:
        """Parse in pieces, so that the objects made of one read stay few while the app is behind."""
        step = self.limits.parse_bytes
        if len(data) <= step:
            self._take(data)
            return
        view, at = memoryview(data), 0
        while at < len(data):
            if self.disconnected or self.transport.is_closing():
                return
            if self.read_paused:
                self._backlog = bytes(view[at:])
                return
            events = self._take(view[at : at + step])
            at += step
            # Inside a large frame small pieces are only work: a fifth of the throughput at 1 MiB.
            step = self.limits.parse_bytes if events else min(step * 2, self.limits.parse_bytes * 4)

    def _take(self, data: bytes | memoryview) -> int:
        """Parse and handle `data`; the number of frames it ended."""
        conn = self.conn
        if conn.writes:
            self.flush()  # so that what is written while receiving is ours to see
        conn.receive_data(data)  # type: ignore[arg-type]  # it appends to a bytearray
        if conn.writes and not conn.eof_sent:  # until the end is near, only pongs are written while receiving
            self._answer_pings()
        frames = conn.events_received()
        for frame in frames:
            self._handle_frame(frame)  # type: ignore[arg-type]  # a Request cannot come: the parser began at a frame
            if self.disconnected:
                return len(frames)
        if conn.parser_exc is not None:  # after the events: stock loses whole messages that came before the bad frame
            self.handle_parser_exception()
        elif not self.read_paused and self._is_behind(1):
            self.read_paused = True
            self.transport.pause_reading()
        return len(frames)

    def _handle_frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            self.curr_msg_data_type = "text" if opcode is Opcode.TEXT else "bytes"
            self.frames = [frame.data]  # type: ignore[list-item]
            if frame.fin:
                self.send_receive_event_to_app()
        elif opcode is Opcode.CONT:
            self.handle_cont(frame)
        elif opcode is Opcode.PONG:
            self.handle_pong(frame)
        elif opcode is Opcode.CLOSE:
            self.handle_close(frame)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= self.limits.fragments:  # point 7
            self._fail(CloseCode.POLICY_VIOLATION, f"over {self.limits.fragments} fragments; send larger ones")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return  # the app is past its close; only the peer's close is awaited
        self._queued_chars += len(data)
        if self.curr_msg_data_type == "bytes":
            self._inbox.put_nowait({"type": "websocket.receive", "bytes": data})
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA, "text is not UTF-8")  # RFC 6455 §8.1; stock logs a traceback
            return
        self._queued_chars += len(text) - len(data)
        self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> ASGIReceiveEvent:
        inbox = self._inbox
        while not inbox:
            await inbox.arrival(self.loop)
        message: Any = inbox.popleft()
        self._queued_chars -= len(message.get("text") or message.get("bytes") or ())
        if self.read_paused and not self._is_behind(2):
            self._read_on()
        return message  # type: ignore[no-any-return]

    def _is_behind(self, part: int) -> bool:
        limits = self.limits
        return len(self._inbox) * part > limits.queued_messages or self._queued_chars * part > limits.queued_chars

    def _read_on(self) -> None:
        self.read_paused = False
        backlog, self._backlog = self._backlog, b""
        if backlog:
            self._feed(backlog)
        if not self.read_paused:
            self.transport.resume_reading()

    # Control frames.

    def _answer_pings(self) -> None:
        """RFC 6455 §5.5.3: only the latest ping needs an answer. Point 1: a flood that reads none is dropped."""
        pongs = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(pongs))
            return
        self._late_pong = pongs[-1]
        self._withheld += len(pongs)
        if self._withheld > self.limits.withheld_pings:
            self.transport.abort()

    def resume_writing(self) -> None:
        super().resume_writing()
        pong, self._late_pong, self._withheld = self._late_pong, None, 0
        if pong is not None and not self.conn.eof_sent:
            self.transport.write(pong)

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._end_in_time()

    def keepalive_timeout(self) -> None:
        if self.read_paused and self.writable.is_set() and self.ping_timeout is not None:
            # We do not read, because the app is behind: the pong may be waiting for us.
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
        elif not self.close_sent and not self.transport.is_closing():
            self._fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")

    # Failing.

    def _fail(self, code: CloseCode, reason: str) -> None:
        """RFC 6455 §7.1.7: say why, process nothing more, and let the peer read it before the end."""
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        close = self.conn.close_sent
        code, reason = (close.code, close.reason) if close else (1006, "")
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._leave()

    def _refuse_early(self) -> None:
        """RFC 6455 §4.1: a client MUST wait for the handshake's answer. Stock would send a pong before the 101."""
        if self.close_sent:
            return
        text = "Data came before the handshake's answer. Wait for status 101 before the first frame.\n"
        self.conn.send_response(self.conn.reject(400, text))
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self._leave()

    def _leave(self) -> None:
        self.stop_keepalive()
        self._backlog = b""
        self.frames = []
        self.read_paused = False
        self.close_sent = self.disconnected = self.handshake_complete = True
        self.writable.set()  # whoever waits to send learns that it is over
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.close_timer is not None:
            self.close_timer.cancel()
        # stock leaves a connection with a close timer to that timer, and cancels it when the connection is lost
        self.close_timer = self.loop.call_later(self.limits.linger_s, self.transport.abort)
        self._part()
