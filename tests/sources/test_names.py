"""Names of other servers' tools: short, apart, and the same each time."""

import re

from hypothesis import given
from hypothesis import strategies as st

from fairlead.sources.names import LONGEST, name_all, name_tool


def test_the_only_server_keeps_its_names():
    assert name_tool("add") == "add"
    assert name_tool("files/read.v2-x") == "files/read.v2-x"


def test_one_of_several_has_its_servers_name_before_its_own():
    assert name_tool("add", "north") == "north_add"


def test_what_no_client_takes_is_rewritten():
    assert name_tool("a b:c", "my server") == "my_server_a_b_c"
    assert name_tool("") == "_"


def test_a_long_name_keeps_its_beginning_and_ends_in_a_digest():
    long = "read_the_file_that_" + "x" * 80
    short = name_tool(long, "north")
    assert len(short) == LONGEST
    assert short.startswith("north_read_the_file_that_")
    assert short == name_tool(long, "north") != name_tool(long + "y", "north")


def test_sixty_four_characters_are_not_too_long():
    assert name_tool("x" * LONGEST) == "x" * LONGEST


def test_of_two_that_would_be_the_same_the_rewritten_one_is_marked():
    for order in (["a b", "a_b", "a:b"], ["a:b", "a_b", "a b"]):
        names = name_all(order)
        assert names["a_b"] == "a_b"
        assert names["a b"].startswith("a_b") and names["a:b"] == "a_b" or names["a:b"].startswith("a_b_")
        assert len(set(names.values())) == 3


def test_the_order_of_the_list_changes_no_name():
    names = ["a b", "a_b", "a:b", "c", "x" * 70]
    assert name_all(names, "s") == name_all(reversed(names), "s")


@given(st.lists(st.text(max_size=90), unique=True, max_size=20), st.none() | st.text(min_size=1, max_size=90))
def test_all_names_are_fit_and_apart(names, server):
    chosen = name_all(names, server)
    assert list(chosen) == names
    assert len(set(chosen.values())) == len(names)
    for name in chosen.values():
        assert re.fullmatch(r"[A-Za-z0-9_./-]{1,64}", name)
