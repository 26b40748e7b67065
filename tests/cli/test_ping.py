"""`fairlead ping`: who answers, in which version, and how fast."""

import json

import pytest

from tests.cli.visits import harboured, visit


@pytest.mark.parametrize(("era", "version"), [("stateless", "2026-07-28"), ("handshake", "2025-11-25")])
def test_a_server_that_answers_is_told_with_what_it_speaks(capsys, era, version):
    with harboured() as url:
        code, out, err = visit(capsys, "ping", "--era", era, url)
        assert (code, err) == (0, "")
        assert out.startswith(f"shore 3.1: MCP {version}, ") and out.endswith(" ms\n")
        told = json.loads(visit(capsys, "ping", "--json", "--era", era, url)[1])
        assert (told["server"], told["protocol"]) == ("shore", version) and told["milliseconds"] > 0


def test_the_same_server_answers_over_http(capsys):
    with harboured() as url:
        assert visit(capsys, "ping", url.replace("ws://", "http://"))[0] == 0


def test_nobody_there_is_exit_code_4(capsys):
    assert visit(capsys, "ping", "http://127.0.0.1:1/mcp")[0] == 4


def test_a_word_too_many_is_exit_code_1(capsys):
    with harboured() as url:
        assert visit(capsys, "ping", url, "again")[0] == 1
