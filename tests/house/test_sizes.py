"""Nothing grows past what a reader can hold, and every name says what is inside."""

import importlib

import pytest

from tests.house import rules
from tests.house.rules import Source

PINNED = rules.ROOT / "tests/house/public_names.txt"


def pinned_names() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in PINNED.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def root_names() -> list[str]:
    return [name for source in rules.sources() if source.module == rules.PACKAGE for name in rules.exported(source)]


def test_no_file_is_too_long():
    faults = [fault for source in rules.sources() for fault in rules.file_size_faults(source)]
    assert not faults, rules.listing(faults)


def test_a_file_that_is_too_long_is_caught():
    assert not list(rules.file_size_faults(Source("fairlead/a.py", "x = 1\n" * 500)))
    assert len(list(rules.file_size_faults(Source("fairlead/a.py", "x = 1\n" * 501)))) == 1


def test_no_function_is_too_long():
    faults = [fault for source in rules.sources() for fault in rules.function_size_faults(source)]
    assert not faults, rules.listing(faults)


@pytest.mark.parametrize("head", ["def f():\n", "async def f():\n", "class C:\n  def f(self):\n"])
def test_a_function_that_is_too_long_is_caught(head):
    assert not list(rules.function_size_faults(Source("fairlead/a.py", head + "    x = 1\n" * 79)))
    assert len(list(rules.function_size_faults(Source("fairlead/a.py", head + "    x = 1\n" * 80)))) == 1


def test_the_docstring_of_a_function_is_not_counted():
    promise = 'def f():\n    """One.\n' + "    Two.\n" * 50 + '    """\n' + "    x = 1\n" * 79
    assert not list(rules.function_size_faults(Source("fairlead/a.py", promise)))


def test_no_folder_is_too_deep_and_no_module_is_an_attic():
    faults = [fault for source in rules.sources() for fault in rules.place_faults(source)]
    assert not faults, rules.listing(faults)


@pytest.mark.parametrize(
    "path",
    [
        "fairlead/a/b/c/d.py",
        "fairlead/utils.py",
        "fairlead/wire/_helpers.py",
        "fairlead/shared/a.py",
        "fairlead/kernel/manager.py",
        "fairlead/common/__init__.py",
    ],
)
def test_a_deep_folder_or_an_attic_is_caught(path):
    assert len(list(rules.place_faults(Source(path, "")))) == 1


def test_a_module_with_a_name_of_its_own_passes():
    assert not list(rules.place_faults(Source("fairlead/sources/openapi/body.py", "")))


def test_an_init_file_only_hands_names_on():
    faults = [fault for source in rules.sources() for fault in rules.init_faults(source)]
    assert not faults, rules.listing(faults)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("fairlead/wire/__init__.py", "LIMIT = 4"),
        ("fairlead/wire/__init__.py", "_HOMES = {}"),
        ("fairlead/wire/__init__.py", "class Wire: ..."),
        ("fairlead/wire/__init__.py", "def decode(): ..."),
        ("fairlead/wire/__init__.py", "def main(): ..."),
        ("fairlead/wire/__init__.py", "print(1)"),
        ("fairlead/wire/__init__.py", "if TYPE_CHECKING:\n    x = 1"),
        ("fairlead/__init__.py", "HOMES = {}"),
        ("fairlead/__init__.py", "_homes = find_homes()"),
    ],
)
def test_an_init_file_that_does_more_is_caught(path, text):
    assert len(list(rules.init_faults(Source(path, text)))) == 1


def test_an_init_file_that_hands_names_on_passes():
    text = '"""What it is."""\nfrom a import b\nimport c\nif TYPE_CHECKING:\n    from d import e\n__all__ = ["b"]\n'
    lazy = '_HOMES = {"Fairlead": "server"}\ndef __getattr__(name):\n    return 1\ndef __dir__():\n    return __all__\n'
    assert not list(rules.init_faults(Source("fairlead/wire/__init__.py", text)))
    assert not list(rules.init_faults(Source("fairlead/__init__.py", text + lazy)))
    assert not list(rules.init_faults(Source("fairlead/cli/__init__.py", text + "def main(): ...")))
    assert not list(rules.init_faults(Source("fairlead/wire/a.py", "LIMIT = 4")))


def test_the_names_at_the_root_are_the_pinned_ones():
    assert sorted(root_names()) == sorted(pinned_names()), f"the promise to users is kept in {PINNED.name}"
    assert pinned_names() == sorted(pinned_names())
    assert len(root_names()) <= rules.ROOT_NAMES


def test_every_name_at_the_root_is_there():
    names = root_names()
    root = importlib.import_module(rules.PACKAGE)
    assert not [name for name in names if not hasattr(root, name)]


def test_the_names_of_a_root_are_read_from_its_source():
    assert rules.exported(Source("fairlead/__init__.py", "__all__ = ['a', 'b']")) == ["a", "b"]
    assert rules.exported(Source("fairlead/__init__.py", "__all__: list[str] = ['a']")) == ["a"]
    assert rules.exported(Source("fairlead/__init__.py", "x = 1\nx: int\n")) == []
