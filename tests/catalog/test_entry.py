"""What all things in a catalog have in common."""

import pytest

from fairlead.catalog import Catalog, Completion, Entry, Progress
from fairlead.catalog.prompt import from_function as prompt
from fairlead.catalog.resource import from_function as resource
from fairlead.catalog.tool import from_function as tool


def nothing() -> None: ...


def test_an_entry_is_switched_on_and_has_no_place_until_it_is_offered():
    made = Entry("x", nothing, "sync")
    assert (made.enabled, made.position, made.context, made.tags) == (True, -1, None, frozenset())


@pytest.mark.parametrize(
    "made",
    [
        tool(nothing, tags={"a"}),
        prompt(nothing, tags={"a"}),
        resource("h://x", nothing, tags={"a"}),
        resource("h://{x}", lambda x: x, name="nothing", tags={"a"}),
    ],
)
def test_every_kind_is_an_entry_with_its_function(made):
    assert isinstance(made, Entry)
    assert (made.name, made.tags) == ("nothing", {"a"})
    assert callable(made.function)
    with pytest.raises(AttributeError):
        made.enabeld = False


def test_a_completion_is_an_entry_too():
    assert isinstance(Completion("p", "a", lambda typed: []), Entry)


def test_places_count_up_and_are_not_given_twice():
    catalog = Catalog()
    first = catalog.add_tool(tool(nothing, name="first"))
    catalog.tools.remove("first")
    second = catalog.add_tool(tool(nothing, name="second"))
    assert (first.position, second.position) == (0, 1)


def test_progress_holds_what_was_yielded():
    step = Progress(3, 10, "copying")
    assert (step.done, step.total, step.message) == (3, 10, "copying")
    assert (Progress(1).total, Progress(1).message) == (None, None)
