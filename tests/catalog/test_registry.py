"""The catalog: names that are taken, order, pages, switches, and who is told of a change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalog import Catalog, Completion
from fairlead.catalog.prompt import from_function as prompt
from fairlead.catalog.resource import from_function as resource
from fairlead.catalog.tool import from_function as tool
from fairlead.errors import UsageError

SECRET = b"secret"


def a_tool(name):
    return tool(lambda: None, name=name)


def names(catalog):
    return [one.name for one in catalog.tools]


def test_a_name_is_given_once_for_each_kind():
    catalog = Catalog()
    catalog.add_tool(a_tool("x"))
    with pytest.raises(UsageError, match="'x'"):
        catalog.add_tool(a_tool("x"))
    catalog.add_prompt(prompt(lambda: "", name="x"))
    catalog.add_resource(resource("h://x", lambda: "", name="x"))
    with pytest.raises(UsageError, match="h://x"):
        catalog.add_resource(resource("h://x", lambda: "", name="y"))
    assert len(catalog.tools) == len(catalog.prompts) == len(catalog.resources) == 1


@pytest.mark.parametrize("act", [lambda shelf: shelf.remove("x"), lambda shelf: shelf.switch("x", True)])
def test_what_is_not_there_can_be_neither_removed_nor_switched(act):
    for shelf in (Catalog().tools, Catalog().prompts, Catalog().resources, Catalog().templates):
        with pytest.raises(UsageError, match="'x'"):
            act(shelf)


def test_entries_keep_the_order_in_which_they_came():
    catalog = Catalog()
    for name in "cab":
        catalog.add_tool(a_tool(name))
    assert names(catalog) == ["c", "a", "b"]
    catalog.add_tool(catalog.tools.remove("c"))
    assert names(catalog) == ["a", "b", "c"]
    assert "c" in catalog.tools


def test_what_is_switched_off_is_kept_and_not_found():
    catalog = Catalog()
    made = catalog.add_tool(a_tool("x"))
    catalog.tools.switch("x", False)
    assert catalog.tools.find("x") is None
    assert "x" in catalog.tools
    assert catalog.tools.page(SECRET, None, 10) == ([], None)
    catalog.tools.switch("x", True)
    assert catalog.tools.find("x") is made


def test_each_change_is_told_once_and_no_change_is_not():
    catalog, told = Catalog(), []
    catalog.listen(told.append)
    catalog.add_tool(a_tool("x"))
    catalog.add_resource(resource("h://x", lambda: ""))
    catalog.add_resource(resource("h://{x}", lambda x: ""))
    catalog.add_prompt(prompt(lambda: "", name="x"))
    assert told == ["tools", "resources", "resources", "prompts"]
    del told[:]
    catalog.tools.switch("x", True)
    assert told == []
    catalog.tools.switch("x", False)
    catalog.tools.switch("x", False)
    catalog.templates.remove("h://{x}")
    assert told == ["tools", "resources"]
    del told[:]
    with pytest.raises(UsageError):
        catalog.add_tool(a_tool("x"))
    assert told == []


def test_a_listener_finds_the_catalog_as_it_is_after_the_change():
    catalog, seen = Catalog(), []
    catalog.listen(lambda kind: seen.append(names(catalog)))
    catalog.add_tool(a_tool("x"))
    catalog.tools.remove("x")
    assert seen == [["x"], []]


def test_the_catalog_may_change_while_somebody_walks_over_it():
    catalog = Catalog()
    for number in range(5):
        catalog.add_tool(a_tool(f"t{number}"))
    for one in catalog.tools:
        catalog.tools.remove(one.name)
        catalog.add_tool(a_tool(f"{one.name}-again"))
    assert names(catalog) == [f"t{number}-again" for number in range(5)]


@given(
    size=st.integers(1, 5),
    count=st.integers(0, 12),
    changes=st.lists(st.tuples(st.sampled_from(["add", "remove", "off"]), st.integers(0, 11)), max_size=8),
    after=st.integers(0, 4),
)
def test_pages_miss_nothing_that_stays_and_repeat_nothing(size, count, changes, after):
    catalog = Catalog()
    made = a_tool("shared")
    for number in range(count):
        catalog.tools.add(f"t{number}", a_tool(f"t{number}"))
    stays, seen, cursor, pages = {f"t{number}" for number in range(count)}, [], None, 0
    while True:
        entries, cursor = catalog.tools.page(SECRET, cursor, size)
        seen += [entry.name for entry in entries]
        assert len(entries) <= size
        pages += 1
        if pages == after:
            for number, (act, which) in enumerate(changes):
                name = f"t{which}"
                if act == "add":
                    catalog.tools.add(f"n{number}", a_tool(f"n{number}"))
                elif name in catalog.tools:
                    stays.discard(name)
                    catalog.tools.remove(name) if act == "remove" else catalog.tools.switch(name, False)
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert stays <= set(seen)
    assert made.position == -1


def test_a_single_resource_comes_before_a_family_and_the_first_family_that_fits_is_taken():
    catalog = Catalog()
    first = catalog.add_resource(resource("h://{x}", lambda x: "", name="first"))
    catalog.add_resource(resource("h://{y}", lambda y: "", name="second"))
    single = catalog.add_resource(resource("h://one", lambda: "", name="single"))
    assert catalog.find_resource("h://one") == (single, {})
    assert catalog.find_resource("h://two") == (first, {"x": "two"})
    assert catalog.find_resource("h://two/three") is None
    catalog.resources.switch("h://one", False)
    assert catalog.find_resource("h://one") == (first, {"x": "one"})
    catalog.templates.switch("h://{x}", False)
    assert catalog.find_resource("h://two")[1] == {"y": "two"}


def test_the_later_completion_of_an_argument_wins():
    catalog = Catalog()
    assert not catalog.completes
    catalog.add_completion(Completion("p", "a", lambda typed: ["old"]))
    new = catalog.add_completion(Completion("p", "a", lambda typed: ["new"]))
    assert catalog.completes
    assert catalog.find_completion("p", "a") is new
    assert catalog.find_completion("p", "b") is catalog.find_completion("q", "a") is None
