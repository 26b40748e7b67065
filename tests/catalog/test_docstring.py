"""What is found in docstrings of every style, and that no text is too odd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalog.docstring import parse

GOOGLE = """Adds two numbers.

    More about it.

    Args:
        a: The first.
        b (int, optional): The second,
            on two lines: see there.
        *rest (str): The others.

    Returns:
        int: The sum.

    Raises:
        ValueError: Never.

    Example:
        >>> add(1, 2)
"""

NUMPY = """Adds two numbers.

    More about it.

    Parameters
    ----------
    a : int
        The first.
    b : int, optional
        The second,
        on two lines: see there.
    *rest
        The others.

    Returns
    -------
    int
        The sum.

    Raises
    ------
    ValueError
        Never.

    Example
    -------
    >>> add(1, 2)
"""

REST = """Adds two numbers.

    More about it.

    :param a: The first.
    :param int b: The second,
        on two lines: see there.
    :type b: int
    :param rest: The others.
    :returns: The sum.
    :rtype: int
    :raises ValueError: Never.

    >>> add(1, 2)
"""

EPYDOC = REST.replace(":param int b:", ":param b:").replace("    :", "    @")


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST, EPYDOC])
def test_each_style_gives_the_same(text):
    found = parse(text)
    assert found.parameters == {"a": "The first.", "b": "The second, on two lines: see there.", "rest": "The others."}
    assert found.returns == "The sum."
    assert found.description.startswith("Adds two numbers.\n\nMore about it.")
    assert ">>> add(1, 2)" in found.description
    for word in ("first", "Args", "Parameters", "----------", "ValueError", "The sum"):
        assert word not in found.description


@pytest.mark.parametrize("text", [None, "", "  \n "])
def test_nothing_gives_nothing(text):
    found = parse(text)
    assert (found.description, found.parameters, found.returns) == ("", {}, None)


@pytest.mark.parametrize(
    "text",
    [
        "Takes args: a and b.",
        "Args:\n\nno block follows",
        "See https://example.com: a page",
        "note: this is prose\nand goes on",
        "Note.\nUsage::\n\n    code here\nend",
        ":class:`Foo` is used",
        "A table\n-------\nis no section",
        "@decorator is mentioned",
        ":note: this is kept",
        "@todo: this too",
    ],
)
def test_prose_stays_in_the_description(text):
    found = parse(text)
    assert found.description == text
    assert not found.parameters


def test_types_with_brackets_and_colons_are_passed_over():
    found = parse("F.\n\nArgs:\n    a (dict[str, int]): A map.\n    b (Callable[[int], str], optional): A function.")
    assert found.parameters == {"a": "A map.", "b": "A function."}
    found = parse("F.\n\n:param dict[str, int] a: A map.")
    assert found.parameters == {"a": "A map."}


def test_numpy_may_name_several_at_once():
    assert parse("F.\n\nParameters\n----------\na, b : int\n    Both.").parameters == {"a": "Both.", "b": "Both."}


def test_paragraphs_of_one_parameter_are_joined():
    assert parse("F.\n\nArgs:\n    a: One.\n\n        Two.\n    b: Three.").parameters == {
        "a": "One. Two.",
        "b": "Three.",
    }


def test_a_return_without_a_type_is_taken_whole():
    assert parse("F.\n\nReturns:\n    The sum of both.").returns == "The sum of both."
    assert parse("F.\n\nReturns:\n    list[int] | None: The sums.").returns == "The sums."


def test_the_first_description_of_a_parameter_counts():
    assert parse("F.\n\nArgs:\n    a: One.\n\n:param a: Two.").parameters == {"a": "One."}


@given(st.text())
def test_any_text_gives_a_result(text):
    found = parse(text)
    assert isinstance(found.description, str)
    assert all(name and description for name, description in found.parameters.items())


LINES = st.sampled_from(
    [
        "Args:",
        "Parameters",
        "-------",
        "Returns:",
        "  a: b",
        "a : int",
        "    x",
        ":param a: b",
        "@return: c",
        "",
        ":",
        "@:",
    ]
)


@given(st.lists(LINES | st.text(":@ -a(\t*", max_size=8)).map("\n".join))
def test_any_pieces_of_docstrings_give_a_result(text):
    parse(text)


def test_long_odd_text_takes_no_longer_than_its_length():
    for piece in ("Args:\n" + "    a (" * 20_000, ":param " + "a " * 50_000, "Returns:\n    " + "a.a | " * 20_000):
        parse(piece)
    parse("Args:\n" * 3_000)


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
WORDS = st.lists(st.from_regex(r"[A-Za-z][a-z,.()]{0,7}", fullmatch=True), min_size=1, max_size=6).map(" ".join)
DOCUMENTED = st.dictionaries(NAMES, WORDS, min_size=1, max_size=5)
STYLES = {
    "google": ("Args:", "    {name} (int): {text}"),
    "google, untyped": ("Args:", "    {name}: {text}"),
    "numpy": ("Parameters\n----------", "{name} : int\n    {text}"),
    "rest": ("", ":param {name}: {text}"),
    "rest, typed": ("", ":param int {name}: {text}"),
    "epydoc": ("", "@param {name}: {text}"),
}


@pytest.mark.parametrize("style", STYLES)
@given(summary=WORDS, documented=DOCUMENTED)
def test_every_documented_parameter_is_found(style, summary, documented):
    title, entry = STYLES[style]
    lines = [summary, "", title, *(entry.format(name=name, text=text) for name, text in documented.items())]
    found = parse("\n".join(lines))
    assert found.parameters == documented
    assert found.description == summary
