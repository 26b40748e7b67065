"""The bounds that every test counts on do bite: time, tasks left behind, calls that block a loop."""

import pytest

from tests.house import rules

CONFTEST = (rules.ROOT / "tests/conftest.py").read_text("utf-8")


def outcomes_of(pytester: pytest.Pytester, text: str, conftest: str = CONFTEST) -> tuple[dict[str, int], str]:
    pytester.makeconftest(conftest)
    pytester.makepyfile(text)
    result = pytester.runpytest_subprocess("-p", "no:anyio", "--strict-markers", timeout=50)
    return result.parseoutcomes(), result.stdout.str() + result.stderr.str()


def test_what_takes_too_long_fails_alone_and_the_next_test_runs(pytester):
    outcomes, said = outcomes_of(
        pytester,
        """
        import asyncio, pytest, threading

        @pytest.mark.within(0.2)
        def test_a_lock():
            threading.Event().wait(30)

        @pytest.mark.within(0.2)
        def test_a_loop():
            async def main():
                try:
                    await asyncio.sleep(30)
                except Exception:
                    pass
            asyncio.run(main())

        @pytest.fixture
        def slow():
            threading.Event().wait(30)

        @pytest.mark.within(0.2)
        def test_a_fixture(slow):
            pass

        def test_the_next():
            pass
        """,
    )
    assert outcomes == {"failed": 2, "errors": 1, "passed": 1}
    assert "the test took more than 0.2 s" in said
    assert "setting up took more than 0.2 s" in said


def test_what_takes_too_long_on_uvloop_fails_too(pytester):
    pytest.importorskip("uvloop", reason="missing: uvloop, which Windows has not")
    outcomes, _ = outcomes_of(
        pytester,
        """
        import asyncio, pytest, uvloop

        @pytest.mark.within(0.2)
        def test_a_loop():
            uvloop.run(asyncio.sleep(30))
        """,
    )
    assert outcomes == {"failed": 1}


def test_a_task_left_behind_fails_the_test(pytester):
    outcomes, said = outcomes_of(
        pytester,
        """
        import asyncio

        async def leave():
            asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(30))

        async def clean():
            task = asyncio.create_task(asyncio.sleep(30))
            await asyncio.sleep(0)
            task.cancel()
            return 7

        def test_left(run):
            run(leave())

        def test_clean(run):
            assert run(clean()) == 7

        def test_late(run):
            run(asyncio.sleep(30), within=0.05)
        """,
    )
    assert outcomes == {"failed": 2, "passed": 1}
    assert "tasks left behind" in said
    assert "TimeoutError" in said


def test_a_call_that_blocks_a_loop_fails_the_test(pytester):
    outcomes, said = outcomes_of(
        pytester,
        """
        import asyncio, pytest, time

        async def block():
            time.sleep(0.001)

        def test_block():
            asyncio.run(block())

        @pytest.mark.blocking
        def test_on_purpose():
            asyncio.run(block())

        def test_in_a_thread():
            asyncio.run(asyncio.to_thread(time.sleep, 0.001))

        def test_without_a_loop():
            time.sleep(0.001)
        """,
    )
    assert outcomes == {"failed": 1, "passed": 3}
    assert "sleep() on the thread of a running loop" in said


def test_a_property_can_use_the_run_fixture(pytester):
    outcomes, _ = outcomes_of(
        pytester,
        """
        import asyncio
        from hypothesis import given, strategies as st

        @given(st.integers())
        def test_property(run, number):
            assert run(asyncio.sleep(0, number)) == number
        """,
    )
    assert outcomes == {"passed": 1}


def test_a_thread_left_behind_does_not_keep_the_run_from_ending(pytester):
    outcomes, said = outcomes_of(
        pytester,
        """
        import threading

        def wait_for_ever():
            threading.Event().wait()

        def test_left():
            threading.Thread(target=wait_for_ever).start()
        """,
        CONFTEST.replace("EXIT_SECONDS = 10", "EXIT_SECONDS = 0.5"),
    )
    assert outcomes == {"passed": 1}
    assert "wait_for_ever" in said
