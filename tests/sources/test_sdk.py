"""Servers of the official SDK on our lines, in both eras, through our client and the SDK's own."""

import asyncio
import importlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client import Client as TheirClient
from mcp.client.sse import sse_client
from mcp.server import MCPServer, Server
from mcp.server.auth.settings import AuthSettings

from fairlead import CallError, Fairlead, UsageError
from fairlead.client import Client
from fairlead.sources import python, sdk
from fairlead.sources.sdk import from_sdk
from tests.conformance.processes import FAIRLEAD, started
from tests.serve.harbour import ROOT, WAIT, docked

WHERRY = ROOT / "tests/sources/wherry.py"
LINES = ("memory", "websocket", "http", "stdio")
ERAS = ("handshake", "stateless")
ADDRESS = r"ws://(127\.0\.0\.1:\d+)"
pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


class Heard(list[tuple[str, Any]]):
    """Notifications as they came; `wait(method)` for one."""

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Event()

    def __call__(self, method: str, params: Any) -> None:
        self.append((method, params))
        self.more.set()

    async def wait(self, method: str) -> Any:
        async with asyncio.timeout(WAIT):
            while True:
                for name, params in self:
                    if name == method:
                        return params
                self.more.clear()
                await self.more.wait()


@pytest.fixture
def wherry() -> Any:
    """The module, fresh: its events belong to the loop of one test."""
    sys.modules.pop("tests.sources.wherry", None)
    return importlib.import_module("tests.sources.wherry")


@asynccontextmanager
async def on_line(line: str, theirs: Any, era: str, **options: Any) -> AsyncIterator[Client]:
    """Our client at their server."""
    if line == "stdio":
        command = [sys.executable, "-W", "ignore", "-m", "fairlead", "serve", str(WHERRY), "--transport", "stdio"]
        async with Client(command, era=era, timeout=WAIT, cwd=str(ROOT), **options) as client:
            yield client
        return
    server = from_sdk(theirs)
    try:
        if line == "memory":
            async with Client(server, era=era, timeout=WAIT, **options) as client:
                yield client
        else:
            scheme = {"websocket": "ws", "http": "http"}[line]
            async with (
                docked(server) as address,
                Client(f"{scheme}://{address}/mcp", era=era, timeout=WAIT, proxy=False, **options) as client,
            ):
                yield client
    finally:
        await server.station.rest()
        server.station.close()


def everywhere(test: Any) -> Any:
    """On each line, in each era."""
    return pytest.mark.parametrize("line", LINES)(pytest.mark.parametrize("era", ERAS)(test))


@everywhere
def test_what_their_server_offers_is_listed_called_and_read(run, wherry, line, era):
    async def scene():
        async with on_line(line, wherry.mcp, era) as client:
            assert client.server.name == "wherry" and client.server.version == "1.7"
            assert client.instructions == "Mind the step."
            assert client.protocol_version == ("2026-07-28" if era == "stateless" else "2025-11-25")
            tools = {tool.name: tool for tool in await client.list_tools()}
            assert tools["add"].title == "Add" and tools["add"].input_schema["required"] == ["a", "b"]
            assert (await client.call_tool("add", {"a": 1, "b": 41})).value == 42
            failed = await client.call_tool("fail")
            assert failed.is_error and failed.text == "Error executing tool fail"
            assert [one.text for one in await client.read("wherry://crew/Ann")] == ["Ann rows"]
            assert [one.uri_template for one in await client.list_templates()] == ["wherry://crew/{name}"]
            assert (await client.get_prompt("hail", {"ship": "Argo"}))[0].content.text == "Hail Argo!"
            assert await client.complete("hail", "ship", "Ar") == ["Argo", "Ariel"]

    run(scene(), within=30)


@everywhere
def test_their_progress_reaches_the_caller_before_the_answer(run, wherry, line, era):
    async def scene():
        async with on_line(line, wherry.mcp, era) as client:
            told: list[Any] = []
            answer = await client.call_tool("row", {"strokes": 2}, progress=lambda *step: told.append(step))
            assert (answer.text, told) == ("there", [(1, 2, "stroke 1"), (2, 2, "stroke 2")])

    run(scene(), within=30)


@everywhere
def test_their_log_reaches_a_client_that_asked_for_it(run, wherry, line, era):
    async def scene():
        heard = Heard()
        async with on_line(line, wherry.mcp, era, heard=heard, log_level="info") as client:
            await client.call_tool("shout")
            assert (await heard.wait("notifications/message"))["data"] == "Ahoy!"

    run(scene(), within=30)


@everywhere
def test_their_questions_reach_the_user_in_the_way_of_the_era(run, wherry, line, era):
    async def scene():
        asked: list[str] = []

        def answer(params: dict[str, Any]) -> dict[str, str]:
            asked.append(params["message"])
            return {"name": "west quay"}

        async with on_line(line, wherry.mcp, era, elicit=answer) as client:
            assert (await client.call_tool("tie")).text == "tied at west quay"
            if era == "handshake":
                assert (await client.call_tool("moor")).text == "accept west quay"
                assert asked == ["Which berth?", "Where to?"]

    run(scene(), within=30)


@pytest.mark.parametrize("line", ["memory", "websocket", "http"])
@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_is_cancelled_ends_in_their_server(run, wherry, line, era):
    async def scene():
        async with on_line(line, wherry.mcp, era) as client:
            begun = asyncio.Event()
            call = asyncio.create_task(client.call_tool("drift", progress=lambda *_: begun.set()))
            async with asyncio.timeout(WAIT):
                await begun.wait()
                assert not wherry.ended.is_set()
                call.cancel()
                await wherry.ended.wait()
            assert (await client.call_tool("add", {"a": 1, "b": 1})).value == 2

    run(scene(), within=30)


@pytest.mark.parametrize("line", ["memory", "websocket", "http"])
def test_a_line_that_breaks_ends_the_calls_on_it(run, wherry, line):
    async def scene():
        async with on_line(line, wherry.mcp, "stateless") as client:
            call = asyncio.create_task(client.call_tool("drift"))
            async with asyncio.timeout(WAIT):
                await wherry.reached.wait()
                await client.close()
                await wherry.ended.wait()
            assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], Exception)

    run(scene(), within=30)


@pytest.mark.parametrize("line", LINES)
def test_who_listens_hears_of_changes_in_their_server(run, wherry, line):
    async def scene():
        heard = Heard()
        async with on_line(line, wherry.mcp, "stateless", heard=heard) as client:
            async with client.listen(uris=["wherry://book"], kinds=["tools"]):
                await client.call_tool("paint")
                await heard.wait("notifications/tools/list_changed")
                assert (await heard.wait("notifications/resources/updated"))["uri"] == "wherry://book"

    run(scene(), within=30)


def test_an_open_subscription_ends_with_the_server_and_does_not_hold_it_up(run, wherry):
    async def scene():
        server = from_sdk(wherry.mcp)
        async with Client(server, era="stateless", timeout=WAIT) as client:
            async with client.listen(kinds=["tools"]):
                assert server.station.in_flight() == 0
                assert await server.station.drain(WAIT)
        await server.station.rest()

    run(scene(), within=30)


@pytest.mark.parametrize(("line", "pilot"), [("websocket", "Ann"), ("http", "Ann"), ("memory", None)])
def test_their_tools_see_the_headers_of_the_line_and_what_the_lifespan_gave(run, wherry, line, pilot):
    async def scene():
        options = {} if line == "memory" else {"headers": {"X-Pilot": "Ann"}}
        async with on_line(line, wherry.mcp, "stateless", **options) as client:
            assert (await client.call_tool("look")).value == {"flag": "red", "pilot": pilot}

    run(scene(), within=30)


def test_their_lifespan_runs_once_for_all_conversations_and_ends_with_the_server(run, wherry):
    async def scene():
        server = from_sdk(wherry.mcp)
        async with docked(server) as address:
            for era in ERAS:
                for url in (f"ws://{address}/mcp", f"http://{address}/mcp"):
                    async with Client(url, era=era, timeout=WAIT, proxy=False) as client:
                        await client.call_tool("add", {"a": 1, "b": 1})
            assert wherry.counted == {"begun": 1}
        await server.station.rest()
        assert wherry.counted == {"begun": 1, "ended": 1}

    run(scene(), within=30)


def test_one_socket_carries_both_eras(run, wherry):
    async def scene():
        server = from_sdk(wherry.mcp)
        line = server.dock()
        version = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
        meta = {**version, "io.modelcontextprotocol/clientCapabilities": {}}
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        add = {"name": "add", "arguments": {"a": 1, "b": 2}}
        said = [
            {"id": 0, "method": "initialize", "params": hello},
            {"method": "notifications/initialized"},
            {"id": "old", "method": "tools/call", "params": add},
            {"id": "new", "method": "tools/call", "params": {**add, "_meta": meta}},
        ]
        for one in said:  # Pipelined: nothing of it waits for what went before.
            await line.send(json.dumps({"jsonrpc": "2.0", **one}))
        answers = {}
        async with asyncio.timeout(WAIT):
            while len(answers) < 3:
                answer = json.loads(await line.receive())
                answers[answer["id"]] = answer["result"]
        assert answers[0]["protocolVersion"] == "2025-06-18"
        assert answers["old"]["structuredContent"] == answers["new"]["structuredContent"] == {"result": 3}
        assert "resultType" in answers["new"] and "resultType" not in answers["old"]
        line.close()
        await server.station.rest()

    run(scene(), within=30)


def test_a_batch_is_answered_as_one_although_their_kernel_knows_none(run, wherry):
    async def scene():
        server = from_sdk(wherry.mcp)
        hello = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        add = {"name": "add", "arguments": {"a": 1, "b": 2}}
        async with server.dock() as line, asyncio.timeout(WAIT):
            await line.send(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}))
            assert json.loads(await line.receive())["id"] == 0
            batch = [{"method": "notifications/initialized"}]
            batch += [{"id": id, "method": "tools/call", "params": add} for id in ("a", "b")]
            await line.send(json.dumps([{"jsonrpc": "2.0", **one} for one in batch]))
            answers = json.loads(await line.receive())
        assert {one["id"]: one["result"]["structuredContent"]["result"] for one in answers} == {"a": 3, "b": 3}
        await server.station.rest()

    run(scene(), within=30)


def test_several_workers_serve_it_and_keep_the_sessions_of_its_clients(run):
    async def scene():
        async def one(number: int) -> None:
            answer = {"name": f"quay {number}"}
            options = {"timeout": WAIT, "proxy": False, "reconnect": False}
            async with Client(f"http://{address}/mcp", era="handshake", elicit=lambda _: answer, **options) as client:
                for _ in range(3):
                    assert (await client.call_tool("moor")).text == f"accept quay {number}"

        await asyncio.gather(*(one(number) for number in range(6)))

    with started((*FAIRLEAD, str(WHERRY), "--port", "0", "--workers", "2"), ADDRESS) as address:
        run(scene(), within=40)


def test_their_errors_pass_with_code_and_data(run, wherry):
    async def scene():
        async with on_line("memory", wherry.mcp, "stateless") as client:
            with pytest.raises(CallError) as refused:
                await client.read("wherry://nothing")
            assert refused.value.code == -32602 and refused.value.data == {"uri": "wherry://nothing"}
            with pytest.raises(CallError) as unknown:
                await client.request("harbour/dues", {})
            assert unknown.value.code == -32601

    run(scene(), within=30)


def test_the_sdk_s_own_client_reaches_the_sdk_s_server_over_our_oldest_line(run, wherry):
    async def scene():
        def made(headers: Any = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:
            return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, verify=False, trust_env=False)

        server = from_sdk(wherry.mcp)
        async with docked(server) as address:
            transport = sse_client(f"http://{address}/sse", httpx_client_factory=made, sse_read_timeout=WAIT)
            async with TheirClient(transport, mode="legacy", read_timeout_seconds=WAIT) as client:
                answer = await client.call_tool("add", {"a": 20, "b": 22})
                assert answer.structured_content == {"result": 42}
        await server.station.rest()

    run(scene(), within=30)


def test_a_server_without_sessions_answers_handshake_clients_that_shook_hands_elsewhere(run, wherry):
    async def scene():
        server = from_sdk(wherry.mcp, stateless_http=True)
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        call["params"] = {"name": "add", "arguments": {"a": 1, "b": 2}}
        head = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
        async with docked(server) as address, httpx2.AsyncClient(verify=False, trust_env=False) as http:
            answer = await http.post(f"http://{address}/mcp", json=call, headers=head)
            assert answer.json()["result"]["structuredContent"] == {"result": 3}
        await server.station.rest()

    run(scene(), within=30)


def test_the_command_serves_their_file_and_says_what_it_is(run):
    async def scene():
        async with Client(f"ws://{address}/mcp", timeout=WAIT, proxy=False) as client:
            assert await client.invoke_tool("add", {"a": 1, "b": 2}) == 3

    with started((*FAIRLEAD, str(WHERRY), "--port", "0"), r"(wherry: MCPServer of mcp)"):
        pass
    with started((*FAIRLEAD, str(WHERRY), "--port", "0"), ADDRESS) as address:
        run(scene(), within=30)


def test_their_prints_never_reach_the_wire_of_stdio(run):
    async def scene():
        command = (sys.executable, "-W", "ignore", "-m", "fairlead", "serve", str(WHERRY), "--transport", "stdio")
        pipe = asyncio.subprocess.PIPE
        server = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
        ping = b'{"jsonrpc":"2.0","id":7,"method":"ping"}\n'
        async with asyncio.timeout(WAIT):
            out, err = await server.communicate(ping)
        assert [json.loads(line)["id"] for line in out.splitlines()] == [7]
        assert b"cast off" in err and b"made fast" in err

    run(scene(), within=30)


# What is found, and what is refused.


@pytest.mark.parametrize("name", python.NAMES)
def test_a_server_of_theirs_is_found_under_the_usual_names(tmp_path, monkeypatch, name):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / f"boat_{name}.py").write_text(f"from mcp.server import MCPServer\n{name} = MCPServer('theirs')\n")
    assert python.load(str(tmp_path / f"boat_{name}.py")).name == "theirs"


def test_one_under_another_name_is_proposed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "boat_other.py").write_text("from mcp.server import MCPServer\nboat = MCPServer('theirs')\n")
    with pytest.raises(UsageError, match="it has boat: add ':boat'"):
        python.load(str(tmp_path / "boat_other.py"))
    assert python.load(str(tmp_path / "boat_other.py:boat")).name == "theirs"


def test_their_low_level_server_is_served_too(run):
    async def scene():
        async def listed(ctx: Any, params: Any) -> dict[str, Any]:
            return {"tools": [{"name": "bare", "inputSchema": {"type": "object"}}]}

        server = from_sdk(Server("low", on_list_tools=listed))
        async with Client(server, era="handshake", timeout=WAIT) as client:
            assert [tool.name for tool in await client.list_tools()] == ["bare"]
        await server.station.rest()

    run(scene())


def test_a_lifespan_that_fails_is_told_to_the_caller_without_its_text(run, caplog):
    @asynccontextmanager
    async def broken(server: Any) -> AsyncIterator[None]:
        raise RuntimeError("the password is 1234")
        yield

    async def scene():
        server = from_sdk(MCPServer("sunk", lifespan=broken))
        with pytest.raises(CallError, match="could not start") as refused:
            await server.call("add")
        assert "1234" not in str(refused.value)
        await server.station.rest()

    run(scene())
    assert "The lifespan of 'sunk' failed" in caplog.text


def test_what_is_no_server_of_theirs_is_refused(monkeypatch):
    assert not sdk.is_foreign(Fairlead("ours")) and not sdk.is_foreign("mcp") and not sdk.is_foreign(None)
    with pytest.raises(UsageError, match="dict is no server"):
        from_sdk({})
    monkeypatch.setattr(sdk, "_is_new_enough", lambda: False)
    with pytest.raises(UsageError, match=r"before 2\.3"):
        from_sdk(MCPServer("old"))


def test_a_server_that_asks_for_credentials_is_not_served_open_over_the_network(wherry):
    class Verifier:
        async def verify_token(self, token: str) -> None:
            return None

    auth = AuthSettings(issuer_url="https://id.example", resource_server_url="https://boats.example/mcp")
    guarded = from_sdk(MCPServer("guarded", auth=auth, token_verifier=Verifier()))
    with pytest.raises(UsageError, match="asks for credentials"):
        guarded.asgi()
    from_sdk(wherry.mcp).asgi()


def test_what_would_be_offered_beside_theirs_is_refused_and_not_lost():
    server = from_sdk(MCPServer("theirs"))
    with pytest.raises(UsageError, match="offer it there"):
        server.tool(lambda: 1, name="more")
    with pytest.raises(UsageError, match="answer_within"):
        from_sdk(MCPServer("theirs"), answer_within=9.0).asgi()
