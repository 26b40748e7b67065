"""Reading a body: its size, its time, its end."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.serve.body import read_body
from fairlead.serve.events import PageError
from fairlead.serve.headers import Headers


def source(*parts: bytes, ends: bool = True, then: str = ""):
    """An ASGI `receive` with these pieces; afterwards it waits for ever, or tells of `then`."""
    events = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if ends and events:
        events[-1]["more_body"] = False
    if then:
        events.append({"type": then})

    async def receive():
        if events:
            return events.pop(0)
        await asyncio.sleep(600)

    return receive


async def read(receive, most: int = 10, within: float = 5, **headers: str) -> bytes:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return await read_body(receive, named, most=most, within=within)


@given(parts=st.lists(st.binary(max_size=6), min_size=1, max_size=6))
def test_any_pieces_make_the_body_or_are_too_many(run, parts):
    async def talk():
        whole = b"".join(parts)
        if len(whole) <= 10:
            assert await read(source(*parts)) == whole
        else:
            with pytest.raises(PageError) as refused:
                await read(source(*parts))
            assert refused.value.status == 413

    run(talk())


@pytest.mark.parametrize("declared", ["11", "99999999999999999999999999999999999", "9" * 5000])
def test_what_is_declared_too_long_is_not_read(run, declared):
    async def talk():
        with pytest.raises(PageError) as refused:
            await read(source(), content_length=declared)
        assert refused.value.status == 413 and b"10" in refused.value.body

    run(talk())


@pytest.mark.parametrize("declared", ["10", "x", "", "-1", "²"])
def test_a_declaration_that_is_odd_decides_nothing(run, declared):
    async def talk():
        assert await read(source(b"0123456789"), content_length=declared) == b"0123456789"

    run(talk())


@pytest.mark.parametrize("parts", [(), (b"012",), (b"012", b"")])
def test_what_does_not_come_in_time_is_408_and_ends_the_connection(run, parts):
    async def talk():
        with pytest.raises(PageError) as refused:
            await read(source(*parts, ends=False), within=0.02)
        assert refused.value.status == 408
        assert (b"connection", b"close") in refused.value.headers

    run(talk())


@pytest.mark.parametrize("parts", [(), (b"012",)])
def test_a_client_that_leaves_in_the_middle_is_gone(run, parts):
    async def talk():
        with pytest.raises(ConnectionError):
            await read(source(*parts, ends=False, then="http.disconnect"))

    run(talk())
