"""Connections to another server: as few as its sessions allow, and never more than are bearable."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from fairlead.errors import BUSY, PeerError
from fairlead.sources.links import CROWD, IDLE, Key, Links, askable, key_of

SHARED = Key(0, None, (), False)
ALONE = Key(0, None, ("elicitation",), True)


def link() -> Any:
    return SimpleNamespace(lost=False, leased=False, errands=[], used=0.0)


def links(*, most: int = 8, wait: asyncio.Event | None = None) -> tuple[Links, list[Any]]:
    made: list[Any] = []

    async def open(capabilities: Any) -> Any:
        if wait is not None:
            await wait.wait()
        made.append(link())
        return made[-1]

    return Links(open, most=most), made


def test_many_who_ask_at_once_for_the_same_get_the_same(run):
    async def talk():
        kept, made = links()
        got = await asyncio.gather(*(kept.take(SHARED, {}) for _ in range(5)))
        assert len(made) == 1 and all(one is made[0] for one in got)

    run(talk())


def test_a_call_that_has_one_to_itself_shares_it_with_nobody_until_it_is_done(run):
    async def talk():
        kept, made = links()
        first, second = await kept.take(ALONE, {}), await kept.take(ALONE, {})
        assert first is not second
        first.leased = False
        assert await kept.take(ALONE, {}) is first
        assert len(made) == 2

    run(talk())


@pytest.mark.parametrize("key", [Key(7, None, (), False), ALONE])
def test_there_are_never_more_than_are_bearable(run, key):
    async def talk():
        gate = asyncio.Event()
        kept, _ = links(most=3, wait=gate)
        keys = [key if key.alone else Key(number, None, (), False) for number in range(1, 4)]
        tasks = [asyncio.create_task(kept.take(one, {})) for one in keys]
        await asyncio.sleep(0)
        with pytest.raises(PeerError) as refused:
            await kept.take(key if key.alone else Key(99, None, (), False), {})
        assert refused.value.code == BUSY
        gate.set()
        await asyncio.gather(*tasks)

    run(talk())


def test_a_crowded_one_gets_company_where_the_server_keeps_nothing(run):
    async def talk():
        kept, made = links()
        first = await kept.take(SHARED, {})
        first.errands = [None] * CROWD
        assert await kept.take(SHARED, {}) is not first
        assert len(made) == 2
        own = await kept.take(Key(7, None, (), False), {})
        own.errands = [None] * CROWD
        assert await kept.take(Key(7, None, (), False), {}) is own

    run(talk())


def test_one_that_is_lost_is_replaced_and_swept(run):
    async def talk():
        kept, made = links()
        first = await kept.take(SHARED, {})
        first.lost = True
        assert await kept.take(SHARED, {}) is made[1]
        assert kept.sweep(0.0) == [first] and len(kept) == 1

    run(talk())


def test_what_belongs_to_nobody_is_swept_when_it_is_idle_and_a_clients_own_is_not(run):
    async def talk():
        kept, made = links()
        for key in (SHARED, Key(7, None, (), False)):
            (await kept.take(key, {})).leased = False
        assert kept.sweep(IDLE) == []
        assert kept.sweep(IDLE + 1) == [made[0]]
        assert kept.leave(7) == [made[1]] and len(kept) == 0

    run(talk())


def test_one_whose_client_left_while_it_was_opened_is_not_left_behind(run):
    async def talk():
        gate = asyncio.Event()
        kept, made = links(wait=gate)
        task = asyncio.create_task(kept.take(Key(7, None, (), False), {}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        assert kept.leave(7) == []
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(kept.clear()) == len(made)

    run(talk())


def call(
    *, capabilities: Any = None, stateless_only: bool = False, home: Any = None, principal: str | None = None
) -> Any:
    session = SimpleNamespace(stateless_only=stateless_only)
    return SimpleNamespace(capabilities=capabilities or {}, session=session, home=home, principal=principal)


def test_of_a_clients_capabilities_only_what_it_can_be_asked_is_told():
    told = askable(
        call(capabilities={"elicitation": {}, "roots": {}, "experimental": {"x": 1}, "extensions": {"y": {}}})
    )
    assert told == {"elicitation": {"form": {}}, "roots": {"listChanged": True}}
    assert askable(call(capabilities={"sampling": {"tools": {}, "own": {}}, "elicitation": 5})) == {
        "sampling": {"tools": {}}
    }


def test_a_request_over_http_that_could_be_asked_has_its_connection_to_itself():
    can = {"elicitation": {"form": {}}}
    assert key_of(call(stateless_only=True), can, shared=False).alone
    assert not key_of(call(stateless_only=True), {}, shared=False).alone
    one = key_of(call(stateless_only=True, principal="a"), {}, shared=False)
    assert one != key_of(call(stateless_only=True, principal="b"), {}, shared=False)
    first, second = call(), call()
    assert key_of(first, {}, shared=False) != key_of(second, {}, shared=False)
    assert key_of(first, {}, shared=True) == key_of(second, {}, shared=True)
