"""The outgoing half of HTTP: whole answers in one write, what the app learns of its reader, and unread answers."""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from fairlead.guard.protocol import GuardedHttp
from tests.guard import peers
from tests.guard.peers import App, connected

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def served(app: App, **options: Any) -> Any:
    """As in production: a log of accesses would have every answer go stock's way."""
    return peers.served(app, access_log=False, **options)


class Answers(App):
    """Answers with these events; keeps the scope of the last request."""

    def __init__(self, *events: dict[str, Any]) -> None:
        super().__init__()
        self.events = events
        self.scope: Any = None

    async def http(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        for event in self.events:
            await send(dict(event))


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


LENGTH = (b"content-length", b"5")


async def told(app: App, request: bytes = GET, loop: str = "uvloop") -> bytes:
    """All that comes for one request, until the connection has been idle."""
    with served(app, loop=loop, timeout_keep_alive=0.1) as port:
        async with connected(port) as peer:
            await peer.send(request)
            return await peer.rest()


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([start(200, LENGTH), body(b"hello")], b"content-length: 5\r\n\r\nhello"),
        ([start(404, (b"X-Y", b"z"), LENGTH), body(b"hello")], b"x-y: z\r\ncontent-length: 5\r\n\r\nhello"),
        ([start(200, LENGTH), body(b"he", more=True), body(b"llo")], b"content-length: 5\r\n\r\nhello"),
        ([start(200), body(b"hello")], b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ([start(204), body()], b"\r\n\r\n"),
    ],
)
def test_an_answer_is_what_stock_would_write(run, events, expected, loop):
    async def talk():
        seen = await told(Answers(*events), loop=loop)
        assert seen.startswith(b"HTTP/1.1 %d " % events[0]["status"]) and seen.endswith(expected)
        last = await told(Answers(*events), GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), loop)
        assert b"\r\nconnection: close\r\n" in last and last.endswith(expected.partition(b"\r\n\r\n")[2])

    run(talk())


@pytest.mark.parametrize(
    "events",
    [
        [start(200, (b"content-length", b"4")), body(b"hello")],
        [start(200, (b"content-length", b"6")), body(b"hello")],
        [start(200, (b"x", b"a\r\nb: c"), LENGTH), body(b"hello")],
        [start(200, (b"x y", b"a"), LENGTH), body(b"hello")],
        [start(200, LENGTH)],
        [body(b"hello")],
        [],
    ],
)
def test_a_mistake_of_the_app_never_looks_like_an_answer(run, events):
    async def talk():
        seen = await told(Answers(*events))
        assert b"\r\nb: c" not in seen and b"x y" not in seen
        assert not seen.startswith(b"HTTP/1.1 200") or not seen.endswith(b"hello") or b"length: 6" in seen

    run(talk())


def test_answers_to_pipelined_requests_come_in_order(run):
    class Numbered(App):
        async def http(self, scope: Any, receive: Any, send: Any) -> None:
            number = scope["path"][1:].encode()
            if number == b"2":
                await asyncio.sleep(0.01)
            await send(start(200, (b"content-length", b"%d" % len(number))))
            await send(body(number))

    async def talk():
        with served(Numbered()) as port:
            async with connected(port) as peer:
                await peer.send(b"".join(GET.replace(b"/ ", b"/%d " % number, 1) for number in range(8)))
                for number in range(8):
                    head = await peer.head()
                    assert await peer.body(head) == b"%d" % number

    run(talk())


def test_an_answer_goes_out_before_the_refusal_of_what_follows_it(run):
    async def talk():
        for _ in range(10):
            with served(Answers(start(200, LENGTH), body(b"hello"))) as port:
                async with connected(port) as peer:
                    await peer.send(GET)
                    await peer.send(b"no request at all\r\n\r\n")
                    seen = await peer.rest()
                    assert seen.endswith(b"hello") or seen.find(b"hello") < seen.find(b"HTTP/1.1 400")

    run(talk())


def test_head_has_a_head_alone(run):
    async def talk():
        with served(Answers(start(200, LENGTH), body(b"hello"))) as port:
            async with connected(port) as peer:
                await peer.send(GET.replace(b"GET", b"HEAD"))
                assert "content-length: 5" in (await peer.head())
                await peer.send(GET)
                assert await peer.body(await peer.head()) == b"hello"

    run(talk())


def test_the_app_can_look_at_what_is_unread_and_drop_its_peer(run):
    class Looks(App):
        async def http(self, scope: Any, receive: Any, send: Any) -> None:
            extensions = scope["extensions"]
            assert extensions["fairlead.unsent"]() == 0
            await send(start(200))
            sent = 0
            while extensions["fairlead.unsent"]() <= 65_536:
                await send(body(b"x" * 65_536, more=True))
                sent += 65_536
            self.seen.put(sent)
            extensions["fairlead.abort"]()

    async def talk():
        app = Looks()
        with served(app) as port:
            async with connected(port, deaf=True) as peer:
                await peer.send(GET)
                sent, received = await app.next_seen(), 0
                async with asyncio.timeout(5):
                    with suppress(ConnectionError):  # the end may come as a plain one
                        while data := await peer.reader.read(65_536):
                            received += len(data)
                assert received < sent - 32_768

    run(talk())


def read_slowly(port: int, pause: float, seen: list[int], go: threading.Event) -> None:
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        raw.connect(("127.0.0.1", port))
        raw.settimeout(8)
        raw.sendall(GET)
        if pause < 0:
            go.wait(8)
        try:
            while data := raw.recv(65_536):
                seen.append(len(data))
                if pause > 0:
                    go.wait(pause)
        except OSError:
            pass


def test_an_answer_that_nobody_reads_ends_with_its_connection(run):
    size = 4_000_000
    app = Answers(start(200, (b"content-length", b"%d" % size)), body(b"x" * size))
    with served(app, timeout_keep_alive=0.2) as port:
        go, seen = threading.Event(), []
        thread = threading.Thread(target=read_slowly, args=(port, -1, seen, go))
        thread.start()
        for _ in range(400):
            if app.scope is not None and app.scope["extensions"]["fairlead.unsent"]() == 0:
                break
            threading.Event().wait(0.02)
        go.set()
        thread.join(8)
        assert not thread.is_alive() and sum(seen) < size


def test_an_answer_that_is_read_slowly_comes_whole(run):
    size = 2_000_000
    app = Answers(start(200, (b"content-length", b"%d" % size)), body(b"x" * size))
    with served(app, timeout_keep_alive=0.2) as port:
        go, seen = threading.Event(), []
        thread = threading.Thread(target=read_slowly, args=(port, 0.02, seen, go))
        thread.start()
        thread.join(30)
        assert not thread.is_alive() and sum(seen) > size


class Recorded(asyncio.Transport):
    """A transport that keeps what was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[bytes | str] = []

    def write(self, data: Any) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.done.append("closed")

    abort = close

    def is_closing(self) -> bool:
        return "closed" in self.done

    def can_write_eof(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("act", "follows"),
    [
        (lambda line: line.data_received(b"no request\r\n\r\n"), b"HTTP/1.1 400 "),
        (lambda line: line.shutdown(), "closed"),
        (lambda line: line.eof_received(), None),
        (lambda line: line._head_late(), "closed"),
    ],
)
def test_an_answer_that_waits_for_the_next_turn_goes_ahead_of_all_else(run, act, follows):
    async def talk():
        config = uvicorn.Config(App(), log_config=None)
        config.load()
        line, transport = GuardedHttp(config, ServerState(), {}, asyncio.get_running_loop()), Recorded()
        line.connection_made(transport)
        line.write_soon(b"answer")
        assert transport.done == []
        act(line)
        assert transport.done[0] == b"answer"
        if follows is not None:
            assert transport.done[1] == follows or transport.done[1].startswith(follows)
        before = len(transport.done)
        await asyncio.sleep(0)
        assert len(transport.done) == before
        line.connection_lost(None)

    run(talk(), leftovers=True)


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 100_000])
def test_an_answer_of_any_size_is_whole(run, size):
    async def talk():
        length = (b"content-length", b"%d" % size)
        seen = await told(Answers(start(200, length), body(b"x" * size)))
        assert seen.partition(b"\r\n\r\n")[2] == b"x" * size

    run(talk())


def test_a_connection_that_was_kept_alive_outlives_its_timer_as_a_socket(run):
    async def talk():
        with served(App(), timeout_keep_alive=0.1) as port:
            async with connected(port) as peer:
                await peer.get()
                assert (await peer.upgrade()).startswith("HTTP/1.1 101 ")
                await asyncio.sleep(0.4)
                await peer.send(peers.frame(peers.TEXT, b"still"))
                assert await peer.frame() == (peers.TEXT, b"still")

    run(talk())


def test_a_connection_is_kept_alive_from_its_last_answer_on(run):
    async def talk():
        with served(App(), timeout_keep_alive=0.4) as port:
            async with connected(port) as peer:
                for _ in range(6):
                    assert "200" in await peer.get()
                    await asyncio.sleep(0.2)
                assert await peer.rest() == b""  # and no longer

    run(talk())


def test_a_head_that_comes_slowly_has_its_own_time(run):
    async def talk():
        with served(App(), timeout_keep_alive=0.1, limits={"handshake_s": 0.6}) as port:
            async with connected(port) as peer:
                await peer.get()
                await peer.send(GET[:10])
                await asyncio.sleep(0.3)
                await peer.send(GET[10:])
                assert "200" in await peer.head()
            async with connected(port) as peer:
                await peer.get()
                await peer.send(GET[:10])
                assert b"408" in await peer.rest()

    run(talk())
