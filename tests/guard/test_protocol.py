"""The protocol guard against peers that behave badly, on real sockets; each was seen failing on stock uvicorn."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect

from fairlead.guard.connection import Inbox
from fairlead.guard.protocol import GuardedHttp, GuardedWebSocket, ProtocolLimits, guarded_protocols
from tests.guard.peers import BINARY, CLOSE, HEAD, PING, PONG, TEXT, App, connected, frame, served

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"

Run = Callable[..., Any]


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- the request's head -------------------------------------------------------------------------------


def test_a_large_but_legal_token_opens_a_websocket(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            head = await peer.upgrade(b"Authorization: Bearer " + b"t" * 12_000 + b"\r\n")
            assert head.startswith("HTTP/1.1 101 ")

    with served(App(), loop=loop) as port:
        run(body(port))


@pytest.mark.parametrize("start", [GET, HEAD], ids=["http", "websocket"])
@pytest.mark.parametrize(
    "lines",
    [
        b"Authorization: Bearer " + b"t" * 16_384 + b"\r\n",
        b"".join(b"x-%d: y\r\n" % i for i in range(130)),
        b"".join(b"x-%d: %s\r\n" % (i, b"y" * 8_000) for i in range(9)),
        b"x: " + b"y" * 400_000,
    ],
    ids=["line", "count", "total", "endless line"],
)
def test_an_oversized_head_gets_431_that_names_the_limit_and_is_closed(
    run: Run, loop: str, start: bytes, lines: bytes
) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send(start + lines + (b"\r\n" if lines.endswith(b"\r\n") else b""))
            answer = await peer.rest()
            assert answer.startswith(b"HTTP/1.1 431 ")
            assert b"at most" in answer and b"Send a shorter" in answer

    with served(App(), loop=loop) as port:
        run(body(port))


def test_a_url_that_is_too_long_gets_414(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send(b"GET /" + b"u" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await peer.rest()).startswith(b"HTTP/1.1 414 ")

    with served(App(), loop=loop) as port:
        run(body(port))


def test_an_endless_trailer_ends_the_connection(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: "
            )
            with pytest.raises(ConnectionError):
                for _ in range(200):
                    await peer.send(b"y" * 65_536)

    with served(App(), loop=loop) as port:
        run(body(port))


def test_a_handshake_with_a_body_is_refused_aloud(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send(HEAD + b"Content-Length: 2\r\n\r\nhi")
            assert (await peer.rest()).startswith(b"HTTP/1.1 400 ")

    with served(App(), loop=loop) as port:
        run(body(port))


def test_frames_sent_with_the_handshake_are_refused_aloud(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send(HEAD + b"\r\n" + frame(TEXT, b"early"))
            assert b"Wait for status 101" in await peer.rest()

    with served(App(), loop=loop) as port:
        run(body(port))


def test_a_ping_before_the_101_gets_400_and_the_app_a_disconnect(run: Run, loop: str) -> None:
    class Hesitant(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            self.seen.put("asked")
            self.seen.put(await receive())

    app = Hesitant()

    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send(HEAD + b"\r\n")
            assert await app.next_seen() == "asked"
            await peer.send(frame(PING, b"early"))
            assert (await peer.rest()).startswith(b"HTTP/1.1 400 ")
            assert (await app.next_seen())["type"] == "websocket.disconnect"

    with served(app, loop=loop) as port:
        run(body(port))


def test_more_requests_in_a_pipe_than_allowed_end_the_connection(run: Run, loop: str) -> None:
    class Slow(App):
        async def http(self, scope: Any, receive: Any, send: Any) -> None:
            self.seen.put("request")
            while (await receive())["type"] != "http.disconnect":
                pass
            self.seen.put("gone")

    app = Slow()

    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send((GET + b"\r\n") * 20)
            assert await peer.rest() == b""
            assert [await app.next_seen() for _ in range(2)] == ["request", "gone"]

    with served(app, loop=loop) as port:
        run(body(port))


def test_requests_in_a_pipe_are_answered_in_order(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            for word in (b"one", b"two", b"six"):
                peer.writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n" + word)
            assert [await peer.body(await peer.head()) for _ in range(3)] == [b"one", b"two", b"six"]

    with served(App(), loop=loop) as port:
        run(body(port))


# --- the handshake's time -----------------------------------------------------------------------------


def test_a_silent_connection_is_closed_without_a_word(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            assert await peer.rest() == b""

    with served(App(), loop=loop, limits={"handshake_s": 0.2}) as port:
        run(body(port))


@pytest.mark.parametrize("start", [b"G", GET, HEAD], ids=["letter", "http", "websocket"])
def test_a_half_sent_request_gets_408_and_is_closed(run: Run, loop: str, start: bytes) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.send(start)
            assert (await peer.rest()).startswith(b"HTTP/1.1 408 ")

    with served(App(), loop=loop, limits={"handshake_s": 0.2}) as port:
        run(body(port))


def test_a_half_sent_second_request_gets_408_too(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            assert (await peer.get()).startswith("HTTP/1.1 200 ")
            await peer.send(GET)
            assert (await peer.rest()).startswith(b"HTTP/1.1 408 ")

    with served(App(), loop=loop, limits={"handshake_s": 0.2}) as port:
        run(body(port))


def test_blank_lines_between_requests_do_not_hold_a_connection(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port) as peer:
            assert (await peer.get()).startswith("HTTP/1.1 200 ")
            await peer.send(b"\r\n")
            assert await peer.rest() == b""

    with served(App(), loop=loop, limits={"handshake_s": 0.2}) as port:
        run(body(port))


def test_a_half_sent_request_does_not_cut_the_answer_before_it(run: Run, loop: str) -> None:
    class Held(App):
        async def http(self, scope: Any, receive: Any, send: Any) -> None:
            await self.held()
            await super().http(scope, receive, send)

    app = Held()

    async def body(port: int) -> None:
        async with connected(port) as peer, connected(port) as clock:
            await peer.send(GET + b"\r\n" + GET)
            assert await clock.rest() == b""  # by now the time of both is over
            async with connected(port) as clock_again:
                assert await clock_again.rest() == b""
            app.go.set()
            assert (await peer.rest()).startswith(b"HTTP/1.1 200 ")

    with served(app, loop=loop, limits={"handshake_s": 0.2}) as port:
        run(body(port))


def test_the_handshakes_time_does_not_touch_what_is_open(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as socket, connected(port) as http:
            assert (await http.get()).startswith("HTTP/1.1 200 ")
            async with connected(port) as clock:
                assert await clock.rest() == b""
            assert (await http.get()).startswith("HTTP/1.1 200 ")
            await socket.send(frame(TEXT, b"still here"))
            assert await socket.frame() == (TEXT, b"still here")

    with served(App(), loop=loop, limits={"handshake_s": 0.2}) as port:
        run(body(port))


# --- pings --------------------------------------------------------------------------------------------


def test_a_flood_of_pings_that_reads_nothing_is_dropped(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port, upgraded=True, deaf=True) as peer:
            flood = frame(PING, b"p" * 125) * 1_000
            with pytest.raises(ConnectionError):
                for _ in range(64):  # 8 MiB
                    await peer.send(flood)

    app = App()
    with served(app, loop=loop) as port:
        run(body(port))


def test_a_slow_reader_that_pings_keeps_its_line_and_gets_the_latest_pong(run: Run, loop: str) -> None:
    class Big(App):
        async def message(self, event: Any, send: Any) -> None:
            if event["text"] == "big":
                await send({"type": "websocket.send", "text": "x" * 1_000_000})
            self.seen.put(event["text"])

    app = Big()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True, deaf=True) as peer:
            await peer.send(frame(TEXT, b"big"))
            await peer.send(frame(PING, b"a") + frame(PING, b"b") + frame(TEXT, b"after"))
            assert [await app.next_seen() for _ in range(2)] == ["big", "after"]
            assert await peer.frame() == (TEXT, b"x" * 1_000_000)
            assert await peer.frame() == (PONG, b"b")
            await peer.send(frame(PING, b"c"))
            assert await peer.frame() == (PONG, b"c")

    with served(app, loop=loop) as port:
        run(body(port))


def test_a_peer_that_answers_no_ping_is_closed_1011_and_its_app_told(run: Run, loop: str) -> None:
    app = App()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            assert (await peer.frame())[0] == PING
            assert await peer.close_code() == 1011
            assert (await app.next_seen())["code"] == 1011

    with served(app, loop=loop, ws_ping_interval=0.1, ws_ping_timeout=0.1) as port:
        run(body(port))


# --- messages -----------------------------------------------------------------------------------------


@pytest.mark.requirement("WS-12")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, fin=False) + frame(0, fin=False) * 2_000, 1008),
        (frame(TEXT, b"x" * 40_000, fin=False) + frame(0, b"x" * 40_000, fin=False), 1009),
        (frame(BINARY, length=1 << 30), 1009),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"\xc3", fin=False) + frame(0, b"\x28"), 1007),
        (frame(TEXT, b"one", fin=False) + frame(TEXT, b"two"), 1002),
    ],
    ids=["fragments", "fragmented size", "declared size", "bad utf-8", "bad fragmented utf-8", "protocol error"],
)
def test_a_broken_message_is_closed_with_its_code_and_nothing_in_the_log(
    run: Run, loop: str, caplog: pytest.LogCaptureFixture, data: bytes, code: int
) -> None:
    app = App()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            await peer.send(data)
            assert await peer.close_code() == code
            assert (await app.next_seen())["code"] == code

    with served(app, loop=loop) as port:
        run(body(port))
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING or r.exc_info] == []


def test_a_message_before_a_broken_one_is_not_lost(run: Run, loop: str) -> None:
    class Noting(App):
        async def message(self, event: Any, send: Any) -> None:
            self.seen.put(event["text"])

    app = Noting()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            await peer.send(frame(TEXT, b"good") + frame(3))
            assert await peer.close_code() == 1002
            assert await app.next_seen() == "good"
            assert (await app.next_seen())["code"] == 1002

    with served(app, loop=loop) as port:
        run(body(port))


def test_a_peer_that_goes_on_sending_still_reads_why_it_was_closed(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            peer.writer.write(frame(BINARY, b"x" * 300_000, length=1 << 30))
            assert await peer.close_code() == 1009

    with served(App(), loop=loop) as port:
        run(body(port))


def test_a_burst_waits_unparsed_for_a_busy_app_and_stays_in_order(run: Run, loop: str) -> None:
    class Busy(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await self.held()
            await self.first(receive.__self__)
            for _ in range(20_000):
                await send({"type": "websocket.send", "text": (await receive())["text"]})

        async def first(self, protocol: Any) -> None:
            self.seen.put(len(protocol.queue))

    app = Busy()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            burst = b"".join(frame(TEXT, b"%d" % i) for i in range(20_000))
            peer.writer.write(burst)
            app.go.set()
            for i in range(20_000):
                assert await peer.frame() == (TEXT, b"%d" % i)
            # One piece of the largest kind at most: four times 16 KiB, of seven bytes and more.
            assert await app.next_seen() <= 4 * 16_384 // 7

    with served(app, loop=loop) as port:
        run(body(port))


def test_an_app_that_reads_late_does_not_cost_its_peer_the_line(run: Run, loop: str) -> None:
    class Late(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await self.held()
            self.seen.put([(await receive())["text"] for _ in range(300)])
            await send({"type": "websocket.send", "text": "done"})

    app = Late()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer, connected(port, upgraded=True) as clock:
            await peer.send(frame(TEXT, b"m") * 300)
            # The other one answers no ping either, and reading it was never paused.
            while (await clock.frame())[0] != CLOSE:
                pass
            app.go.set()
            assert await app.next_seen() == ["m"] * 300
            while (answer := await peer.frame())[0] == PING:
                await peer.send(frame(PONG, answer[1]))
            assert answer == (TEXT, b"done")

    with served(app, loop=loop, ws_ping_interval=0.2, ws_ping_timeout=0.2) as port:
        run(body(port))


def test_fragments_with_a_ping_between_make_one_message(run: Run, loop: str) -> None:
    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            await peer.send(frame(TEXT, b"a\xc3", fin=False) + frame(PING, b"p") + frame(0, b"\xa9b"))
            assert await peer.frame() == (PONG, b"p")
            assert await peer.frame() == (TEXT, "aéb".encode())

    with served(App(), loop=loop) as port:
        run(body(port))


@pytest.mark.parametrize("deflate", [False, True])
def test_a_good_client_gets_its_messages_back_of_every_size(run: Run, loop: str, deflate: bool) -> None:
    async def body(port: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}/", proxy=None, max_size=None) as client:
            for message in ("", "é" * 70, "x" * 60_000, b"", b"\x00" * 126, b"\xff" * 200_000, "y" * 2_000_000):
                await client.send(message)
                assert await client.recv() == message

    with served(App(), loop=loop, ws_max_size=4 << 20, ws_per_message_deflate=deflate) as port:
        run(body(port), within=20)


# --- what the app sends -------------------------------------------------------------------------------


def test_what_an_app_sends_before_it_returns_arrives_in_order(run: Run, loop: str) -> None:
    class Brief(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            for i in range(5):
                await send({"type": "websocket.send", "text": str(i) * 6_000})

    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            assert [await peer.frame() for _ in range(5)] == [(TEXT, b"%d" % i * 6_000) for i in range(5)]

    with served(Brief(), loop=loop) as port:
        run(body(port))


def test_an_app_can_tell_what_is_unsent_and_cut_the_line(run: Run, loop: str) -> None:
    class Watchful(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            unsent, abort = scope["extensions"]["fairlead.unsent"], scope["extensions"]["fairlead.abort"]
            await send({"type": "websocket.accept"})
            while (await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": "x" * 500_000})
                self.seen.put(unsent())
                abort()

    app = Watchful()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True, deaf=True) as peer:
            await peer.send(frame(TEXT, b"more"))
            assert 400_000 < await app.next_seen() <= 500_010
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await peer.frame()

    with served(app, loop=loop) as port:
        run(body(port))


def test_closing_a_peer_that_does_not_read_takes_bounded_time(run: Run, loop: str) -> None:
    class Closing(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "x" * 500_000})
            await send({"type": "websocket.close", "code": 1013})
            self.seen.put(await receive())
            self.seen.put(await receive())

    app = Closing()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True, deaf=True):
            assert (await app.next_seen())["code"] == 1013
            assert (await app.next_seen())["type"] == "websocket.disconnect"  # the connection is lost

    with served(app, loop=loop, limits={"close_s": 0.2}) as port:
        run(body(port))


def test_the_app_gets_an_os_error_where_its_peer_is_gone(run: Run, loop: str) -> None:
    class Late(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            self.seen.put((await receive())["code"])
            try:
                await send({"type": "websocket.send", "text": "too late"})
            except OSError as error:
                self.seen.put(type(error).__name__)

    app = Late()

    async def body(port: int) -> None:
        async with connected(port, upgraded=True) as peer:
            await peer.send(frame(TEXT, b"\xff"))
            assert await peer.close_code() == 1007
            assert [await app.next_seen() for _ in range(2)] == [1007, "ClientDisconnected"]

    with served(app, loop=loop) as port:
        run(body(port))


# --- the log ------------------------------------------------------------------------------------------


def test_no_token_of_a_url_or_header_stands_in_the_log(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    for name in (None, "uvicorn", "uvicorn.error", "uvicorn.access"):  # The command line quietens uvicorn's own.
        caplog.set_level(logging.DEBUG, logger=name)

    class Denying(App):
        async def socket(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.close"})

    async def body(port: int) -> None:
        async with connected(port) as peer:
            await peer.upgrade(b"Authorization: Bearer s3cret\r\n")
            await peer.send(frame(TEXT, b"s3cret"))
        async with connected(port) as peer:
            await peer.send(GET.replace(b"/ ", b"/?token=s3cret ") + b"Connection: close\r\n\r\n")
            await peer.rest()

    for app in (App(), Denying()):
        with served(app) as port:
            run(body(port))
    messages = [record.getMessage() for record in caplog.records]
    assert any('"WebSocket /line" [accepted]' in m for m in messages)
    assert any('"WebSocket /line" 403' in m for m in messages)
    assert any('"GET / HTTP/1.1" 200' in m for m in messages)
    assert [m for m in messages if "s3cret" in m] == []


# --- parts --------------------------------------------------------------------------------------------


def test_default_limits_give_protocols_that_a_worker_process_can_import() -> None:
    assert guarded_protocols() == guarded_protocols(ProtocolLimits()) == (GuardedHttp, GuardedWebSocket)
    http, ws = guarded_protocols(ProtocolLimits(fragments=2))
    assert (http.limits.fragments, ws.limits.fragments, GuardedHttp.limits.fragments) == (2, 2, 1_024)


def test_an_inbox_wakes_every_waiter_even_when_one_has_given_up(run: Run) -> None:
    async def body() -> None:
        inbox = Inbox()

        async def take() -> Any:
            while not inbox:
                await inbox.arrival(asyncio.get_running_loop())
            return inbox.popleft()

        gone, *waiting = [asyncio.create_task(take()) for _ in range(3)]
        await asyncio.sleep(0)
        gone.cancel()
        inbox.put_nowait({"type": "websocket.connect"})
        inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        assert [(await task)["type"] for task in waiting] == ["websocket.connect", "websocket.disconnect"]

    run(body())
