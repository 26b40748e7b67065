"""Who may come in, by Origin and Host: the table of verdicts, and the same over real sockets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.guard.origin import OriginGuard, is_loopback, parse_authority, parse_origin
from tests.guard.peers import HEAD, App, connected, served

Run = Callable[..., Any]
LOCAL, PUBLIC = ("127.0.0.1", 8000), ("192.0.2.1", 8000)


async def ask(
    guard: OriginGuard, headers: list[tuple[bytes, bytes]], server: Any = LOCAL, kind: str = "http", **scope: Any
) -> list[Any]:
    """What the guard sends; nothing means that the app was reached."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": f"{kind}.connect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await guard({"type": kind, "headers": headers, "server": server, **scope}, receive, send)
    return sent


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """The app behind the guard."""


def verdict(run: Run, host: str, origin: str | None = None, server: Any = LOCAL, **options: Any) -> int:
    headers = [(b"host", host.encode("latin-1"))]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    guard = OriginGuard(nothing, **options)
    first, again = run(ask(guard, headers, server)), run(ask(guard, headers, server))
    assert first == again, "a remembered verdict differs"
    return first[0]["status"] if first else 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost.:8000", 200),
        ("localhost:", 200),
        ("127.0.0.1:8000", 200),
        ("127.8.9.10", 200),
        ("[::1]:9", 200),
        ("[0:0:0:0:0:0:0:1]", 200),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("0x7f.1", 421),
        ("127.1", 421),
        ("192.168.1.5", 421),
        ("[::2]", 421),
        ("", 400),
        ("evil@localhost", 400),
        ("localhost/x", 400),
        ("localhost evil", 400),
        ("localhost,evil", 400),
        ("::1", 400),
        ("[::1", 400),
        ("[::zz]", 400),
        ("[fe80::1%25eth0]", 400),
        ("localhost:65536", 400),
        ("localhost:80:80", 400),
        ("localhost\xe9", 400),
        (".", 400),
    ],
)
def test_a_loopback_server_answers_to_loopback_hosts_only(run: Run, host: str, status: int) -> None:
    assert verdict(run, host) == status


@pytest.mark.parametrize(
    ("host", "server", "allowed", "status"),
    [
        ("any.example", PUBLIC, (), 200),
        ("any.example", ("/run/socket", None), (), 200),
        ("any.example", None, (), 200),
        ("any.example", ("::1", 8000), (), 421),
        ("any.example", ("::ffff:127.0.0.1", 8000), (), 421),
        ("A.example:99", PUBLIC, ("a.example",), 200),
        ("a.example:99", PUBLIC, ("a.example:98",), 421),
        ("b.example", PUBLIC, ("a.example",), 421),
        ("localhost", PUBLIC, ("a.example",), 421),
        ("localhost", LOCAL, ("a.example",), 200),
        ("a.example", LOCAL, ("a.example",), 200),
        ("evil.example", LOCAL, ("*",), 200),
        ("evil@example", LOCAL, ("*",), 400),
    ],
)
def test_allowed_hosts_widen_a_loopback_server_and_narrow_any_other(
    run: Run, host: str, server: Any, allowed: tuple[str, ...], status: int
) -> None:
    assert verdict(run, host, server=server, allowed_hosts=allowed) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("HTTPS://127.0.0.1", 200),
        ("http://[::1]:5173", 200),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost@evil.example", 403),
        ("http://evil.example#localhost", 403),
        ("http://localhost/path", 403),
        ("chrome-extension://abcdef", 403),
        ("file://localhost", 403),
        ("null", 403),
        ("", 403),
        ("localhost", 403),
    ],
)
def test_a_loopback_server_lets_loopback_pages_in_and_no_others(run: Run, origin: str, status: int) -> None:
    assert verdict(run, "localhost:8000", origin) == status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("a.example", "https://a.example", 200),
        ("a.example", "https://a.example:443", 200),
        ("a.example:443", "https://a.example", 200),
        ("A.example.", "https://a.EXAMPLE", 200),
        ("a.example:8000", "http://a.example:8000", 200),
        ("a.example:8000", "http://a.example", 403),
        ("a.example", "http://b.example", 403),
        ("a.example", "http://sub.a.example", 403),
        ("a.example", "http://localhost:3000", 403),
    ],
)
def test_a_public_server_lets_its_own_pages_in_and_no_others(run: Run, host: str, origin: str, status: int) -> None:
    assert verdict(run, host, origin, PUBLIC) == status


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        (("https://app.example",), "https://app.example", 200),
        (("https://app.example",), "https://app.example:443", 200),
        (("https://app.example:443",), "https://APP.example", 200),
        (("https://app.example",), "http://app.example", 403),
        (("https://app.example",), "https://app.example:444", 403),
        (("https://app.example",), "null", 403),
        (("chrome-extension://abcdef",), "chrome-extension://abcdef", 200),
        (("null",), "null", 200),
        (("null",), "https://app.example", 403),
        (("*",), "https://app.example", 200),
        (("*",), "null", 200),
    ],
)
def test_an_allowed_origin_is_exact(run: Run, allowed: tuple[str, ...], origin: str, status: int) -> None:
    assert verdict(run, "localhost", origin, allowed_origins=allowed) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 400),
        ([(b"host", b"localhost")] * 2, 400),
        ([(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://localhost")], 403),
    ],
)
def test_headers_that_must_be_single_are_refused_when_they_are_not(run: Run, headers: Any, status: int) -> None:
    assert run(ask(OriginGuard(nothing), headers))[0]["status"] == status


@pytest.mark.parametrize("entry", ["localhost", "http://", "http://user@host", "https://host/path", "https://*.host"])
def test_an_allowed_origin_that_no_browser_sends_is_refused_at_once(entry: str) -> None:
    with pytest.raises(ValueError, match="scheme://host"):
        OriginGuard(nothing, allowed_origins=[entry])


@pytest.mark.parametrize("entry", ["http://host", "host/path", "*.host", ""])
def test_an_allowed_host_that_is_none_is_refused_at_once(entry: str) -> None:
    with pytest.raises(ValueError, match="host"):
        OriginGuard(nothing, allowed_hosts=[entry])


def test_the_bind_can_be_told_where_the_connection_does_not_show_it(run: Run) -> None:
    assert verdict(run, "any.example", server=LOCAL, loopback=False) == 200
    assert verdict(run, "any.example", server=None, loopback=True) == 421


def test_a_remembered_pair_is_not_remembered_for_another_bind(run: Run) -> None:
    guard, headers = OriginGuard(nothing), [(b"host", b"any.example")]
    assert run(ask(guard, headers, PUBLIC)) == []
    assert run(ask(guard, headers, LOCAL))[0]["status"] == 421


def test_a_server_that_cannot_deny_with_a_response_closes_the_websocket(run: Run) -> None:
    headers = [(b"host", b"localhost"), (b"origin", b"https://evil.example")]
    assert run(ask(OriginGuard(nothing), headers, kind="websocket")) == [
        {"type": "websocket.close", "code": 1008, "reason": "origin_refused"}
    ]


def test_a_lifespan_passes(run: Run) -> None:
    reached = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    run(ask(OriginGuard(app), [], kind="lifespan"))
    assert reached == ["lifespan"]


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (b"Host: localhost\r\nOrigin: https://evil.example\r\n", "403 ", "origin_refused"),
        (b"Host: evil.example\r\n", "421 ", "host_refused"),
        (b"", "400 ", "host_missing"),
    ],
)
def test_a_foreign_caller_gets_a_reason_and_no_101_over_either_line(
    run: Run, header: bytes, status: str, code: str
) -> None:
    async def body(port: int) -> None:
        for start in (HEAD.replace(b"Host: localhost\r\n", b""), b"GET / HTTP/1.1\r\n"):
            async with connected(port) as peer:
                await peer.send(start + header + b"\r\n")
                head = await peer.head()
                assert head.startswith("HTTP/1.1 " + status)
                error = json.loads(await peer.body(head))["error"]
                assert error["code"] == code
                assert error["message"] and error["next"]

    with served(OriginGuard(App())) as port:
        run(body(port))


def test_a_local_caller_reaches_the_app(run: Run) -> None:
    async def body(port: int) -> None:
        async with connected(port, upgraded=True), connected(port) as peer:
            assert (await peer.get()).startswith("HTTP/1.1 200 ")

    with served(OriginGuard(App())) as port:
        run(body(port))


@given(st.text(max_size=60))
def test_any_text_is_an_authority_or_none_and_means_the_same_when_written_again(text: str) -> None:
    authority = parse_authority(text)
    if authority is not None:
        host = f"[{authority.host}]" if ":" in authority.host else authority.host
        assert not set("@/?# \t") & set(authority.host)
        assert parse_authority(host if authority.port is None else f"{host}:{authority.port}") == authority
    origin = parse_origin(f"http://{text}")
    assert (origin is None) == (authority is None)


@given(st.ip_addresses())
def test_an_address_is_loopback_as_its_library_says(address: Any) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert is_loopback(str(address)) == (mapped or address).is_loopback
