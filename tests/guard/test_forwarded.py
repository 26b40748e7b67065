"""What a proxy says of its client is believed from trusted addresses alone, and a prefix holds however it comes."""

import asyncio
import json
import shutil
import socket
import subprocess
import tempfile
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from fairlead import Fairlead
from fairlead.errors import UsageError
from fairlead.guard.forwarded import Forwarded
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import connected

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
PROXY = ("10.0.0.7", 40_000)


def seen(
    told: dict[str, str | list[str]],
    *,
    client: Any = PROXY,
    trusted: tuple[str, ...] = ("10.0.0.7",),
    root_path: str = "",
    path: str = "/mcp",
    kind: str = "http",
    mounted: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The scope that the app gets; `told` are the headers."""
    got: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.update(scope)

    headers = [(b"host", b"backend:8000")] if "host" not in told else []
    for name, value in told.items():
        headers += [(name.encode(), one.encode()) for one in ([value] if isinstance(value, str) else value)]
    given = {"type": kind, "scheme": "ws" if kind == "websocket" else "http", "path": path, "raw_path": path.encode()}
    given |= {"headers": headers, "client": client, "root_path": "", **(mounted or {})}
    before = dict(given)
    asyncio.run(Forwarded(app, trusted=trusted, root_path=root_path)(given, None, None))  # type: ignore[arg-type]
    assert given == before, "the server's own scope is left as it was"
    return got


def host(scope: dict[str, Any]) -> list[str]:
    return [value.decode() for name, value in scope["headers"] if name == b"host"]


ALL = {
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "tools.example.com",
    "x-forwarded-prefix": "/tools",
}


def test_all_four_are_believed_from_a_trusted_address() -> None:
    scope = seen(ALL)
    assert scope["client"] == ("203.0.113.9", 0)
    assert scope["scheme"] == "https"
    assert host(scope) == ["tools.example.com"]
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/tools", "/tools/mcp", b"/tools/mcp")


@pytest.mark.parametrize("client", [("10.0.0.8", 1), ("::1", 1), None, ("", 0), ("unix:", 0)])
def test_nothing_is_believed_from_any_other_address(client: Any) -> None:
    scope = seen(ALL, client=client)
    assert (scope["client"], scope["scheme"], host(scope)) == (client, "http", ["backend:8000"])
    assert (scope["root_path"], scope["path"]) == ("", "/mcp")


@pytest.mark.parametrize(
    ("trusted", "client", "believed"),
    [
        (("10.0.0.0/8",), "10.200.3.4", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("127.0.0.1",), "::ffff:127.0.0.1", True),
        (("*",), "198.51.100.1", True),
        ((), "127.0.0.1", False),
    ],
)
def test_trust_is_given_to_addresses_and_networks(trusted: tuple[str, ...], client: str, believed: bool) -> None:
    assert (seen(ALL, trusted=trusted, client=(client, 5))["scheme"] == "https") is believed


@pytest.mark.parametrize("entry", ["proxy.example.com", "10.0.0.0/99", "", "10.0.0.1/8"])
def test_an_entry_that_is_no_address_is_refused_with_the_form(entry: str) -> None:
    with pytest.raises(UsageError, match="a network"):
        Forwarded(None, trusted=[entry])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("203.0.113.9, 10.0.0.6", ("10.0.0.6", 0)),
        ("6.6.6.6, 203.0.113.9, 10.0.0.7", ("203.0.113.9", 0)),
        (["6.6.6.6", "203.0.113.9"], ("203.0.113.9", 0)),
        ("203.0.113.9:4711", ("203.0.113.9", 4711)),
        ("[2001:db8::9]:4711", ("2001:db8::9", 4711)),
        ("2001:db8::9", ("2001:db8::9", 0)),
        ("10.0.0.7", ("10.0.0.7", 0)),
        ("6.6.6.6, unknown", PROXY),
        ("6.6.6.6, _secret, 10.0.0.7", ("10.0.0.7", 0)),
        ("", PROXY),
        (" , ", PROXY),
        ("1.2.3.4:99999", PROXY),
        ("x" * 5000, PROXY),
    ],
)
def test_the_client_is_the_last_address_that_is_no_trusted_proxy(chain: Any, client: Any) -> None:
    assert seen({"x-forwarded-for": chain})["client"] == client


@pytest.mark.parametrize(
    ("told", "http", "websocket"),
    [
        ("https", "https", "wss"),
        ("wss", "https", "wss"),
        ("HTTPS", "https", "wss"),
        ("http, https", "https", "wss"),
        ("gopher", "http", "ws"),
        ("", "http", "ws"),
    ],
)
def test_the_scheme_is_the_last_one_told(told: str, http: str, websocket: str) -> None:
    assert seen({"x-forwarded-proto": told})["scheme"] == http
    assert seen({"x-forwarded-proto": told}, kind="websocket")["scheme"] == websocket


def test_the_host_is_the_last_one_told() -> None:
    assert host(seen({"x-forwarded-host": "made-up.example, tools.example.com"})) == ["tools.example.com"]
    assert host(seen({"x-forwarded-host": ["made-up.example", "tools.example.com"]})) == ["tools.example.com"]


@pytest.mark.parametrize(
    ("sent", "told", "left"),
    [
        ("evil.example:8000", "localhost", "evil.example:8000"),
        ("evil.example", "tools.example.com", "evil.example"),
        ("127.0.0.1:8000", "tools.example.com", "tools.example.com"),
        ("localhost:8000", "tools.example.com", "tools.example.com"),
        ("tools.example.com", "tools.example.com", "tools.example.com"),
    ],
)
def test_over_loopback_a_foreign_host_cannot_be_told_away(sent: str, told: str, left: str) -> None:
    scope = seen({"host": sent, "x-forwarded-host": told}, trusted=("127.0.0.1",), client=("127.0.0.1", 5))
    assert host(scope) == [left]


# Prefixes.


@pytest.mark.parametrize("how", ["flag", "header"])
@pytest.mark.parametrize("prefix", ["/tools", "/tools/", "/a/b"])
def test_a_prefix_holds_whether_the_proxy_strips_it_or_not(how: str, prefix: str) -> None:
    clean = prefix.rstrip("/")
    given: dict[str, Any] = {"told": {}, "root_path": prefix} if how == "flag" else {"told": ALL}
    if how == "header":
        given["told"] = {"x-forwarded-prefix": prefix}
    for path in ("/mcp", f"{clean}/mcp", "//mcp"):
        scope = seen(path=path, **given)
        assert (scope["root_path"], scope["path"]) == (clean, f"{clean}/mcp")
    for path in (clean, f"{clean}/"):
        assert seen(path=path, **given)["path"] == path


def test_a_prefix_may_be_written_without_slashes() -> None:
    assert seen({}, root_path="tools")["root_path"] == "/tools"
    assert seen({}, root_path="/")["root_path"] == ""


def test_a_path_that_only_looks_like_the_prefix_gets_it() -> None:
    assert seen({}, root_path="/mc")["path"] == "/mc/mcp"


def test_the_prefix_of_the_header_goes_before_that_of_the_settings() -> None:
    assert seen({"x-forwarded-prefix": "/b"}, root_path="/a")["root_path"] == "/b"


def test_the_prefixes_of_several_proxies_are_joined() -> None:
    assert seen({"x-forwarded-prefix": "/a, /b"})["path"] == "/a/b/mcp"
    assert seen({"x-forwarded-prefix": ["/a/", "/b"]})["path"] == "/a/b/mcp"


@pytest.mark.parametrize(
    "told", ["//evil.example", "tools", "/a/../b", "/..", "/a b", "/a\\b", "/a?b", "/a#b", "/ü", "/"]
)
def test_a_prefix_that_could_lead_elsewhere_is_not_believed(told: str) -> None:
    scope = seen({"x-forwarded-prefix": told})
    assert (scope["root_path"], scope["path"]) == ("", "/mcp")


@pytest.mark.parametrize("root_path", ["//evil", "/a b", "/a/../b"])
def test_settings_with_such_a_prefix_are_refused(root_path: str) -> None:
    if root_path == "//evil":
        assert seen({}, root_path=root_path)["root_path"] == "/evil"
        return
    with pytest.raises(UsageError, match="no prefix of a path"):
        seen({}, root_path=root_path)


def test_below_a_mount_the_prefix_goes_before_it() -> None:
    scope = seen({}, root_path="/p", path="/tools/mcp", mounted={"app_root_path": ""})
    assert scope["path"] == "/p/tools/mcp"
    mounted = seen({"x-forwarded-prefix": "/p"}, path="/tools/mcp", mounted=_mounted("/tools", ""))
    assert (mounted["root_path"], mounted["path"]) == ("/p/tools", "/p/tools/mcp")
    same = seen({"x-forwarded-prefix": "/tools"}, path="/tools/mcp", mounted=_mounted("/tools", ""))
    assert same["root_path"] == "/tools/tools"


def test_a_prefix_that_the_server_in_front_knows_is_added_no_second_time() -> None:
    known = seen({"x-forwarded-prefix": "/p"}, path="/p/tools/mcp", mounted=_mounted("/p/tools", "/p"))
    assert (known["root_path"], known["path"]) == ("/p/tools", "/p/tools/mcp")
    bare = seen({}, root_path="/p", path="/p/mcp", mounted=_mounted("/p", None))
    assert (bare["root_path"], bare["path"]) == ("/p", "/p/mcp")


def _mounted(root: str, app_root: str | None) -> dict[str, Any]:
    scope: dict[str, Any] = {"root_path": root}
    return scope if app_root is None else {**scope, "app_root_path": app_root}


def test_lifespan_passes_untouched() -> None:
    got = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(scope)

    scope = {"type": "lifespan"}
    asyncio.run(Forwarded(app, root_path="/p")(scope, None, None))  # type: ignore[arg-type]
    assert got == [scope]


# The whole way.


def small(**options: Any) -> Fairlead:
    mcp = Fairlead("small", **options)

    @mcp.tool
    async def add(a: int, b: int) -> int:
        return a + b

    return mcp


async def endpoint(url: str, **headers: str) -> str:
    """What the first event of the old line names."""
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=WAIT) as client,
        client.stream("GET", url, headers={"accept": "text/event-stream", **headers}) as answer,
    ):
        assert answer.status_code == 200, answer.status_code
        lines = answer.aiter_lines()
        try:
            async for line in lines:
                if line.startswith("data: /"):
                    return line[6:]
        finally:
            await lines.aclose()
    raise AssertionError("no endpoint was told")


async def status(url: str, **headers: str) -> int:
    async with httpx2.AsyncClient(trust_env=False, timeout=WAIT) as client:
        return (await client.get(url, headers=headers)).status_code


@pytest.mark.parametrize("path", ["/sse", "/sse/", "/tools/sse", "/tools/sse/", "//sse"])
def test_the_endpoint_event_names_the_prefix(run, path: str) -> None:
    async def use() -> None:
        for options, headers in (({"root_path": "/tools"}, {}), ({}, {"x-forwarded-prefix": "/tools"})):
            async with docked(small(**options)) as address:
                assert (await endpoint(f"http://{address}{path}", **headers)).startswith("/tools/messages/?session_id=")

    run(use())


def test_a_host_told_by_the_proxy_is_the_one_that_is_judged(run) -> None:
    async def use() -> None:
        async with docked(small(allowed_hosts=("tools.example.com",))) as address:
            url = f"http://{address}/health"
            assert await status(url, **{"x-forwarded-host": "tools.example.com"}) == 200
            assert await status(url, **{"x-forwarded-host": "evil.example"}) == 421
            assert await status(url, host="evil.example", **{"x-forwarded-host": "localhost"}) == 421
            origin = {"x-forwarded-host": "tools.example.com", "origin": "https://tools.example.com"}
            assert await status(url, **origin) == 200
            assert await status(url, **{**origin, "origin": "https://evil.example"}) == 403
        async with docked(small(trusted_proxies=())) as address:
            assert await status(f"http://{address}/health", **{"x-forwarded-host": "evil.example"}) == 200

    run(use())


def test_an_app_mounted_at_a_prefix_serves_every_line_below_it(run) -> None:
    async def use() -> None:
        mcp = small()
        async with docked(mcp, Starlette(routes=[Mount("/tools", mcp.asgi())])) as address:
            for path in ("/tools/", "/tools/mcp", "/tools/mcp/"):  # Starlette itself has nothing at /tools
                async with connected(address, path=path) as peer:
                    assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}
            assert await status(f"http://{address}/tools/health") == 200
            assert await status(f"http://{address}/mcp") == 404
            assert (await endpoint(f"http://{address}/tools/sse")).startswith("/tools/messages/?session_id=")
            told = await endpoint(f"http://{address}/tools/sse", **{"x-forwarded-prefix": "/p"})
            assert told.startswith("/p/tools/messages/?session_id=")

    run(use())


# A proxy as people run it.


# Settings of a location replace those around it, so that they stand together.
_TOLD = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Forwarded-Host $http_host;
"""


@asynccontextmanager
async def nginx(location: str) -> AsyncIterator[str]:
    """The address of an nginx of our own, with this location; ended by its process id."""
    assert NGINX is not None
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        kinds = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("fastcgi", "uwsgi", "scgi", "proxy"))
        told = f"""
            daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 64; }}
            http {{
              access_log off; client_body_temp_path {folder}/body; {kinds}
              map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
              server {{
                listen 127.0.0.1:{port};
                {location % _TOLD}
              }}
            }}"""
        Path(folder, "nginx.conf").write_text(textwrap.dedent(told), "utf-8")
        command = [NGINX, "-e", f"{folder}/error.log", "-p", folder, "-c", f"{folder}/nginx.conf"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            async with asyncio.timeout(WAIT):
                while not await _listens(port):
                    assert process.poll() is None, Path(folder, "error.log").read_text("utf-8")
                    await asyncio.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, WAIT)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")
@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("location /tools/ {{ %s proxy_pass http://{0}/; proxy_set_header X-Forwarded-Prefix /tools; }}", {}),
        ("location /tools/ {{ %s proxy_pass http://{0}; proxy_set_header X-Forwarded-Prefix /tools; }}", {}),
        ("location /tools/ {{ %s proxy_pass http://{0}/; }}", {"root_path": "/tools"}),
        ("location /tools/ {{ %s proxy_pass http://{0}; }}", {"root_path": "/tools"}),
        ("location /tools {{ %s proxy_pass http://{0}/; }}", {"root_path": "/tools"}),
        (
            "location /tools/ {{ %s proxy_set_header Host $http_host; proxy_pass http://{0}/; }}",
            {"root_path": "/tools/"},
        ),
    ],
    ids=["header-stripped", "header-kept", "flag-stripped", "flag-kept", "flag-double-slash", "flag-host"],
)
def test_every_line_works_through_nginx_at_a_prefix(run, location: str, options: dict[str, Any]) -> None:
    async def use() -> None:
        async with docked(small(**options)) as inner, nginx(location.format(inner)) as address:
            for path in ("/tools/mcp", "/tools/mcp/", "/tools/mcp/ws"):
                async with connected(address, path=path) as peer:
                    assert (await peer.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}
            assert await status(f"http://{address}/tools/health") == 200
            assert await status(f"http://{address}/tools/health", origin="https://evil.example") == 403
            for path in ("/tools/mcp", "/tools/mcp/"):
                await _new_line(f"http://{address}{path}")
            await _old_line(f"http://{address}", "/tools/sse")

    run(use(), within=20)


_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


async def _new_line(url: str) -> None:
    accept = {"accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(trust_env=False, timeout=WAIT, headers=accept) as client:
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _HELLO}
        begun = await client.post(url, json=message)
        assert begun.json()["result"]["serverInfo"]["name"] == "small"
        named = {"mcp-session-id": begun.headers["mcp-session-id"]}
        async with client.stream("GET", url, headers=named) as answer:
            assert answer.status_code == 200 and answer.headers["content-type"] == "text/event-stream"
        assert (await client.delete(url, headers=named)).status_code == 204


async def _old_line(base: str, path: str) -> None:
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=WAIT) as client,
        client.stream("GET", base + path, headers={"accept": "text/event-stream"}) as answer,
    ):
        lines = answer.aiter_lines()
        try:
            told = await _data(lines)
            assert told.startswith("/tools/messages/?session_id=")
            message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _HELLO}
            assert (await client.post(base + told, json=message)).status_code == 202
            assert json.loads(await _data(lines))["result"]["serverInfo"]["name"] == "small"
        finally:
            await lines.aclose()


async def _data(lines: AsyncIterator[str]) -> str:
    async with asyncio.timeout(WAIT):
        async for line in lines:
            if line.startswith("data: "):
                return line[6:]
    raise AssertionError("the stream ended")
