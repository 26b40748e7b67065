"""`fairlead call`: arguments as the schema wants them, results as people read them, exit codes as programs do."""

import asyncio
import json
import os
import pty
import sys

import pytest

from fairlead.cli.typed import misfit, read_arguments
from fairlead.errors import UsageError
from tests.cli.visits import CHILD, harboured, visit
from tests.serve.harbour import ROOT, WAIT
from tests.sources.mooring import SHORE

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "x": {"type": "number"},
        "on": {"type": "boolean"},
        "text": {"type": "string"},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "many": {"type": "array"},
        "part": {"type": "object"},
        "colour": {"enum": ["red", "1"]},
    },
}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("n=3", 3),
        ("x=2.5", 2.5),
        ("on=true", True),
        ("text=3", "3"),
        ("text=true", "true"),
        ("text=", ""),
        ("text=a=b", "a=b"),
        ("maybe=null", None),
        ("maybe=5", "5"),
        ("many=[1, 2]", [1, 2]),
        ('part={"a": 1}', {"a": 1}),
        ("colour=1", "1"),
        ("unknown=3", 3),
        ("unknown=word", "word"),
        ("n=word", "word"),
    ],
)
def test_a_value_is_what_the_schema_wants(word, value):
    assert read_arguments([word], SCHEMA) == {word.partition("=")[0]: value}


def test_all_arguments_may_come_as_one_object():
    assert read_arguments(['{"n": 1, "text": "a"}'], SCHEMA) == {"n": 1, "text": "a"}


@pytest.mark.parametrize("words", [["n"], ["=3"], ['{"n": 1'], ['{"n": 1}', "x=1"]])
def test_words_that_are_no_arguments_are_refused(words):
    with pytest.raises(UsageError):
        read_arguments(words, SCHEMA)


def test_no_schema_is_ever_fetched_and_a_broken_one_refuses_nothing():
    assert misfit({}, {"$ref": "http://127.0.0.1:1/schema"}) is None
    assert misfit({}, {"type": "nonsense"}) is None
    assert misfit({"a": ["x"]}, {"properties": {"a": {"items": {"type": "integer"}}}}).startswith("$.a[0]: ")


@pytest.mark.parametrize("era", ["stateless", "handshake"])
def test_a_result_is_printed_and_the_exit_code_tells(capsys, era):
    with harboured() as url:
        assert visit(capsys, "call", "--era", era, url, "add", "a=2", "b=40") == (0, "42\n", "")
        assert visit(capsys, "call", "--era", era, url, "add", '{"a": 1, "b": 1}') == (0, "2\n", "")
        code, out, _ = visit(capsys, "call", "--era", era, url, "refuse")
        assert (code, out) == (5, "no boats today\n")
        code, out, err = visit(capsys, "call", "--era", era, url, "add", "a=x", "b=1")
        assert (code, out) == (6, "") and "$.a" in err
        code, out, err = visit(capsys, "call", "--era", era, url, "row")
        assert (code, out) == (1, "") and "'row'" in err and "add" in err
        code, out, _ = visit(capsys, "call", "--json", "--era", era, url, "add", "a=1", "b=2")
        assert code == 0 and json.loads(out)["structuredContent"] == {"result": 3}


def test_a_command_is_called_too(capsys, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "src")
    assert visit(capsys, "call", "add", "a=1", "b=-3", *CHILD)[:2] == (0, "-2\n")


def test_a_call_that_takes_too_long_is_exit_code_4(capsys):
    with harboured() as url:
        code, _, err = visit(capsys, "call", "--timeout", "0.2", url, "hang")
    assert code == 4 and "tools/call was not answered" in err


def test_a_server_that_wants_credentials_is_exit_code_3(capsys, run):
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def talk():
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            for scheme in ("ws", "http"):
                url = f"{scheme}://127.0.0.1:{port}/mcp"
                code, _, err = await asyncio.to_thread(visit, capsys, "call", url, "add")
                assert code == 3, err

    run(talk())


def test_on_a_terminal_progress_is_shown_and_questions_are_asked(run):
    async def talk():
        ours, theirs = pty.openpty()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fairlead", "call", "ask", *("--", sys.executable, "-m", "fairlead", "serve"),
            str(SHORE), "--transport", "stdio",
            stdin=theirs, stdout=asyncio.subprocess.PIPE, stderr=theirs,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        said = b""
        async with asyncio.timeout(WAIT):
            while b"n (integer):" not in said:
                said += await asyncio.to_thread(os.read, ours, 1024)
            os.write(ours, b"12\n")
            assert child.stdout is not None
            out = await child.stdout.read()
            assert await child.wait() == 0
        os.close(ours)
        assert b"The server asks: How many?" in said
        assert out == b"accept {'n': 12}\n"

    run(talk(), within=20)
