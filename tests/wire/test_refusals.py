"""What is no JSON, each way of being none: a parse error, under the id where it can be read."""

import json

import msgspec
import pytest

from fairlead.errors import PARSE_ERROR
from fairlead.wire import decode
from tests.wire.frames import plain, refusal, request, verdict

BROKEN = {
    "nothing": "",
    "blanks": " \t\r\n",
    "a word": "hello",
    "zero byte": "\0",
    "open object": "{",
    "open string": '{"jsonrpc":"2.0',
    "open array": "[",
    "vertical tab": "\v" + request(),
    "no-break space": "\u00a0" + request(),
}

BROKEN_UNDER_ID_ONE = {
    "no value": request(params=""),
    "comma at the end": request(params='{"a":1,}'),
    "comma in an array": request(params="[1,]"),
    "no colon": request(params='{"a" 1}'),
    "single quotes": request(params="{'a':1}"),
    "comment": request(params="{} /* */"),
    "control character in a string": request(params='{"a":"\x01"}'),
    "line break in a string": request(params='{"a":"\n"}'),
    "unknown escape": request(params='{"a":"\\x"}'),
    "short escape": request(params='{"a":"\\u12"}'),
    "leading zero": request(params="[01]"),
    "leading plus": request(params="[+1]"),
    "bare minus": request(params="[-]"),
    "no digit before the point": request(params="[.5]"),
    "no digit after the point": request(params="[1.]"),
    "no exponent": request(params="[1e]"),
    "hexadecimal": request(params="[0x1]"),
    "undefined": request(params="[undefined]"),
    "trailing brace": request() + "}",
    "trailing word": request() + " x",
    "trailing zero byte": request() + "\0",
    "trailing value": request() + "1",
    "byte order mark": "\ufeff" + request(),
    "cut short": request()[:-1],
    "NaN": request(params='{"a":NaN}'),
    "Infinity": request(params='{"a":Infinity}'),
    "-Infinity": request(params="[-Infinity]"),
    "NaN beside the params": '{"jsonrpc":"2.0","id":1,"method":"m","x":NaN}',
    "lone high surrogate": request(params='{"a":"\\ud800"}'),
    "lone low surrogate": request(params='["\\udc00"]'),
    "surrogates in the wrong order": request(params='["\\udc00\\ud800"]'),
    "lone surrogate in a key": request(params='{"\\ud800":1}'),
    "lone surrogate in the method": request(method='"\\ud800"'),
    "lone surrogate beside the params": '{"jsonrpc":"2.0","id":1,"method":"m","x":"\\ud800"}',
    "lone surrogate in a result": '{"jsonrpc":"2.0","id":1,"result":"\\ud800"}',
    "lone surrogate that is no escape": request(params='{"a":"\ud800"}'),
}


@pytest.mark.requirement("ERR-01")
@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_json_is_a_parse_error(case):
    assert verdict(BROKEN[case])[0] == PARSE_ERROR


@pytest.mark.requirement("ERR-01")
@pytest.mark.parametrize("case", BROKEN_UNDER_ID_ONE)
def test_what_is_no_json_is_a_parse_error_under_the_id_that_can_be_read(case):
    frame = BROKEN_UNDER_ID_ONE[case]
    assert verdict(frame) == (PARSE_ERROR, 1)
    assert verdict(frame.encode(errors="surrogatepass")) == (PARSE_ERROR, 1)


def test_a_pair_of_surrogates_is_a_character():
    assert plain(decode(request(params='{"a":"\\ud83d\\ude00"}')))["params"] == {"a": "\U0001f600"}


OVERFLOWS = {
    "exponent": "1e400",
    "negative": "-1e400",
    "capital": "1E400",
    "plus": "1e+400",
    "zeros": "1e00000400",
    "fraction": "1.5e309",
    "just too large": "1.8e308",
    "digits and a point": "9" * 400 + ".5",
    "digits and an exponent": "9" * 220 + "e90",
    "more digits than Python reads": "9" * 5000,
}
PLACES = {
    "params": request(params='{"a":NUMBER}'),
    "an array": request(params="[1,[NUMBER]]"),
    "a result": '{"jsonrpc":"2.0","id":1,"result":NUMBER}',
    "the data of an error": '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","data":NUMBER}}',
    "a member that nobody decodes": '{"jsonrpc":"2.0","id":1,"method":"m","x":NUMBER,"params":{}}',
    "a member beside none": '{"jsonrpc":"2.0","id":1,"method":"m","x":NUMBER}',
    "a large frame": request(params="[" + '"filling",' * 5000 + "NUMBER]"),
}


@pytest.mark.requirement("ERR-01")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", OVERFLOWS)
def test_a_number_past_the_doubles_is_a_parse_error_wherever_it_stands(number, place):
    assert verdict(PLACES[place].replace("NUMBER", OVERFLOWS[number])) == (PARSE_ERROR, 1)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", [*OVERFLOWS.values(), "NaN", "[" * 100, "e000"])
def test_in_a_string_any_number_is_text(text, place):
    message = decode(PLACES[place].replace("NUMBER", f'"{text}"'))
    for part in (getattr(message, name, None) for name in ("params", "result", "data")):
        assert part is None or msgspec.json.decode(part) is not None


@pytest.mark.parametrize("number", ["1e-400", "1.7e308", "1e15", "9" * 200, "9" * 400, "0." + "9" * 400, "-0"])
def test_a_number_that_json_can_hold_passes(number):
    assert plain(decode(request(params=f'{{"a":{number}}}')))["params"] == {"a": json.loads(number)}


def test_an_id_past_the_doubles_is_refused_without_id():
    assert verdict(request(id="1e400")) == (PARSE_ERROR, None)
    assert verdict(request(id="9" * 5000)) == (PARSE_ERROR, None)


@pytest.mark.requirement("ERR-01")
def test_bytes_that_are_not_utf_8_are_a_parse_error_under_the_id_that_can_be_read():
    assert verdict(b'{"jsonrpc":"2.0","id":7,"method":"m","params":{"a":"\xff"}}') == (PARSE_ERROR, 7)
    assert verdict(b'{"jsonrpc":"2.0","id":"a","method":"\xc0\xaf"}') == (PARSE_ERROR, "a")
    assert verdict(b'{"jsonrpc":"2.0","id":7,"method":"\xed\xa0\x80"}') == (PARSE_ERROR, 7)
    assert verdict(b"\xff") == (PARSE_ERROR, None)
    assert "byte 0" in refusal(b"\xff").message


def test_an_id_that_is_itself_not_utf_8_is_unknown():
    assert verdict(b'{"jsonrpc":"2.0","id":"\xff","method":"m"}') == (PARSE_ERROR, None)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "utf-8-sig"])
def test_another_encoding_is_a_parse_error(encoding):
    assert verdict(request().encode(encoding))[0] == PARSE_ERROR
