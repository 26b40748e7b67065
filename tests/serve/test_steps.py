"""Awaits that cost nothing where nothing is waited for, and behave as plain ones where something is."""

import asyncio

import pytest

from fairlead.serve.steps import noticed, within


async def value(steps: int = 0) -> str:
    for _ in range(steps):
        await asyncio.sleep(0)
    return "value"


class Rude(BaseException):
    pass


@pytest.mark.parametrize(("steps", "times"), [(0, 0), (1, 1), (5, 1)])
def test_a_pause_is_noticed_once_and_only_where_there_is_one(run, steps, times):
    async def talk():
        paused = []
        assert await noticed(value(steps), lambda: paused.append(1)) == "value"
        assert len(paused) == times

    run(talk())


@pytest.mark.parametrize("steps", [0, 3])
def test_what_is_awaited_in_time_gives_its_value(run, steps):
    async def talk():
        assert await within(5, value(steps)) == "value"
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "later")
        assert await within(5, future) == "later"

    run(talk())


@pytest.mark.parametrize("error", [ValueError, OSError, Rude])
@pytest.mark.parametrize("steps", [0, 2])
def test_what_is_raised_comes_through(run, error, steps):
    async def fails():
        await value(steps)
        raise error

    async def talk():
        for awaitable in (noticed(fails(), lambda: None), within(5, fails())):
            with pytest.raises(error):
                await awaitable

    run(talk())


def test_what_takes_too_long_is_ended(run):
    async def talk():
        ended = []

        async def slow():
            try:
                await asyncio.sleep(600)
            finally:
                ended.append(1)

        with pytest.raises(TimeoutError):
            await within(0.01, slow())
        assert ended == [1]
        assert asyncio.current_task().cancelling() == 0

    run(talk())


def test_as_long_as_the_figure_falls_there_is_time(run):
    async def talk():
        left = [5]

        def unsent():
            left[0] -= 1
            if left[0] == 1:
                done.set_result("read")
            return left[0]

        done = asyncio.get_running_loop().create_future()
        assert await within(0.01, done, unsent) == "read"
        with pytest.raises(TimeoutError):
            await within(0.01, asyncio.sleep(600), lambda: 7)

    run(talk())


def test_a_cancellation_reaches_what_is_awaited_and_may_be_answered_there(run):
    async def stubborn():
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "stayed"

    async def talk():
        for make in (lambda: noticed(stubborn(), lambda: None), lambda: within(60, stubborn())):

            async def outer(make=make):
                return await make()

            task = asyncio.ensure_future(outer())
            await asyncio.sleep(0)
            task.cancel()
            assert await task == "stayed"

    run(talk())


def test_a_task_that_is_dropped_closes_what_it_awaits(run):
    closed = []

    async def held():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            closed.append(1)

    async def talk():
        awaited = noticed(held(), lambda: None)
        awaited.send(None)
        awaited.close()
        assert closed == [1]

    run(talk())


def test_what_came_in_time_is_not_looked_at_again(run):
    async def talk():
        loop, faults = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: faults.append(context))
        looks = []
        assert await within(0.01, value(3), lambda: looks.append(1) or 1) == "value"
        await asyncio.sleep(0.03)
        assert not faults and len(looks) == 1

    run(talk())
