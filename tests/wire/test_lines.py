"""Bytes to lines, for any chunking."""

from hypothesis import given
from hypothesis import strategies as st

from fairlead.wire.lines import LineSplitter, LineTooLong


def whole(data: bytes, cuts: list[int], limit: int = 50) -> list[bytes | None]:
    """The lines of `data` cut at `cuts`; None for one that is too long."""
    splitter, places = LineSplitter(limit), sorted({cut % (len(data) + 1) for cut in cuts})
    found = []
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        found += splitter.feed(data[start:end])
    found += splitter.end()
    return [None if isinstance(line, LineTooLong) else line for line in found]


def test_lines_lose_their_ends_and_blank_ones_are_left_out():
    assert whole(b"one\ntwo\r\n\n  \n three \nlast", []) == [b"one", b"two", b"three", b"last"]


def test_a_line_over_the_limit_is_dropped_and_told_and_the_next_one_is_read():
    splitter = LineSplitter(5)
    assert splitter.feed(b"12345\n") == [b"12345"]
    [fault] = splitter.feed(b"123456789\n")
    assert isinstance(fault, LineTooLong) and "9 bytes" in str(fault) and "5" in str(fault)
    assert splitter.feed(b"next\n") == [b"next"]


def test_what_is_kept_of_an_endless_line_is_bounded():
    splitter = LineSplitter(1000)
    for _ in range(1000):
        assert splitter.feed(b"x" * 500) == []
        assert sum(map(len, splitter._parts)) <= 1000
    [fault] = splitter.end()
    assert isinstance(fault, LineTooLong)


@given(
    st.lists(st.binary(max_size=80).filter(lambda line: b"\n" not in line), max_size=6),
    st.lists(st.integers(0, 600), max_size=8),
)
def test_any_chunking_makes_the_same_lines(lines, cuts):
    data = b"\n".join(lines)
    assert whole(data, cuts) == whole(data, [])
    assert whole(data, []) == [
        None if len(line) > 50 else line.strip() for line in lines if line.strip() or len(line) > 50
    ]
