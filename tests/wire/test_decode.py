"""What a frame becomes: each kind of message, and each way of being none."""

import json

import pytest

from fairlead.errors import INVALID_REQUEST, PARSE_ERROR, PeerError
from fairlead.wire import Failure, Notification, Request, Response, decode
from tests.wire.frames import plain, refusal, request, verdict

# --- messages ------------------------------------------------------------------------------------------


def test_a_request_keeps_its_params_as_they_came():
    message = decode('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name": "add",  "b":1.0}}')
    assert isinstance(message, Request)
    assert (message.id, message.method) == (1, "tools/call")
    assert bytes(message.params) == b'{"name": "add",  "b":1.0}'


def test_text_and_bytes_become_the_same_message():
    for frame in (request(), request(params='{"a":"caf\u00e9"}'), '{"jsonrpc":"2.0","method":"n"}'):
        assert plain(decode(frame)) == plain(decode(frame.encode()))


def test_a_request_without_params_has_none():
    assert decode('{"jsonrpc":"2.0","id":1,"method":"ping"}') == Request(1, "ping", None)


def test_null_params_are_no_params():
    assert decode(request(params="null")) == Request(1, "m", None)
    assert decode('{"jsonrpc":"2.0","method":"n","params": null }') == Notification("n", None)


def test_params_may_be_an_array():
    assert plain(decode(request(params="[1, 2]")))["params"] == [1, 2]


@pytest.mark.requirement("ERR-02")
@pytest.mark.parametrize("params", ["1", "1.5", '"x"', "true", "false"])
def test_params_that_are_a_scalar_are_refused_under_the_id(params):
    assert verdict(request(params=params)) == (INVALID_REQUEST, 1)


def test_a_message_without_an_id_is_a_notification():
    message = decode('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
    assert plain(message) == {
        "kind": "Notification",
        "method": "notifications/cancelled",
        "params": {"requestId": 1},
    }


def test_members_may_come_in_any_order_and_with_any_blanks():
    text = ' \t\r\n{ "params" : {"a":1} ,\n"method":"m"\t, "id" : 5 , "jsonrpc" : "2.0" } \n'
    assert plain(decode(text)) == {"kind": "Request", "id": 5, "method": "m", "params": {"a": 1}}


def test_members_that_nobody_knows_are_let_pass():
    assert decode('{"jsonrpc":"2.0","id":1,"method":"m","trace":{"id":9},"x":[]}') == Request(1, "m", None)


def test_escapes_in_method_and_id_are_read():
    assert decode(request(method=r'"tools\/\u0063all"', id=r'"\u0061"', params="null")) == Request("a", "tools/call")


def test_a_result_may_be_any_value():
    for value in ("{}", "null", "3", '"x"', "[]", "false"):
        message = decode(f'{{"jsonrpc":"2.0","id":"a","result":{value}}}')
        assert plain(message) == {"kind": "Response", "id": "a", "result": json.loads(value)}


def test_a_result_with_a_null_error_beside_it_is_a_result():
    assert plain(decode('{"jsonrpc":"2.0","id":1,"error":null,"result":{}}'))["kind"] == "Response"


@pytest.mark.requirement("ERR-02")
def test_a_result_with_a_real_error_beside_it_is_refused_and_not_answered():
    # An id would make the refusal look like an answer to a request of the peer's.
    assert verdict('{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"m"}}') == (INVALID_REQUEST, None)


def test_an_error_keeps_code_message_and_data():
    message = decode('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no","data":{"a":1}}}')
    assert plain(message) == {"kind": "Failure", "id": 1, "code": -32601, "message": "no", "data": {"a": 1}}


@pytest.mark.parametrize(
    ("error", "code"),
    [("{}", 0), ('{"message":"m"}', 0), ('{"code":null}', 0), ('{"code":-32601.0}', -32601), ('{"code":1.5}', 0)],
)
def test_an_error_with_a_sloppy_code_is_still_an_error(error, code):
    message = decode(f'{{"jsonrpc":"2.0","id":1,"error":{error}}}')
    assert isinstance(message, Failure)
    assert (message.id, message.code) == (1, code)


@pytest.mark.parametrize("error", ["null", "1", '"x"', "[]", '{"code":"1"}', '{"code":true}', '{"message":1}'])
def test_an_error_of_another_shape_is_refused(error):
    assert verdict(f'{{"jsonrpc":"2.0","id":1,"error":{error}}}') == (INVALID_REQUEST, None)


def test_a_response_to_nobody_has_no_id():
    assert decode('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}') == Failure(None, 1, "m")
    assert isinstance(decode('{"jsonrpc":"2.0","id":null,"result":{}}'), Response)


@pytest.mark.parametrize("id", ["", '"id":1.5,', '"id":true,', '"id":1.0,'])
def test_a_response_without_a_usable_id_is_refused(id):
    assert verdict(f'{{"jsonrpc":"2.0",{id}"result":{{}}}}') == (INVALID_REQUEST, None)
    assert verdict(f'{{"jsonrpc":"2.0",{id}"error":{{"code":1,"message":"m"}}}}') == (INVALID_REQUEST, None)


@pytest.mark.requirement("ERR-02")
@pytest.mark.parametrize("rest", ["", ',"params":{}'])
def test_a_message_that_says_nothing_is_refused_under_its_id(rest):
    assert verdict(f'{{"jsonrpc":"2.0","id":4{rest}}}') == (INVALID_REQUEST, 4)


@pytest.mark.requirement("ERR-02")
@pytest.mark.parametrize("other", ['"result":1', '"error":{}', '"error":null', '"result":null,"error":null'])
def test_a_message_that_asks_and_answers_is_refused(other):
    assert verdict(f'{{"jsonrpc":"2.0","id":4,"method":"m",{other}}}') == (INVALID_REQUEST, 4)


# --- the envelope --------------------------------------------------------------------------------------


@pytest.mark.requirement("ERR-02")
@pytest.mark.parametrize(
    "frame",
    [
        '{"id":3,"method":"m"}',
        '{"jsonrpc":"1.0","id":3,"method":"m"}',
        '{"jsonrpc":2.0,"id":3,"method":"m"}',
        '{"jsonrpc":null,"id":3,"method":"m"}',
        '{"jsonrpc":"2.0","id":3,"method":null}',
        '{"jsonrpc":"2.0","id":3,"method":5}',
        '{"jsonrpc":"2.0","id":3,"method":["m"],"params":{}}',
        '{"jsonrpc":"1.0","id":3,"method":"m","params":{}}',
    ],
)
def test_an_object_that_is_no_message_is_refused_under_its_id(frame):
    assert verdict(frame) == (INVALID_REQUEST, 3)


@pytest.mark.requirement("ERR-02")
@pytest.mark.parametrize("frame", ["1", '"a"', "null", "true", "1.5", "{}", ' "{" '])
def test_json_that_is_no_message_is_refused(frame):
    assert verdict(frame) == (INVALID_REQUEST, None)


TWICE = {
    "id, far apart": ('{"jsonrpc":"2.0","id":1,"method":"m","params":{},"id":2}', "id", None),
    "id, in a frame as long as one with params": ('{"jsonrpc":"2.0","id":1000,"id":2,"method":"m"}', "id", None),
    "id, with bytes to spare": ('{"jsonrpc":"2.0","id":1,"id":2,"method":"m","params":{"a":"ééééééé"}}', "id", None),
    "id, escaped": ('{"jsonrpc":"2.0","id":1,"\\u0069d":2,"method":"m"}', "id", None),
    "id, escaped, beside escapes in params": (
        '{"jsonrpc":"2.0","id":1,"i\\u0064":2,"method":"m","params":{"a":"\\u0061"}}',
        "id",
        None,
    ),
    "method": ('{"jsonrpc":"2.0","id":1,"method":"m","method":"n","params":{}}', "method", 1),
    "method, spaced": ('{ "jsonrpc" : "2.0" , "id" : 1 , "method" : "m" , "method" : "n" }', "method", 1),
    "params": ('{"jsonrpc":"2.0","id":1,"method":"m","params":{},"params":{"id":5}}', "params", 1),
    "params, one with keys": ('{"jsonrpc":"2.0","id":1,"method":"m","params":{"id":2},"params":{}}', "params", 1),
    "jsonrpc": ('{"jsonrpc":"2.0","id":1,"method":"m","jsonrpc":"2.0"}', "jsonrpc", 1),
    "result": ('{"jsonrpc":"2.0","id":1,"result":{},"result":{}}', "result", 1),
    "error": ('{"jsonrpc":"2.0","id":1,"error":{},"error":{"code":1}}', "error", 1),
    "method and id": ('{"jsonrpc":"2.0","id":1,"method":"m","method":"n","id":2}', "id", None),
}  # fmt: skip


@pytest.mark.requirement("ERR-02")
@pytest.mark.parametrize("case", TWICE)
def test_a_key_of_the_envelope_that_stands_twice_is_refused(case):
    frame, key, id = TWICE[case]
    for form in (frame, frame.encode()):
        error = refusal(form)
        assert (error.code, error.id) == (INVALID_REQUEST, id)
        assert f'"{key}" stands twice' in error.message


@pytest.mark.parametrize(
    "params",
    [
        '{"id":2,"jsonrpc":"2.0","method":"x","params":{"id":3},"result":1,"error":2}',
        '{"a":"\\"id\\":1,\\"id\\":2"}',
        '{"a":{"id":1},"b":{"id":2}}',
        '{"\\u0069d":1,"é":"\\u00e9"}',
        '{"a":1,"a":2}',
        '["id","id","method"]',
    ],
)
def test_the_envelopes_keys_may_stand_in_params(params):
    assert plain(decode(request(params=params)))["params"] == json.loads(params)
    spaced = request(params=params).replace('"id":1,', '"id" : 1 , ', 1)
    assert plain(decode(spaced))["params"] == json.loads(params)


def test_the_envelopes_keys_may_be_the_values_of_its_members():
    assert decode('{"jsonrpc":"2.0","id":"id","method":"method"}') == Request("id", "method")
    assert decode('{"jsonrpc":"2.0","id":"method","method":"id","x":["id","params"]}') == Request("method", "id")


# --- batches -------------------------------------------------------------------------------------------


def test_a_batch_becomes_its_members_in_their_order():
    frame = f'\n[{request()}, {{"jsonrpc":"2.0","method":"n"}} ,{{"jsonrpc":"2.0","id":2,"result":3}}]'
    assert [plain(member)["kind"] for member in decode(frame)] == ["Request", "Notification", "Response"]
    assert [plain(member)["kind"] for member in decode(frame.encode())] == ["Request", "Notification", "Response"]


@pytest.mark.requirement("ERR-03")
@pytest.mark.parametrize("frame", ["[]", " [ \n] "])
def test_an_empty_batch_is_refused(frame):
    assert verdict(frame) == (INVALID_REQUEST, None)


def test_a_bad_member_is_refused_and_its_neighbours_are_not():
    members = [
        request(id="1"),
        "1",
        "[]",
        f"[{request()}]",
        "{}",
        request(id="2", params="3"),
        request(id="3", params="[1e400]"),
        '{"jsonrpc":"2.0","id":4,"id":5,"method":"m"}',
        request(id="true"),
        request(id='"last"'),
    ]
    found = decode("[" + " , ".join(members) + "]")
    assert [member.id for member in found] == [1, None, None, None, None, 2, 3, None, None, "last"]
    codes = [member.code if isinstance(member, PeerError) else None for member in found]
    assert codes == [None, *[INVALID_REQUEST] * 5, PARSE_ERROR, *[INVALID_REQUEST] * 2, None]


@pytest.mark.requirement("ERR-01")
@pytest.mark.parametrize("rest", ["", "1", ",]", f"{request()},NaN]", f"{request()}]]", f'{request()},"\\ud800"]'])
def test_a_batch_that_is_no_json_is_a_parse_error(rest):
    assert verdict("[" + rest) == (PARSE_ERROR, None)
