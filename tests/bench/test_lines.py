"""The callers write what the standards say, and cut answers out of any chunks."""

from bench.load.http import Answer, joined_chunks, message_in
from bench.load.websocket import FrameTemplate, head, masked
from bench.messages import ADD, SLOT, Era, call_template


def test_a_filled_frame_is_the_filled_text_under_its_mask() -> None:
    template = call_template(ADD, Era.STATELESS)
    text = template.replace(SLOT, b"12345678")
    frame = FrameTemplate(template).fill(b"12345678")
    opening, length, key, body = frame[0], frame[1:4], frame[4:8], frame[8:]
    assert opening == 0x81
    assert length == b"\xfe" + len(text).to_bytes(2)
    assert bytes(byte ^ key[at % 4] for at, byte in enumerate(body)) == text


def test_a_head_takes_the_shortest_length_that_fits() -> None:
    assert head(1, 125)[1] == 0x80 | 125
    assert head(1, 126)[1:4] == b"\xfe\x00\x7e"
    assert head(1, 65_536)[1:10] == b"\xff" + (65_536).to_bytes(8)
    assert masked(masked(b"twice is nothing")) == b"twice is nothing"


def test_chunks_are_joined_once_the_last_has_come() -> None:
    body = b"4\r\nabcd\r\n2;x=y\r\nef\r\n0\r\n\r\n"
    assert joined_chunks(body) == b"abcdef"
    assert all(joined_chunks(body[:end]) is None for end in range(len(body)))


def test_an_event_stream_gives_its_last_message() -> None:
    events = b'event: message\r\ndata: {"id":1}\r\n\r\n'
    assert message_in(Answer(200, {"content-type": "text/event-stream"}, events)) == b'{"id":1}'
