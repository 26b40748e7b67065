"""The fuzz target in short, and proof that it would find what it looks for."""

from random import Random

import pytest

from fairlead.errors import CODES, PeerError
from fairlead.wire import Failure, Notification, Request, decode
from fuzz import __main__ as command
from fuzz import decoder, mutations
from fuzz.decoder import Report, feed, frames

FRAME = '{"jsonrpc":"2.0","id":1,"method":"m"}'


@pytest.mark.requirement("ERR-01", "ERR-02")
@pytest.mark.within(120)
def test_twenty_thousand_inputs_make_a_message_or_an_error_each():
    report = Report()
    for chunk in range(20):
        report.add(feed(frames(7, chunk, 1_000)))
    assert not report.findings, report.findings[0]
    assert report.outcomes.total() == 20_000
    kinds = {"request", "notification", "response", "failure", "batch", "-32700 with id", "-32600 with id"}
    assert min(report.outcomes[kind] for kind in kinds) > 50


def test_a_seed_makes_the_same_inputs_and_another_seed_others():
    assert list(frames(1, 2, 200)) == list(frames(1, 2, 200))
    assert list(frames(1, 2, 200)) != list(frames(2, 2, 200))
    assert list(frames(1, 2, 200)) != list(frames(1, 3, 200))


def test_inputs_are_bytes_and_text_and_some_hold_half_a_surrogate_pair():
    made = list(frames(1, 0, 2_000))
    text = [frame for frame in made if isinstance(frame, str)]
    assert 500 < len(text) < 1_500
    assert [frame for frame in text if any("\ud800" <= letter <= "\udfff" for letter in frame)]


@pytest.mark.parametrize("mutation", set(mutations.MUTATIONS), ids=lambda one: one.__name__)
def test_each_mutation_takes_any_frame_and_changes_some(mutation):
    random = Random(1)
    changed = 0
    for frame in [b"", b"a", b"\xff\x00", FRAME.encode()] * 50:
        changed += mutation(random, frame) != frame
    assert changed > 20


def broken(value):
    def instead(frame):
        if isinstance(value, Exception):
            raise value
        return value

    return instead


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (ValueError("oops"), "oops"),
        (RecursionError(), "RecursionError"),
        (PeerError(5, "no such code"), "code 5"),
        (PeerError(next(iter(CODES)), "no", id=1.5), "id 1.5"),
        (Request(2, "m"), "the id is another"),
        (Request(True, "m"), "the id is of another type"),
        (Request(1, "n"), "the method is another"),
        (Request(1, "m", b"{]"), "malformed"),
        (Failure(1, 5, "x"), "the method is another"),
        ("something", "a str came out"),
        ([Notification("m")], "members were lost"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_decoder_that_breaks_its_promise_is_found(value, why):
    report = feed(iter([FRAME]), broken(value))
    assert len(report.findings) == 1
    assert report.findings[0].frame == FRAME
    assert why in report.findings[0].why


def test_a_key_that_stands_twice_is_found():
    report = feed(iter(['{"jsonrpc":"2.0","id":1,"id":1,"method":"m"}']), broken(Request(1, "m")))
    assert "stood twice" in report.findings[0].why


def test_a_decoder_that_is_slow_is_found(monkeypatch):
    monkeypatch.setattr(decoder, "SECONDS", 0.0)
    report = feed(iter([FRAME]))
    assert "took" in report.findings[0].why
    assert report.slowest_frame == FRAME


def test_the_command_prints_its_figures_and_ends_with_zero(capsys, tmp_path):
    assert command.main(["--inputs", "1500", "--seed", "3", "--jobs", "1"], tmp_path) == 0
    printed = capsys.readouterr().out
    assert "1,500 inputs" in printed
    assert "slowest:" in printed
    assert not list(tmp_path.iterdir())


def test_the_command_keeps_what_broke_the_decoder_and_ends_with_one(capsys, tmp_path, monkeypatch):
    def fails(task):
        return feed(iter([FRAME, b"\xff", "\ud800"]), broken(ValueError("oops")))

    monkeypatch.setattr(command, "work", fails)
    assert command.main(["--inputs", "3", "--jobs", "1"], tmp_path) == 1
    kept = {path.suffix: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(kept) == {".txt", ".bin", ".why"}
    assert kept[".bin"] == b"\xff"
    assert b"oops" in kept[".why"]
    assert "3 inputs did not end as promised" in capsys.readouterr().err


def test_the_number_of_processes_changes_no_input():
    alone = command.run(inputs=2_500, seed=5, jobs=1)
    together = command.run(inputs=2_500, seed=5, jobs=2)
    assert alone.outcomes == together.outcomes
    assert alone.outcomes.total() == 2_500


def test_what_passes_is_what_the_decoder_says():
    assert feed(iter([FRAME, FRAME.encode()]), decode).outcomes == {"request": 2}
