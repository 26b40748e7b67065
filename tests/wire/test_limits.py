"""Frames at their bounds, and past them."""

import msgspec
import pytest

from fairlead.errors import INVALID_REQUEST, PARSE_ERROR, PeerError
from fairlead.wire import Limits, Request, decode
from tests.wire.frames import nested, refusal, request

DEEP = "[" * 100 + "{" * 100


def test_the_bounds_are_those_of_the_design():
    assert msgspec.structs.asdict(Limits()) == {"frame_bytes": 4 * 1024 * 1024, "nesting": 64, "batch": 50}


def test_the_bounds_can_not_be_changed_afterwards():
    with pytest.raises(AttributeError):
        Limits().nesting = 1


@pytest.mark.parametrize("letter", ["a", "é", "\U0001f600"])
def test_a_frame_of_the_largest_size_passes_and_one_byte_more_does_not(letter):
    frame = request(params=f'["{letter * 100}"]')
    size = len(frame.encode())
    for form in (frame, frame.encode()):
        assert isinstance(decode(form, Limits(frame_bytes=size)), Request)
        error = refusal(form, Limits(frame_bytes=size - 1))
        assert (error.code, error.id, error.data) == (INVALID_REQUEST, None, {"limit": size - 1})
        assert str(size) in error.message


def test_a_frame_of_four_mebibytes_passes_by_default():
    frame = request(params='["\0"]').replace("\0", "x" * (4 * 1024 * 1024 - len(request(params='[""]'))))
    assert len(frame) == 4 * 1024 * 1024
    assert isinstance(decode(frame), Request)
    assert refusal(frame + " ").code == INVALID_REQUEST


@pytest.mark.requirement("ERR-01")
def test_a_message_may_nest_64_deep_and_not_65():
    assert isinstance(decode(nested(64)), Request)
    error = refusal(nested(65))
    assert (error.code, error.id, error.data) == (PARSE_ERROR, 1, {"limit": 64})


@pytest.mark.parametrize("mixed", ['{"a":' * 63 + "1" + "}" * 63, '[{"":' * 31 + "[]" + "}]" * 31])
def test_objects_and_arrays_count_alike(mixed):
    assert isinstance(decode(request(params=mixed)), Request)
    assert refusal(request(params=f"[{mixed}]")).code == PARSE_ERROR


@pytest.mark.parametrize(
    "params",
    [f'["{DEEP}"]', f'{{"{DEEP}":"\\"{DEEP}"}}', f'["\\\\","{DEEP}"]', f'["\\\\\\"{DEEP}"]', "[" + "[]," * 99 + "{}]"],
)
def test_brackets_in_strings_and_side_by_side_do_not_nest(params):
    assert isinstance(decode(request(params=params)), Request)


def test_nesting_counts_in_members_that_nobody_decodes():
    deep = "[" * 64 + "]" * 64
    assert refusal(f'{{"jsonrpc":"2.0","id":1,"method":"m","x":{deep}}}').id == 1


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_another_bound_of_nesting_holds_as_exactly(levels):
    limits = Limits(nesting=levels)
    bare = '{"jsonrpc":"2.0","id":1,"method":"m"}'
    assert isinstance(decode(nested(levels) if levels > 1 else bare, limits), Request)
    assert refusal(nested(levels + 1), limits).code == PARSE_ERROR


def test_the_members_of_a_batch_may_nest_as_deep_as_a_message():
    assert isinstance(decode(f"[{nested(64)}]")[0], Request)
    assert refusal(f"[{nested(65)}]").code == PARSE_ERROR


@pytest.mark.parametrize("bomb", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("size", [100, 1000, 100_000])
def test_a_nesting_bomb_is_a_parse_error(bomb, size):
    assert refusal(bomb * size).code == PARSE_ERROR
    assert refusal(request(params=bomb * size)).code == PARSE_ERROR


def test_a_batch_holds_50_messages_and_not_51():
    assert len(decode("[" + ",".join([request()] * 50) + "]")) == 50
    error = refusal("[" + ",".join([request()] * 51) + "]")
    assert (error.code, error.data) == (INVALID_REQUEST, {"limit": 50})


def test_another_bound_of_a_batch_holds_as_exactly():
    assert len(decode(f"[{request()}]", Limits(batch=1))) == 1
    assert refusal("[1,1]", Limits(batch=1)).code == INVALID_REQUEST


def test_a_batch_of_two_million_members_is_refused_without_keeping_them():
    error = refusal("[" + "1," * 2_000_000 + "1]")
    assert (error.code, error.data) == (INVALID_REQUEST, {"limit": 50})


@pytest.mark.parametrize(
    "frame",
    [
        '{"' + '\\"' * 1_000_000,
        "[" * 70 + '"' + '\\"' * 1_000_000,
        '{"' + '\\"' * 1_000_000 + "\\",
        request(params="[" + '""' * 1_000_000),
        request(params="[" + '{"id":1},' * 300_000),
        '"id":' * 500_000,
        '{"id":' + "[" * 2_000_000,
    ],
    ids=["quotes", "deep quotes", "a backslash", "strings", "ids", "keys", "an id of brackets"],
)
@pytest.mark.within(10)
def test_the_time_for_a_frame_grows_no_faster_than_the_frame(frame):
    # Quadratic work on a megabyte takes an hour; nothing here measures a time, the bound of the test does.
    with pytest.raises(PeerError):
        decode(frame)
