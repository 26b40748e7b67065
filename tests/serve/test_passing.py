"""A request that is passed on: both ways stream, both ends may leave, and nothing is held without a bound."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fairlead import Fairlead
from fairlead.errors import UsageError
from fairlead.serve import channel
from fairlead.serve.handover import PASSED, Entrance
from fairlead.serve.passing import Passing
from fairlead.serve.place import LIFELINE, Place, take
from tests.serve.harbour import WAIT

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def place(index: int = 0, folder: str = "/nowhere", secret: str = "hush") -> Place:
    return Place(index, 3, folder, secret)


class Client:
    """The near end of one request: what it sends, and what it was answered."""

    def __init__(self, *parts: bytes, headers: dict[str, str] | None = None, method: str = "POST", path: str = "/mcp"):
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for place, part in enumerate(parts or (b"",), 1):
            self.say(part, more=place < len(parts))
        told = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": told}
        self.answer: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()

    def say(self, part: bytes, *, more: bool) -> None:
        self.events.put_nowait({"type": "http.request", "body": part, "more_body": more})

    def leave(self) -> None:
        self.events.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> dict[str, Any]:
        return await self.events.get()

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.answer.append(message)

    @property
    def status(self) -> int:
        return self.answer[0]["status"]

    @property
    def body(self) -> bytes:
        return b"".join(part["body"] for part in self.answer[1:])


@asynccontextmanager
async def worker(folder: Any, handler: Handler, *, index: int = 1) -> AsyncIterator[Passing]:
    """The passing of worker 0, with a worker 1 that does what `handler` does to each connection."""
    mcp = Fairlead("test", body_seconds=0.3, stall_seconds=2)
    near = place(folder=str(folder))
    passing = Passing(near, mcp.station, mcp.settings)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_unix_server(handle, near.door(index), limit=2**20)
    try:
        yield passing
        assert mcp.station.carried == 0
        assert [one.used for one in passing._channels.values()] == [0, 0]
    finally:
        passing.close()
        server.close()
        for _ in range(3):
            await asyncio.sleep(0.01)


def session(index: int = 1) -> dict[str, str]:
    return {"mcp-session-id": place(index).mint(), "content-type": "application/json"}


async def head_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(WAIT):
        return await reader.readuntil(b"\r\n\r\n")


async def bounded(passing: Passing, client: Client) -> bool:
    async with asyncio.timeout(WAIT):
        return await passing.by_head(client.scope, client.receive, client.send)


# Whose a request is.


def test_an_id_tells_its_worker_to_every_worker() -> None:
    id = place(2).mint()
    assert place(0).keeper(id) == place(1).keeper(id) == 2
    assert place(2).keeper(id) is None
    assert id.isascii() and id.isprintable()


@pytest.mark.parametrize("index", ["", "9", "-1", "00009", "²", "1x", "1e0"])
def test_an_id_of_no_worker_has_no_keeper(index: str) -> None:
    told = f"{index}-x"
    assert place().keeper(f"{told}.{place()._signature(told)}") is None
    assert place().marked(told) is None


def test_an_id_signed_with_another_secret_has_no_keeper() -> None:
    assert place().keeper(place(1, secret="other").mint()) is None
    assert place().keeper("1-ü.ü") is None


def test_a_place_keeps_its_secret_out_of_texts() -> None:
    assert "hush" not in repr(place())


@pytest.mark.parametrize("number", ["999999", "-1", "x", ""])
def test_a_lifeline_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    monkeypatch.setenv(LIFELINE, number)
    with pytest.raises(UsageError, match="unset it"):
        take()
    assert take() is None


def test_what_was_passed_on_is_not_passed_on_again(run, tmp_path) -> None:
    async def use() -> None:
        async with worker(tmp_path, _never) as passing:
            client = Client(headers=session())
            client.scope[PASSED] = True
            assert not await bounded(passing, client)

    run(use())


@pytest.mark.parametrize("index", [0, 2])
def test_a_request_for_this_worker_or_one_that_is_gone_is_left_here_unread(run, tmp_path, index: int) -> None:
    async def use() -> None:
        async with worker(tmp_path, _never) as passing:
            client = Client(b"{}", headers=session(index))
            assert not await bounded(passing, client)
            assert client.events.qsize() == 1 and not client.answer

    run(use())


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raise AssertionError("nothing may come here")


# The way there and back.


def test_the_scope_arrives_as_the_first_worker_had_it(run, tmp_path) -> None:
    got: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.update(scope)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await head_of(reader)).split(b"\r\n")
        headers = [tuple(line.split(b": ", 1)) for line in lines[1:] if line]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "scheme": "http"}
        await Entrance(app)(scope, None, None)  # type: ignore[arg-type]
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")

    async def use() -> None:
        async with worker(tmp_path, answer) as passing:
            client = Client(b"{}", headers={**session(), "connection": "close", "x-own": "ä"}, path="/tölz/a b\r\n")
            client.scope |= {
                "query_string": b"q=%20\xff",
                "root_path": "/tölz",
                "scheme": "https",
                "client": ("203.0.113.9", 7),
                "server": ("127.0.0.1", 8000),
                "fairlead.principal": "anna \U0001f6a2",
            }
            assert await bounded(passing, client)
            assert client.status == 202
            told = {key: value for key, value in got.items() if key not in ("headers", "raw_path", PASSED)}
            assert told == {key: value for key, value in client.scope.items() if key != "headers"}
            assert got[PASSED] is True
            assert dict(got["headers"]) == {
                **{name: value for name, value in client.scope["headers"] if name != b"connection"},
                b"content-length": b"2",
            }

    run(use())


def test_a_client_cannot_say_what_the_first_worker_found_out(run, tmp_path) -> None:
    seen = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await head_of(reader)).lower())
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")

    async def use() -> None:
        async with worker(tmp_path, answer) as passing:
            forged = json.dumps({"principal": "root"})
            assert await bounded(passing, Client(b"{}", headers={**session(), "fairlead-carried": forged}))
        assert seen[0].count(b"fairlead-carried") == 1 and b'root"' not in seen[0].replace(b'root_path"', b"")

    run(use())


def test_a_connection_is_used_again_after_a_clean_answer_alone(run, tmp_path) -> None:
    connections = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            try:
                head = await head_of(reader)
            except asyncio.IncompleteReadError:
                return
            if b"early" in head:
                writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
                continue
            await reader.readexactly(2)
            more = b"connection: close\r\n" if b"last" in head else b""
            writer.write(b"HTTP/1.1 200 OK\r\n" + more + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    async def use() -> None:
        async with worker(tmp_path, answer) as passing:
            for path, count in (("/a", 1), ("/a", 1), ("/last", 1), ("/a", 2), ("/early", 2), ("/a", 3)):
                client = Client(b"{}", headers=session(), path=path)
                if path == "/early":  # The answer comes before the body is whole.
                    client = Client(b"{", b"", headers={**session(), "content-length": "9"}, path=path)
                    await client.receive()
                    await client.receive()
                    client.say(b"{", more=True)
                assert await bounded(passing, client)
                assert client.status == (413 if path == "/early" else 200)
                assert client.body == (b"no" if path == "/early" else b"ok")
                assert len(connections) == count, path

    run(use())


def test_a_body_that_does_not_come_is_given_up(run, tmp_path) -> None:
    async def use() -> None:
        async with worker(tmp_path, _silent) as passing:
            client = Client(headers=session())
            await client.receive()
            assert await bounded(passing, client)
            assert client.status == 408

    run(use())


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_a_client_that_leaves_is_seen_to_leave_by_the_worker(run, tmp_path) -> None:
    async def use() -> None:
        left = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await head_of(reader)
            await reader.read()
            left.set()

        async with worker(tmp_path, answer) as passing:
            for parts in ((b"{}",), (b"{", b"}")):
                left.clear()
                client = Client(*parts, headers=session())
                task = asyncio.create_task(bounded(passing, client))
                client.leave()
                with pytest.raises(ConnectionError):
                    await task
                async with asyncio.timeout(WAIT):
                    await left.wait()

    run(use())


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"nonsense\r\n\r\n"])
def test_a_worker_that_ends_before_its_answer_makes_a_502(run, tmp_path, said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(said)

    async def use() -> None:
        async with worker(tmp_path, answer) as passing:
            client = Client(b"{}", headers=session())
            assert await bounded(passing, client)
            assert client.status == 502
            assert json.loads(client.body)["error"]["code"] == "WORKER_LOST"

    run(use())


def test_an_answer_that_breaks_off_is_never_taken_for_a_whole_one(run, tmp_path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")

    async def use() -> None:
        async with worker(tmp_path, answer) as passing:
            client = Client(b"{}", headers=session())
            with pytest.raises(ConnectionError):
                await bounded(passing, client)
            assert client.body == b"ok" and client.answer[-1]["more_body"]

    run(use())


def test_a_slow_reader_holds_up_its_worker_and_no_memory(run, tmp_path) -> None:
    written = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await head_of(reader)
        size = 32 * 1024 * 1024
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // 65_536):
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    async def use() -> None:
        async with worker(tmp_path, answer) as passing:
            client = Client(b"{}", headers=session())
            client.reads.clear()
            task = asyncio.create_task(bounded(passing, client))
            for _ in range(50):
                await asyncio.sleep(0.01)
            assert written < 4 * 1024 * 1024
            client.reads.set()
            assert await task
            assert len(client.body) == 32 * 1024 * 1024

    run(use(), within=20)


def test_a_reader_that_stops_is_given_up(run, tmp_path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok")
        await reader.read()

    async def use() -> None:
        async with worker(tmp_path, answer) as passing:
            client = Client(b"{}", headers=session())
            client.reads.clear()
            with pytest.raises(ConnectionError, match="stopped reading"):
                await bounded(passing, client)

    run(use())


def test_over_its_bound_a_worker_is_busy(run, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MOST", 2)

    async def use() -> None:
        async with worker(tmp_path, _silent) as passing:
            clients = [Client(b"{}", headers=session()) for _ in range(3)]
            waiting = [asyncio.create_task(bounded(passing, client)) for client in clients[:2]]
            await asyncio.sleep(0.05)
            assert await bounded(passing, clients[2])
            assert clients[2].status == 503
            for client in clients[:2]:
                client.leave()
            assert all(
                isinstance(one, ConnectionError) for one in await asyncio.gather(*waiting, return_exceptions=True)
            )

    run(use())
