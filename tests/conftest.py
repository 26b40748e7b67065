"""What every test can count on: a bound on its time, a loop that is left clean, examples that repeat.

No plug-in runs coroutines here: a test calls the `run` fixture, or `asyncio.run` itself.
"""

import asyncio
import faulthandler
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

Result = TypeVar("Result")

# Far above what any test takes; only what hangs meets it. A test may ask for more: @pytest.mark.within(120).
TEST_SECONDS = 60
SOAK_SECONDS = 3600
EXIT_SECONDS = 10

# `ci`: the same examples in every run, so that a red one can be repeated. `dev`: new ones each time, and
# those that failed first. No deadlines, since the machine may be shared.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(id): the test proves this line of tests/spec/requirements.py")
    config.addinivalue_line("markers", "soak: takes long; left out unless asked for by `make soak`")
    config.addinivalue_line("markers", f"within(seconds): the test may take this long instead of {TEST_SECONDS} s")
    config.addinivalue_line("markers", "blocking: the test blocks its own loop on purpose")


# --- a bound on the time of a test --------------------------------------------------------------------


class _OverTime(KeyboardInterrupt):
    """Of the one family that a loop does not swallow, whoever drives it."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _bounded(item, "setting up"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    with _unblocked(item):
        return (yield from _bounded(item, "the test"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _bounded(item, "tearing down"))


def _bounded(item: pytest.Item, what: str) -> Generator[None, Any, Any]:
    # Windows has no such alarm; there, faulthandler_timeout ends what hangs.
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        return (yield)
    mark = item.get_closest_marker("within")
    usual = SOAK_SECONDS if item.get_closest_marker("soak") else TEST_SECONDS
    seconds = mark.args[0] if mark else usual

    def ring(*_: object) -> None:
        raise _OverTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return (yield)
    except _OverTime:
        pytest.fail(f"{what} took more than {seconds} s", pytrace=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def pytest_unconfigure() -> None:
    # A thread that a test left behind would keep the interpreter from ending, after all is said: the stacks
    # of such threads are written out, and the run ends as a failed one.
    faulthandler.dump_traceback_later(EXIT_SECONDS, exit=True, file=sys.__stderr__)


# --- coroutines ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    """`run(coroutine, within=10)`: its result, on a fresh loop, in bounded time, with no task left behind.

    Of session scope so that a property of hypothesis can use it.
    """
    return _run


def _run(coroutine: Coroutine[Any, Any, Result], *, within: float = 10, leftovers: bool = False) -> Result:
    async def bounded() -> Result:
        async with asyncio.timeout(within):
            result = await coroutine
        # What was cancelled or has just finished gets a few turns to end.
        for _ in range(5):
            await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert leftovers or not left, f"tasks left behind: {left}"
        return result

    return asyncio.run(bounded())


# --- nothing blocks a loop ----------------------------------------------------------------------------


# Not what only might block (a lock, an open file): libraries do those, shortly, on the loop as well.
BLOCKING: tuple[tuple[Any, str], ...] = (
    (time, "sleep"),
    (socket, "getaddrinfo"),
    (socket, "create_connection"),
    (subprocess.Popen, "communicate"),
)


class BlockingCallError(AssertionError):
    """A call that would stop every connection of a loop was made on the loop's own thread."""


@contextmanager
def _unblocked(item: pytest.Item) -> Iterator[None]:
    """Turns calls that block into errors where a loop is running; `@pytest.mark.blocking` lets them be."""
    with pytest.MonkeyPatch.context() as patch:
        if not item.get_closest_marker("blocking"):
            for owner, name in BLOCKING:
                patch.setattr(owner, name, _off_the_loop(getattr(owner, name)))
        yield


def _off_the_loop(call: Callable[..., Result]) -> Callable[..., Result]:
    @wraps(call)
    def checked(*args: Any, **options: Any) -> Result:
        if asyncio._get_running_loop() is not None:
            raise BlockingCallError(f"{call.__qualname__}() on the thread of a running loop")
        return call(*args, **options)

    return checked
