"""`fairlead read`: lists of resources, text as text and bytes as bytes."""

import json

from fairlead.cli import shown
from tests.cli.visits import harboured, visit


def test_resources_and_families_are_listed(capsys):
    with harboured() as url:
        code, out, _ = visit(capsys, "read", url)
        assert code == 0
        assert [row.split()[0] for row in out.splitlines()] == ["URI", "sea://tide", "notes://{name}"]
        listed = json.loads(visit(capsys, "read", "--json", url)[1])
        assert listed["resourceTemplates"][0]["uriTemplate"] == "notes://{name}"


def test_a_resource_is_printed(capsys):
    with harboured() as url:
        assert visit(capsys, "read", url, "notes://log") == (0, "note log\n", "")
        told = json.loads(visit(capsys, "read", "--json", url, "notes://log")[1])
        assert told["contents"][0]["text"] == "note log"


def test_a_resource_that_is_not_there_is_exit_code_5(capsys):
    with harboured() as url:
        code, out, err = visit(capsys, "read", url, "sea://none")
    assert (code, out) == (5, "") and "sea://none" in err


def test_one_word_too_many_is_exit_code_1(capsys):
    with harboured() as url:
        assert visit(capsys, "read", url, "sea://tide", "more")[0] == 1


def test_bytes_go_out_as_they_are(capfdbinary):
    shown.contents({"uri": "x:y", "blob": "AAH/", "mimeType": "image/png"})
    assert capfdbinary.readouterr().out == b"\x00\x01\xff"
