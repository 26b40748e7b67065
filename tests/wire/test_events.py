"""Server-sent events: the same events however the bytes are cut, bounded, and by the letter of the standard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.wire.events import EventLengthError, EventParser, ServerEvent

LIMIT = 10_000
LINES = st.sampled_from(
    ["data: a", "data:b", "data", "data:  two blanks", "event: ping", "event", "id: 7", "id", "id: x\0y", "retry: 20"]
    + ["retry: soon", "retry: ²", ": a comment", ":", "unknown: x", "", "", "data: ü🌊", "data: a: b"]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def parse(stream: bytes, cuts: list[int] = ()) -> list[ServerEvent]:
    parser, found, places = EventParser(LIMIT), [], sorted(min(cut, len(stream)) for cut in cuts)
    for begin, end in zip([0, *places], [*places, len(stream)], strict=True):
        found += parser.feed(stream[begin:end])
    return found


def slowly(stream: str) -> list[ServerEvent]:
    """The standard's own algorithm, in its own order."""
    found, data, kind, id, retry = [], [], "", None, None
    lines = stream.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data or id is not None or retry is not None:
                found.append(ServerEvent(kind or "message", "\n".join(data), id, retry))
            data, kind, id, retry = [], "", None, None
        elif name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            retry = int(value)
    return found


@given(st.lists(st.tuples(LINES, ENDS), max_size=30), st.lists(st.integers(0, 400), max_size=8))
def test_however_a_stream_is_cut_its_events_are_the_standards(lines, cuts):
    stream = "".join(line + end for line, end in lines)
    # A return at the very end may still be followed by its feed: the line counts as ended all the same.
    assert parse(stream.encode(), cuts) == slowly(stream)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_any_bytes_give_the_same_events_whole_and_in_pieces(stream, cuts):
    assert parse(stream, cuts) == parse(stream)


def test_a_return_and_its_feed_in_two_chunks_are_one_line_end():
    assert parse(b"data: a\r\n\r\ndata: b\r\n\r\n", [8, 10]) == [
        ServerEvent("message", "a", None, None),
        ServerEvent("message", "b", None, None),
    ]


def test_an_empty_chunk_between_them_changes_nothing():
    assert parse(b"data: a\r\n\r\n", [8, 8]) == [ServerEvent("message", "a", None, None)]
    parser = EventParser(LIMIT)
    found = [event for chunk in (b"data: a\r", b"", b"\ndata: b\r\n\r\n") for event in parser.feed(chunk)]
    assert found == [ServerEvent("message", "a\nb", None, None)]


def test_a_byte_order_mark_before_the_first_line_is_left_out():
    assert parse(b"\xef\xbb\xbfdata: a\n\n", [1, 2]) == [ServerEvent("message", "a", None, None)]


def test_an_event_with_an_id_alone_is_told_since_a_stream_may_be_taken_up_after_it():
    assert parse(b"id: 0-0\nretry: 1000\ndata: \n\n") == [ServerEvent("message", "", "0-0", 1000)]
    assert parse(b"event: nothing\n\n") == []


def test_comments_are_counted_as_signs_of_life():
    parser = EventParser(LIMIT)
    assert parser.feed(b": still here\n\n: and here\n\n") == [] and parser.comments == 2


@pytest.mark.parametrize("stream", [b"data: " + b"x" * LIMIT, b"data: abcdefgh\n" * (LIMIT // 10), b"x" * (LIMIT + 1)])
def test_an_event_over_the_limit_ends_the_stream_however_it_is_cut(stream):
    for step in (len(stream), 100, 7):
        parser = EventParser(LIMIT)
        with pytest.raises(EventLengthError, match=f"limit of {LIMIT}"):
            for at in range(0, len(stream), step):
                parser.feed(stream[at : at + step])


def test_many_small_events_never_reach_the_limit_of_one():
    parser = EventParser(100)
    assert sum(len(parser.feed(b"data: 0123456789\n\n")) for _ in range(1_000)) == 1_000


def test_one_byte_at_a_time_costs_no_more_than_the_bytes():
    parser, stream = EventParser(10_000_000), b"data: " + b"x" * 200_000 + b"\n\n"
    [event] = [event for at in range(len(stream)) for event in parser.feed(stream[at : at + 1])]
    assert len(event.data) == 200_000
