"""`fairlead tools`: what a server offers, for people and for programs."""

import json

import pytest

from fairlead.cli import shown
from tests.cli.visits import CHILD, harboured, visit


def test_tools_stand_in_a_table_with_what_they_take(capsys, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "src")
    code, out, _ = visit(capsys, "tools", *CHILD)
    assert code == 0
    head, *rows = out.splitlines()
    assert head.split() == ["NAME", "ARGUMENTS", "DESCRIPTION"]
    assert rows[0].split(maxsplit=3) == ["add", "a:integer", "b:integer", "Add."]
    assert {row.index("Add.") for row in rows if "Add." in row} == {head.index("DESCRIPTION")}


@pytest.mark.parametrize("era", ["stateless", "handshake"])
def test_json_is_what_the_server_sent(capsys, era):
    with harboured() as url:
        code, out, err = visit(capsys, "tools", "--json", "--era", era, url)
    assert (code, err) == (0, "")
    tools = json.loads(out)
    assert tools[0]["name"] == "add" and tools[0]["inputSchema"]["required"] == ["a", "b"]
    assert tools[0]["annotations"] == {"readOnlyHint": True}


def test_a_server_that_is_not_there_is_exit_code_4(capsys):
    code, out, err = visit(capsys, "tools", "ws://127.0.0.1:1/mcp")
    assert (code, out) == (4, "") and err.startswith("fairlead: ") and err.count("\n") == 1


def test_a_program_that_is_not_there_is_exit_code_4(capsys):
    code, _, err = visit(capsys, "tools", "--", "/no/such/program")
    assert code == 4 and "/no/such/program" in err


@pytest.mark.parametrize(
    "words", [[], ["x"], ["ws://127.0.0.1:1/mcp", "--era", "stone"], ["--timeout", "soon", "ws://x"]]
)
def test_wrong_words_are_exit_code_1(capsys, words):
    code, _, err = visit(capsys, "tools", *words)
    assert code == 1 and err


def test_a_header_without_a_colon_and_a_token_that_is_not_set_are_exit_code_1(capsys, monkeypatch):
    monkeypatch.delenv("NO_TOKEN", raising=False)
    assert visit(capsys, "tools", "-H", "Nonsense", "ws://127.0.0.1:1/mcp")[0] == 1
    code, _, err = visit(capsys, "tools", "--token-env", "NO_TOKEN", "ws://127.0.0.1:1/mcp")
    assert code == 1 and "NO_TOKEN" in err


def test_what_a_server_says_moves_no_cursor():
    hostile = "add\x1b[2J\x07\u202e"
    assert shown.clean(hostile) == "add[2J"
    assert shown.line("first\r\nsecond") == "first"


def test_the_last_column_is_cut_where_the_terminal_ends(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    shown.table(("A", "B"), [("name", "word " * 40)], none="nothing")
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= 60
