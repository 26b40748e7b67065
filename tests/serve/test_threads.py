"""Threads that nobody waits for."""

import asyncio
import gc
import threading
import weakref

import pytest

from fairlead.serve.threads import Threads, lend
from tests.serve.harbour import WAIT


def test_results_and_exceptions_come_back():
    threads = Threads(2, "t")
    assert threads.submit(lambda a, b: a + b, 1, b=2).result(WAIT) == 3
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 / 0).result(WAIT)
    threads.shutdown()


def test_no_more_threads_than_allowed_are_made_and_idle_ones_are_used_again():
    threads = Threads(3, "few")
    assert len({threads.submit(threading.get_ident).result(WAIT) for _ in range(10)}) <= 3
    gate = threading.Event()
    waiting = [threads.submit(gate.wait, WAIT) for _ in range(10)]
    assert sum(thread.name.startswith("few-") for thread in threading.enumerate()) == 3
    gate.set()
    assert all(one.result(WAIT) for one in waiting)
    threads.shutdown()


def test_a_shut_down_pool_waits_for_nobody_and_takes_no_more():
    threads = Threads(1, "t")
    gate, began = threading.Event(), threading.Event()

    def block() -> bool:
        began.set()
        return gate.wait(WAIT)

    blocked = threads.submit(block)
    assert began.wait(WAIT)
    waiting = threads.submit(gate.wait, WAIT)
    threads.shutdown(wait=True, cancel_futures=True)
    assert waiting.cancelled() and not blocked.done()
    with pytest.raises(RuntimeError):
        threads.submit(block)
    gate.set()
    assert blocked.result(WAIT)


def test_the_threads_of_a_pool_that_is_forgotten_end():
    threads = Threads(2, "forgotten")
    threads.submit(int).result(WAIT)
    [worker] = [thread for thread in threading.enumerate() if thread.name.startswith("forgotten")]
    assert worker.daemon
    gone = weakref.ref(threads)
    del threads
    gc.collect()
    assert gone() is None
    worker.join(WAIT)
    assert not worker.is_alive()


def test_a_loop_that_was_lent_threads_ends_while_one_of_them_blocks():
    gate, began = threading.Event(), threading.Event()

    async def talk() -> str:
        lend(asyncio.get_running_loop())

        def block() -> None:
            began.set()
            gate.wait(600)

        task = asyncio.create_task(asyncio.to_thread(block))
        await asyncio.sleep(0)
        while not began.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        return "over"

    assert asyncio.run(talk()) == "over"
    gate.set()
