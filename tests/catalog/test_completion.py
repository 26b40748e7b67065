"""Completion: functions that propose values."""

import pytest

from fairlead.catalog import Completion
from fairlead.errors import UsageError


@pytest.mark.requirement("SERVER-08")
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 5000])
def test_an_answer_has_at_most_a_hundred_values_and_says_how_many_there_are(count):
    made = Completion("p", "a", lambda typed: [])
    assert made.conclude(str(number) for number in range(count)) == {
        "completion": {
            "values": [str(number) for number in range(min(count, 100))],
            "total": count,
            "hasMore": count > 100,
        }
    }


def test_nothing_is_no_value_and_all_values_are_text():
    made = Completion("p", "a", lambda typed: None)
    assert made.conclude(None)["completion"]["values"] == []
    assert made.conclude([1, None, "x"])["completion"]["values"] == ["1", "None", "x"]


def test_a_function_takes_what_was_typed_and_perhaps_what_was_settled():
    assert Completion("p", "a", lambda text: []).arguments("x", {"b": "y"}) == {"text": "x"}
    both = Completion("p", "a", lambda text, others: []).arguments("x", {"b": "y"})
    assert both == {"text": "x", "others": {"b": "y"}}


@pytest.mark.parametrize("function", [lambda: [], lambda a, b, c: []])
def test_a_function_of_another_shape_is_refused(function):
    with pytest.raises(UsageError, match="parameters"):
        Completion("p", "a", function)


def test_async_functions_and_objects_are_awaited():
    async def later(typed): ...

    class Later:
        async def __call__(self, typed): ...

    assert [Completion("p", "a", function).kind for function in (later, Later(), lambda typed: [])] == [
        "async",
        "async",
        "sync",
    ]
    assert Completion("p", "a", later).name == "p:a"
