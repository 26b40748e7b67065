"""CORS: what browsers are told, on every answer, and to allowed origins alone."""

import json

import pytest

from tests.serve.boat import Boat
from tests.serve.harbour import docked
from tests.serve.web import initialize, web

PAGE = "https://page.example"
ALLOW, EXPOSE = "access-control-allow-origin", "access-control-expose-headers"


def preflight(wanted: str = "content-type", method: str = "POST", origin: str = PAGE) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": wanted,
    }


def told(answer, origin: str = PAGE) -> bool:
    return answer.headers.get(ALLOW) == origin and "origin" in answer.headers.get("vary", "")


@pytest.mark.requirement("HTTP-33")
@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/sse", "/messages/?session_id=x", "/health", "/nowhere"])
def test_a_preflight_is_answered_everywhere(run, path):
    async def talk():
        async with docked(Boat(allowed_origins=(PAGE,)).mcp) as address, web(address) as one:
            answer = await one.ask("OPTIONS", path, preflight())
            assert answer.status == 204 and told(answer)
            assert answer.headers["access-control-allow-methods"] == "GET, POST, DELETE"
            assert "access-control-allow-credentials" not in answer.headers

    run(talk())


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ("authorization, content-type", "authorization, content-type"),
        ("Authorization,Mcp-Session-Id, MCP-Protocol-Version", "authorization, mcp-session-id, mcp-protocol-version"),
        ("last-event-id, mcp-param-region, mcp-method", "last-event-id, mcp-param-region, mcp-method"),
        ("x-other, content-type, cookie", "content-type"),
        ("mcp-, mcp-a b, mcp-\u00e9", ""),
        ("", ""),
    ],
)
def test_the_headers_of_mcp_may_be_sent_and_no_others(run, wanted, allowed):
    async def talk():
        async with docked(Boat(allowed_origins=(PAGE,)).mcp) as address, web(address) as one:
            answer = await one.ask("OPTIONS", headers=preflight(wanted))
            assert answer.headers["access-control-allow-headers"] == allowed

    run(talk())


@pytest.mark.requirement("HTTP-33")
def test_every_answer_to_a_page_says_that_it_may_read_it(run):
    async def talk():
        async with docked(Boat(allowed_origins=(PAGE,)).mcp) as address, web(address) as one:
            origin = {"origin": PAGE}
            hello = await one.post(initialize(), **origin)
            assert hello.status == 200 and told(hello) and hello.headers["mcp-session-id"]
            assert hello.headers[EXPOSE] == "mcp-session-id, www-authenticate"
            one.session = hello.headers["mcp-session-id"]
            for answer in (
                await one.ask("GET", "/health", origin),
                await one.ask("GET", "/nowhere", origin),
                await one.ask("PUT", "/mcp", origin),
                await one.ask("OPTIONS", "/mcp", origin),  # no preflight: it asks for no method
                await one.post(b"{", **origin),
                await one.post(initialize(), mcp_session_id="none", **origin),
                await one.ask("POST", headers={**origin, "content-type": "text/plain"}, body=b"{}"),
                await one.call("add", {"a": 1, "b": 2}, headers=origin),
                await one.call("told", headers=origin, progressToken=1),
            ):
                assert told(answer), answer
                if answer.streams:
                    await answer.rest()

    run(talk())


@pytest.mark.requirement("HTTP-33")
def test_a_page_from_elsewhere_is_told_nothing(run):
    async def talk():
        async with docked(Boat(allowed_origins=(PAGE,)).mcp) as address, web(address) as one:
            for method, more in (("OPTIONS", preflight(origin="https://evil.example")), ("GET", {})):
                answer = await one.ask(method, "/mcp", {"origin": "https://evil.example", **more})
                assert answer.status == 403
                assert not any(name.startswith("access-control") for name in answer.headers)

    run(talk())


def test_who_is_no_page_is_told_nothing_of_it(run):
    async def talk():
        async with docked(Boat().mcp) as address, web(address) as one:
            for path in ("/health", "/mcp"):
                answer = await one.ask("OPTIONS" if path == "/mcp" else "GET", path)
                assert ALLOW not in answer.headers and "vary" not in answer.headers
            assert (await one.ask("OPTIONS")).status == 405

    run(talk())


def test_a_page_of_this_machine_is_told_its_own_origin_also_where_any_is_allowed(run):
    async def talk():
        for options, origin in (({}, "http://localhost:5173"), ({"allowed_origins": ("*",)}, "https://any.example")):
            async with docked(Boat(**options).mcp) as address, web(address) as one:
                answer = await one.ask("POST", headers={"origin": origin}, body=json.dumps(initialize()).encode())
                assert answer.status == 200 and told(answer, origin)

    run(talk())
