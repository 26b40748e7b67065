"""A server from a Python file or module, and what a person reads where there is none."""

import sys

import pytest

from fairlead import Fairlead, UsageError
from fairlead.sources import python

SERVER = "from fairlead import Fairlead\n{name} = Fairlead({title!r})\n"


@pytest.fixture(autouse=True)
def no_traces(monkeypatch, tmp_path):
    """What loading changes in the interpreter is put back."""
    modules = dict(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    yield
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]
    sys.modules.update(modules)


def written(path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", ["mcp", "server", "app"])
def test_a_file_is_searched_for_the_usual_names(tmp_path, name):
    source = written(tmp_path / "boats.py", SERVER.format(name=name, title=name))
    assert python.load(source).name == name


def test_the_usual_names_have_an_order_and_what_is_no_server_is_passed_over(tmp_path):
    text = (
        "mcp = 'no server'\n" + SERVER.format(name="app", title="second") + SERVER.format(name="server", title="first")
    )
    assert python.load(written(tmp_path / "boats.py", text)).name == "first"


def test_a_name_may_be_given_for_files_and_modules(tmp_path):
    text = SERVER.format(name="mcp", title="usual") + SERVER.format(name="other", title="given")
    source = written(tmp_path / "fleet.py", text)
    assert python.load(f"{source}:other").name == "given"
    assert python.load("fleet:other").name == "given"
    assert python.load("fleet").name == "usual"


def test_a_module_of_a_package_is_found_from_the_current_folder(tmp_path):
    (tmp_path / "harbour_office").mkdir()
    written(tmp_path / "harbour_office/__init__.py", "")
    written(tmp_path / "harbour_office/fleet.py", SERVER.format(name="mcp", title="inner"))
    assert python.load("harbour_office.fleet").name == "inner"
    assert isinstance(python.load("harbour_office.fleet:mcp"), Fairlead)


def test_a_file_finds_its_neighbours_and_does_not_run_its_main_block(tmp_path):
    written(tmp_path / "neighbour.py", "TITLE = 'from beside'\n")
    text = (
        "from neighbour import TITLE\nfrom fairlead import Fairlead\nmcp = Fairlead(TITLE)\n"
        "if __name__ == '__main__':\n    raise SystemExit('ran')\n"
    )
    assert python.load(written(tmp_path / "boats.py", text)).name == "from beside"


def test_a_file_that_is_called_like_a_module_does_not_take_its_place(tmp_path):
    import json

    text = "from dataclasses import dataclass\n@dataclass\nclass Boat:\n    name: 'str'\n"
    source = written(tmp_path / "json.py", text + SERVER.format(name="mcp", title="named json"))
    assert python.load(source).name == "named json"
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("none.py", "There is no file 'none.py': give the path of a Python file"),
        ("none.py:mcp", "There is no file 'none.py'"),
        ("no_such_module", "There is no module 'no_such_module': give a Python file"),
        ("no_such.module:mcp", "There is no module 'no_such.module'"),
        ("./boats", "is neither a Python file (tools.py) nor the name of a module"),
        ("boats.py:", "is neither a Python file"),
        ("", "is neither a Python file"),
        (".", "is neither a Python file"),
        ("boats.txt", "There is no module 'boats.txt'"),
        (".py", "There is no file"),
        ("boats.py:add", "has no Fairlead server called add; it has other: add ':other'"),
        ("boats.py", "has no Fairlead server called mcp or server or app; it has other: add ':other'"),
        ("empty.py", "has no Fairlead server called mcp or server or app; make one: mcp = Fairlead('my tools')"),
    ],
)
def test_a_source_that_is_not_there_is_told_with_the_next_step(tmp_path, source, told):
    written(tmp_path / "boats.py", "def add(): ...\n" + SERVER.format(name="other", title="other"))
    written(tmp_path / "empty.py", "")
    with pytest.raises(UsageError) as caught:
        python.load(source)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("def deep():\n    return 1 / 0\ndeep()\n", "ZeroDivisionError"),
        ("import no_such_thing\n", "ModuleNotFoundError"),
        ("mcp = (\n", "SyntaxError"),
        ("from fairlead import Fairlead\nmcp = Fairlead('x', port='many')\n", "ValidationError"),
    ],
)
@pytest.mark.parametrize("source", ["boats.py", "boats"])
def test_a_source_that_raises_is_told_with_the_traceback_of_its_own_code(tmp_path, text, kind, source):
    written(tmp_path / "boats.py", text)
    with pytest.raises(UsageError) as caught:
        python.load(source)
    assert f"{source} raised {kind} while it was loaded" in str(caught.value)
    trace = caught.value.trace
    assert "boats.py" in trace and kind in trace
    assert "sources/python.py" not in trace and "importlib" not in trace


def test_a_source_that_misuses_fairlead_is_told_what_it_did(tmp_path):
    text = SERVER.format(name="mcp", title="x") + "@mcp.tool('no such name!')\ndef f() -> None: ...\n"
    with pytest.raises(UsageError) as caught:
        python.load(written(tmp_path / "boats.py", text))
    assert "cannot name a tool" in str(caught.value)
