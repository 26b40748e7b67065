"""Ids: exactly as they came, or refused; and found in frames that cannot be read."""

import json

import pytest

from fairlead.errors import INVALID_REQUEST
from fairlead.wire import Request, decode, encode, find_id
from tests.wire.frames import request, verdict

IDS = [
    "0",
    "-1",
    "7",
    '""',
    '"a"',
    '"7"',
    '"caf\u00e9"',
    '"\U0001f600"',
    '"line\\nbreak, \\"quote\\", \\\\, \\u0000"',
    '"]}{["',
    '"id"',
    str(2**53 - 1),
    str(2**63 - 1),
    str(2**63),
    str(2**64),
    str(-(2**63) - 1),
    "12345678901234567890123",
    '"' + "x" * 5000 + '"',
]


@pytest.mark.requirement("SERVER-10")
@pytest.mark.parametrize("id", IDS)
def test_an_id_comes_back_exactly(id):
    message = decode(request(id=id))
    assert isinstance(message, Request)
    assert type(message.id) is type(json.loads(id))
    assert message.id == json.loads(id)
    answer = encode.result(message.id, None)
    assert json.loads(answer)["id"] == json.loads(id)
    assert decode(answer).id == message.id
    assert decode(request(id=id).encode()) == message


@pytest.mark.requirement("SERVER-11")
@pytest.mark.parametrize("id", ["null", "true", "false", "1.5", "1.0", "-0.0", "1e2", "{}", "[]", "[1]"])
def test_a_request_whose_id_is_neither_string_nor_integer_is_refused_without_id(id):
    assert verdict(request(id=id)) == (INVALID_REQUEST, None)
    assert verdict(f'{{"jsonrpc":"2.0","id":{id},"method":"m"}}') == (INVALID_REQUEST, None)


# --- the id of a broken frame --------------------------------------------------------------------------


@pytest.mark.parametrize("id", IDS)
def test_the_id_of_a_broken_frame_is_found(id):
    for frame in (request(id=id)[:-2], request(id=id) + "]", request(id=f" {id} ", params="[NaN]")):
        assert find_id(frame) == json.loads(id)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        '{"params":{"id":1}',
        '{"params":[{"id":1}',
        '{"method":"\\"id\\":1"',
        '{"method":"id"',
        '[{"id":1}',
        '["id":1]',
        '"id":1',
        'x{"id":1}',
        '{"id":1,"id":2',
        '{"id":1,"\\u0069d":2',
        '{"id":1,"i\\u0064":1',
        '{"id":1,"method":"m"}{"id":2}',
        '{"id":12',
        '{"id":1.',
        '{"id":1.5,',
        '{"id":1e2,',
        '{"id":012,',
        '{"id":-,',
        '{"id":true,',
        '{"id":null,',
        '{"id":NaN,',
        '{"id":[1],',
        '{"id":{"id":1},',
        '{"id":"a',
        '{"id":"\\ud800",',
        '{"id":"\ud800",',
        '{"id":"a\n",',
        '{"id":',
        '{"id"',
        '{"id":' + "9" * 5000 + ",",
        '{"id":' + "[" * 100_000,
        '{"a":[' + '{"id":1},' * 60_000 + '],"id":1,',
    ],
)
def test_an_id_that_is_not_sure_is_not_told(frame):
    assert find_id(frame) is None


def test_the_id_is_found_in_front_of_and_behind_ten_thousand_others():
    records = '"params":[' + '{"id":"x","v":NaN},' * 10_000 + "{}]"
    assert find_id('{"jsonrpc":"2.0","id":5,' + records + "}") == 5
    assert find_id('{"jsonrpc":"2.0",' + records + ',"id":5}') == 5


def test_an_escaped_key_is_read_as_the_id():
    assert find_id('{"\\u0069d":5,"method":') == 5
