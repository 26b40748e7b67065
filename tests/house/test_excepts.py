"""Whoever catches everything says why, and does something with it."""

import pytest

from tests.house import rules
from tests.house.rules import Source


def test_a_broad_except_has_a_reason_and_an_effect():
    faults = [fault for source in rules.sources() for fault in rules.except_faults(source)]
    assert not faults, rules.listing(faults)


@pytest.mark.parametrize(
    "text",
    [
        "try: f()\nexcept Exception:\n    g()",
        "try: f()\nexcept BaseException as error:\n    g(error)",
        "try: f()\nexcept:\n    g()",
        "try: f()\nexcept (OSError, Exception):\n    g()",
        "try: f()\nexcept builtins.Exception:\n    g()",
        "try: f()\nexcept Exception:  # noqa: BLE001\n    g()",
        "try: f()\nexcept Exception:  # type: ignore[misc]\n    g()",
        "try: f()\nexcept Exception:\n    g()\n    # too far away",
        "try: f()\nexcept* Exception:\n    g()",
        "async def f():\n    try: f()\n    except Exception:\n        g()",
    ],
)
def test_a_broad_except_without_a_reason_is_caught(text):
    [fault] = rules.except_faults(Source("fairlead/a.py", text))
    assert "reason" in fault.what


@pytest.mark.parametrize(
    "text",
    [
        "try: f()\nexcept Exception:  # the edge of a task\n    pass",
        "try: f()\nexcept Exception:  # the edge of a task\n    ...",
        "for x in y:\n    try: f()\n    except Exception:  # the edge of a task\n        continue",
        "with suppress(Exception):\n    f()",
        "with contextlib.suppress(OSError, BaseException):\n    f()",
    ],
)
def test_a_broad_except_that_is_silent_is_caught(text):
    [fault] = rules.except_faults(Source("fairlead/a.py", text))
    assert "silence" in fault.what


@pytest.mark.parametrize(
    "text",
    [
        "try: f()\nexcept Exception:  # the edge of a task\n    g()",
        "try: f()\nexcept Exception:  # noqa: BLE001 - the edge of a task\n    g()",
        "try: f()\n# the edge of a task\nexcept Exception:\n    g()",
        "try: f()\nexcept Exception:\n    # the edge of a task\n    g()",
        "try: f()\nexcept OSError:\n    pass",
        "with suppress(OSError):\n    f()",
        "text = '# no comment'\ntry: f()\nexcept (OSError, ValueError):\n    g()",
    ],
)
def test_a_reason_or_a_narrow_except_passes(text):
    assert not list(rules.except_faults(Source("fairlead/a.py", text)))
