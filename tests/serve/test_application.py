"""The ASGI application: its paths, its pages, and mounted in somebody else's application under a stock uvicorn."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from websockets.exceptions import InvalidStatus

from fairlead import Fairlead
from fairlead.serve.application import Application, local_path
from fairlead.settings import Settings
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import connected, text


def simple(**settings: Any) -> Fairlead:
    mcp = Fairlead("simple", version="1.2", **settings)

    @mcp.tool
    async def add(a: int, b: int) -> int:
        return a + b

    @mcp.tool
    def thread() -> str:
        return threading.current_thread().name

    return mcp


@contextmanager
def stock(app: Any, **options: Any) -> Iterator[str]:
    """The address of a uvicorn as it comes, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, **options))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(WAIT)
            assert not thread.is_alive()


def fetch(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(address, timeout=WAIT)
    try:
        connection.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body[:1] in (b"{", b"[") else body.decode()
    finally:
        connection.close()


async def get(*arguments: Any, **headers: str) -> tuple[int, Any]:
    return await asyncio.to_thread(fetch, *arguments, **headers)


async def sum_over(address: str, path: str, **options: Any) -> int:
    async with connected(address, path=path, **options) as peer:
        assert text(await peer.call("thread")).startswith("fairlead-tool")
        return (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"]["result"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"path": "/mcp"}, ("/mcp", False)),
        ({"path": "/mcp/"}, ("/mcp", False)),
        ({"path": "/"}, ("", False)),
        ({"path": "/api/mcp", "root_path": "/api"}, ("/mcp", True)),
        ({"path": "/api", "root_path": "/api"}, ("", True)),
        ({"path": "/api/", "root_path": "/api"}, ("", True)),
        ({"path": "/mcp", "root_path": "/api"}, ("/mcp", True)),
        ({"path": "/apiary/mcp", "root_path": "/api"}, ("/apiary/mcp", True)),
    ],
)
def test_the_path_below_a_prefix_is_found(scope, expected):
    assert local_path(scope) == expected


@pytest.mark.parametrize("lifespan", ["on", "off", "auto"])
def test_it_is_served_by_a_stock_uvicorn_with_and_without_lifespan(run, lifespan):
    with stock(simple().asgi(), lifespan=lifespan) as address:
        assert run(sum_over(address, "/mcp")) == 3
        assert fetch(address, "/health")[1]["status"] == "ok"


@pytest.mark.parametrize("with_lifespan", [False, True])
@pytest.mark.parametrize("prefix", ["/tools", "/a/b", "/mcp"])
def test_it_works_mounted_at_a_prefix_whether_its_host_has_a_lifespan_or_not(run, with_lifespan, prefix):
    started = []

    @asynccontextmanager
    async def lifespan(app: Any):
        started.append(app)
        yield

    async def hello(request: Any) -> PlainTextResponse:
        return PlainTextResponse("the host's own")

    routes = [Route("/", hello), Mount(prefix, simple().asgi())]
    app = Starlette(routes=routes, lifespan=lifespan) if with_lifespan else Starlette(routes=routes)
    with stock(app, lifespan="on" if with_lifespan else "off") as address:
        for path in (f"{prefix}/mcp", f"{prefix}/mcp/", f"{prefix}/mcp/ws", f"{prefix}/", f"{prefix}/ws"):
            assert run(sum_over(address, path)) == 3, path
        assert fetch(address, "/") == (200, "the host's own")
        assert fetch(address, f"{prefix}/health")[1]["name"] == "simple"
        status, body = fetch(address, f"{prefix}/nothing")
        assert status == 404 and body["error"]["code"] == "NOT_FOUND"
    assert bool(started) == with_lifespan


def test_it_works_mounted_at_the_root_beside_other_routes(run):
    async def hello(request: Any) -> PlainTextResponse:
        return PlainTextResponse("hello")

    with stock(Starlette(routes=[Route("/hello", hello), Mount("/", simple().asgi())])) as address:
        assert run(sum_over(address, "/mcp")) == 3
        assert fetch(address, "/hello") == (200, "hello")


def test_it_works_behind_a_proxy_that_takes_a_prefix_away(run):
    async def talk():
        async with docked(simple(root_path="/boats")) as address:
            assert await sum_over(address, "/mcp") == 3
            assert (await get(address, "/health"))[1]["status"] == "ok"

    run(talk())


def test_unknown_paths_are_404_in_json_with_the_next_step(run):
    async def talk():
        async with docked(simple()) as address:
            for path in ("/", "/none", "/mcp/none", "/health/none", "/x" * 3000):
                status, body = await get(address, path)
                assert status == 404 and "/mcp" in body["error"]["next"] and len(str(body)) < 600, path
            with pytest.raises(InvalidStatus) as caught:
                async with connected(address, path="/none"):
                    pass
            answer = caught.value.response
            assert answer.status_code == 404 and json.loads(answer.body)["error"]["code"] == "NOT_FOUND"

    run(talk())


def test_a_server_without_the_extension_refuses_an_unknown_path_plainly(run):
    async def talk():
        sent: list[Any] = []
        app = Application(simple().station, Settings())

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await app({"type": "websocket", "path": "/none", "headers": []}, receive, send)
        assert sent == [{"type": "websocket.close", "code": 1008}]

    run(talk())


def test_health_counts_connections_and_calls(run):
    async def talk():
        mcp = simple()
        go = asyncio.Event()

        @mcp.tool
        async def wait() -> None:
            await go.wait()

        async with docked(mcp) as address, connected(address) as peer:
            id = await peer.begin_call("wait")
            await peer.call("add", {"a": 1, "b": 1})
            status, body = await get(address, "/health")
            assert status == 200
            told = {"status": "ok", "name": "simple", "version": "1.2", "connections": 1, "in_flight": 1}
            assert told.items() <= body.items()
            go.set()
            await peer.settle(id)
            mcp.station.closing = True
            assert (await get(address, "/health/"))[1]["status"] == "stopping"

    run(talk())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"Origin": "http://localhost:3000"}, None),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost:1"}, None),
    ],
)
def test_origin_and_host_are_guarded_on_every_endpoint(run, headers, status):
    async def talk():
        async with docked(simple()) as address:
            assert (await get(address, "/health", **headers))[0] == (status or 200)
            assert (await get(address, "/none", **headers))[0] == (status or 404)
            if "Host" in headers:
                return  # the client library sends its own
            for path in ("/mcp", "/mcp/ws"):
                if status is None:
                    assert await sum_over(address, path, additional_headers=headers) == 3
                else:
                    with pytest.raises(InvalidStatus) as caught:
                        await sum_over(address, path, additional_headers=headers)
                    assert caught.value.response.status_code == status

    run(talk())


def test_origins_and_hosts_can_be_allowed_by_name(run):
    async def talk():
        mcp = simple(allowed_origins=("https://app.example",), allowed_hosts=("mcp.example",))
        async with docked(mcp) as address:
            assert await sum_over(address, "/mcp", additional_headers={"Origin": "https://app.example"}) == 3
            assert (await get(address, "/health", Host="mcp.example"))[0] == 200

    run(talk())
