"""The cheap looks at a frame: they may suspect too much, and never too little."""

import json

import pytest

from fairlead.wire import scan


@pytest.mark.parametrize(
    ("frame", "depth"),
    [
        ("1", 0),
        ("[]", 1),
        ("[[],[],[]]", 2),
        ('{"a":[{"b":[]}]}', 4),
        ('["[[[[","{{{{"]', 1),
        (r'["\"[[[[\\",[]]', 2),
        (r'["\\\\",["\\"]]', 2),
        (r'["\\\"[[["]', 1),
        ('["\u00e9[",["\U0001f600"]]', 2),
    ],
)
def test_the_depth_of_a_text_is_that_of_its_brackets_outside_of_strings(frame, depth):
    json.loads(frame)
    assert scan.too_deep(frame, depth - 1) or not depth
    assert not scan.too_deep(frame, depth)


def test_depth_is_looked_at_in_text_that_is_no_json_too():
    assert scan.too_deep("[" * 200, 64)
    assert not scan.too_deep("[" * 64 + '"' + "[" * 200, 64)
    assert not scan.too_deep("]" * 200 + "[" * 200, 64)
    assert not scan.too_deep('"\\', 0)


@pytest.mark.parametrize(
    "number", ["1e400", "1E400", "1e+400", "1E+0400", "1.8e308", "9" * 210 + "e99", "9" * 400, "9" * 309 + ".0"]
)
def test_a_number_that_may_be_past_the_doubles_is_suspected(number):
    assert scan.may_overflow(f"[{number}]".encode())
    assert scan.may_overflow(f'{{"a":-{number},"b":1}}'.encode())


@pytest.mark.parametrize("value", ["{}", "1e99", "1e-400", "9" * 209 + "e99", '"e00"', "0." + "1" * 200, "E"])
def test_a_number_that_can_not_be_is_not_suspected(value):
    assert not scan.may_overflow(f"[{value}]".encode())


ENVELOPE = '{"jsonrpc":"2.0","id":1,"method":"m","params":%s}'
QUOTES = ENVELOPE.count('"')


def test_a_frame_with_just_its_own_quotes_repeats_no_key():
    for inner in ("{}", '{"id":1,"a":"\\"\\u0069d"}', '["\u00e9"]'):
        assert not scan.may_repeat(ENVELOPE % inner, inner.encode(), QUOTES)


def test_a_frame_with_more_quotes_is_counted_key_by_key():
    more = '{"jsonrpc":"2.0","x":"id","id":1,"method":"m","params":{}}'
    assert scan.may_repeat(more, b"{}", QUOTES)
    assert not scan.may_repeat(more.replace('"id",', '"ids",'), b"{}", QUOTES)
    assert scan.may_repeat(more.replace('"x"', '"\\u0078"').replace('"id",', '"y",'), b"{}", QUOTES)


@pytest.mark.parametrize("key", ["jsonrpc", "id", "method", "params", "result", "error"])
def test_the_key_that_stands_twice_is_named(key):
    assert scan.repeated_key(f'{{"{key}":1,"{key}":{{"a":1}}}}') == key
    assert scan.repeated_key(f'{{"{key}":1,"x":{{"{key}":2}}}}') is None


def test_a_key_of_no_account_may_stand_twice():
    assert scan.repeated_key('{"x":1,"x":2,"params":{"id":1,"id":2}}') is None


def test_the_places_of_ids_are_those_of_the_top_level():
    def after(frame):
        return [frame[place:] for place in scan.id_places(frame)]

    assert after('{"id":5}') == ["5}"]
    assert after(' { "a":{"id":1}, "id" \n: 5}') == ["5}"]
    assert after('{"x":"\\"id\\":","\u00e9":"\\\\","id":5}') == ["5}"]
    assert after('{"id":1,"id":2,"id":3}') == ['1,"id":2,"id":3}', '2,"id":3}']
    assert after('{"id","a":"id"}') == []
    assert after('[{"id":1}]') == []
