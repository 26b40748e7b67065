"""The WebSocket line against servers that do what servers do."""

import asyncio
import base64
import json
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve

from fairlead.client import Client
from fairlead.connect.line import ConnectError
from fairlead.errors import ConnectionLost
from tests.connect.ways import DISCOVER, QUICK, text, until


@asynccontextmanager
async def served(rest, *, scheme="ws", **options):
    """A server of the stateless era; `rest(socket, said)` does what comes after the probe."""

    async def talk(socket):
        async for frame in socket:
            said = json.loads(frame)
            if said.get("method") == "server/discover":
                await socket.send(json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": DISCOVER}))
            else:
                await rest(socket, said)

    async with serve(
        talk, "127.0.0.1", 0, select_subprotocol=lambda _, offered: offered[0] if offered else None, **options
    ) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"{scheme}://localhost:{port}/mcp", server


async def answered(socket, said):
    if "id" in said:
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": text("x")}))


def test_the_subprotocol_is_offered_and_a_token_stands_where_it_was_asked_to(run):
    async def main():
        heads = []
        look = lambda connection, request: heads.append(request.headers)  # noqa: E731
        async with served(answered, process_request=look) as (url, _):
            async with Client(url, token="t0", proxy=False):
                pass
            async with Client(url, token="t0", token_place="subprotocol", proxy=False):
                pass
        assert heads[0]["authorization"] == "Bearer t0" and heads[0]["sec-websocket-protocol"] == "mcp"
        coded = base64.urlsafe_b64encode(b"t0").decode().rstrip("=")
        assert heads[1]["sec-websocket-protocol"] == f"mcp, mcp.auth.{coded}" and "authorization" not in heads[1]

    run(main())


def test_calls_of_one_turn_leave_in_one_write(run):
    async def main():
        async with served(answered) as (url, _), Client(url, proxy=False) as client:
            socket = client._lifeline.current.line._socket
            writes = []
            write = socket.transport.write
            socket.transport = type(
                "T",
                (),
                {
                    "write": lambda self, data: (writes.append(data), write(data)),
                    "is_closing": lambda self: False,
                    "abort": lambda self: None,
                },
            )()
            await asyncio.gather(*(client.call_tool("t") for _ in range(50)))
            assert len(writes) == 1

    run(main())


def test_messages_in_fragments_are_put_together(run):
    async def main():
        async def rest(socket, said):
            frame = json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": text("ü" * 1000)}, ensure_ascii=False)
            await socket.send(frame[at : at + 7] for at in range(0, len(frame), 7))

        async with served(rest) as (url, _), Client(url, proxy=False) as client:
            answers = await asyncio.gather(*(client.call_tool("t") for _ in range(3)))
            assert [one.text for one in answers] == ["ü" * 1000] * 3

    run(main())


def test_a_binary_frame_ends_the_line_with_1003_and_the_client_comes_back(run):
    async def main():
        codes = []

        async def rest(socket, said):
            if not codes:
                await socket.send(b"bytes")
                await socket.wait_closed()
                codes.append(socket.close_code)
            else:
                await answered(socket, said)

        async with served(rest) as (url, _), Client(url, reconnect=QUICK, proxy=False) as client:
            with pytest.raises(ConnectionLost):
                await client.call_tool("t")
            assert (await client.call_tool("t")).text == "x" and codes == [1003]

    run(main())


@pytest.mark.parametrize(
    ("code", "again"),
    [(1000, True), (1012, True), (1013, True), (4004, True), (1008, False), (4001, False), (1002, False)],
)
def test_the_close_code_of_a_server_decides_whether_the_client_comes_back(run, code, again):
    async def main():
        async def rest(socket, said):
            await socket.close(code, "because")

        async with served(rest) as (url, _), Client(url, reconnect=QUICK, proxy=False) as client:
            with pytest.raises(ConnectionLost, match=f"{code} .because.") as lost:
                await client.call_tool("t")
            assert (lost.value.state, lost.value.code) == ("unknown_outcome", code)
            if again:
                await until(lambda: client.connected)
            else:
                with pytest.raises(ConnectionLost, match="because") as later:
                    await client.call_tool("t")
                assert later.value.state == "not_sent"

    run(main())


def test_a_frame_past_the_limit_ends_the_line_and_is_not_asked_for_again(run):
    async def main():
        asked = []

        async def rest(socket, said):
            asked.append(said["method"])
            await socket.send("x" * 20_000_000)

        async with served(rest) as (url, _), Client(url, reconnect=QUICK, proxy=False) as client:
            with pytest.raises(ConnectionLost) as lost:
                await client.request("tools/list", within=5)
            assert lost.value.code == 1009 and asked == ["tools/list"]
            await until(lambda: client.connected)

    run(main())


@pytest.mark.parametrize(
    ("status", "final"), [(401, True), (403, True), (404, True), (421, True), (500, False), (503, False)]
)
def test_a_refused_upgrade_says_why_and_whether_to_try_again(run, status, final):
    async def main():
        refuse = lambda connection, request: connection.respond(status, "no")  # noqa: E731
        async with served(answered, process_request=refuse) as (url, _):
            with pytest.raises(ConnectError, match=str(status)) as fault:
                async with Client(url, proxy=False):
                    pass
            assert (fault.value.final, fault.value.status) == (final, status)

    run(main())


def test_a_provider_is_asked_again_after_401_and_after_1008(run):
    async def main():
        tokens = []

        async def provide():
            tokens.append(f"t{len(tokens)}")
            return tokens[-1]

        def look(connection, request):
            return connection.respond(401, "no") if request.headers["authorization"] == "Bearer t0" else None

        async def rest(socket, said):
            if socket.request.headers["authorization"] == "Bearer t1":
                await socket.close(1008, "expired")
            else:
                await answered(socket, said)

        async with served(rest, process_request=look) as (url, _):
            async with Client(url, token=provide, reconnect=QUICK, proxy=False) as client:
                assert tokens == ["t0", "t1"]
                await asyncio.sleep(0.25)  # the line holds: the token counts as taken
                with pytest.raises(ConnectionLost):
                    await client.call_tool("t")
                assert (await client.call_tool("t")).text == "x" and tokens == ["t0", "t1", "t2"]

    run(main())


def test_a_peer_that_does_not_read_makes_senders_wait_and_those_were_not_sent(run):
    async def main():
        reading = asyncio.Event()

        async def rest(socket, said):
            await reading.wait()

        async with served(rest, max_queue=1) as (url, _):
            async with Client(url, reconnect=False, proxy=False) as client:
                large = {"x": "y" * 1_000_000}
                calls = [asyncio.create_task(client.call_tool("t", large, within=30)) for _ in range(40)]
                await until(lambda: client._lifeline.current.line._socket.paused)
                client._lifeline.current.line._socket.transport.abort()
                ends = await asyncio.gather(*calls, return_exceptions=True)
                states = [end.state for end in ends]
                assert "not_sent" in states and "unknown_outcome" in states
            reading.set()

    run(main())


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate of our own for localhost, and its key."""
    here = tmp_path_factory.mktemp("tls")
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*words, "-keyout", here / "key.pem", "-out", here / "cert.pem"], check=True, capture_output=True)
    return here


def test_a_certificate_is_verified_and_an_authority_of_ones_own_can_be_named(run, authority):
    async def main():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority / "cert.pem", authority / "key.pem")
        async with served(answered, scheme="wss", ssl=context) as (url, _):
            with pytest.raises(ConnectError, match="certificate was not accepted") as fault:
                async with Client(url, proxy=False):
                    pass
            assert fault.value.final
            async with Client(url, ca=authority / "cert.pem", proxy=False) as client:
                assert (await client.call_tool("t")).text == "x"
            with pytest.raises(ConnectError, match="certificate was not accepted"):
                async with Client(url.replace("wss", "https"), proxy=False):
                    pass

    run(main())


def test_a_proxy_of_the_environment_is_used(run, monkeypatch):
    async def main():
        asked = []

        async def proxy(reader, writer):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 403 no\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(proxy, "127.0.0.1", 0)
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(ConnectError):
            async with Client("wss://nowhere.invalid/mcp"):
                pass
        server.close()
        assert asked[0].startswith(b"CONNECT nowhere.invalid:443")

    run(main())
