"""Messages of ours as bytes, and what can be none."""

import datetime
import decimal
import json
import uuid
from typing import Any

import msgspec
import pydantic
import pytest

from fairlead.errors import BUSY, CODES, INVALID_REQUEST, PARSE_ERROR, PeerError
from fairlead.wire import Failure, Notification, Request, Response, decode, encode

IDS = [0, 1, -1, "", "a", 'quote " \\ \n', "é\U0001f600", 2**53 - 1, 2**63, 2**64, -(2**63) - 1, 10**22]


class Point(pydantic.BaseModel):
    x: int
    label: str = pydantic.Field(alias="theLabel")
    when: datetime.date | None = None


def test_a_result_is_one_compact_line():
    assert encode.result(1, {"a": [1, "x", None]}) == b'{"jsonrpc":"2.0","id":1,"result":{"a":[1,"x",null]}}'
    assert b"\n" not in encode.result("a\nb", {"text": "line\nbreak"})


@pytest.mark.requirement("SERVER-10")
@pytest.mark.parametrize("id", IDS)
def test_each_kind_carries_the_id_it_was_given(id):
    refusal = PeerError(INVALID_REQUEST, "no")
    for frame in (encode.result(id, {}), encode.request(id, "m"), encode.error(refusal, id)):
        told = json.loads(frame)["id"]
        assert (type(told), told) == (type(id), id)


@pytest.mark.requirement("ERR-21")
def test_an_answer_has_a_result_and_a_refusal_an_error_and_neither_both():
    assert set(json.loads(encode.result(1, None))) == {"jsonrpc", "id", "result"}
    assert set(json.loads(encode.error(PeerError(BUSY, "wait"), 1))) == {"jsonrpc", "id", "error"}


@pytest.mark.requirement("ERR-19")
def test_a_refusal_has_the_id_that_was_read_unless_another_is_given():
    assert json.loads(encode.error(PeerError(BUSY, "wait", id=5)))["id"] == 5
    assert json.loads(encode.error(PeerError(BUSY, "wait", id=0)))["id"] == 0
    assert json.loads(encode.error(PeerError(BUSY, "wait", id=5), ""))["id"] == ""


@pytest.mark.requirement("ERR-20")
def test_a_refusal_without_a_known_id_has_none():
    assert "id" not in json.loads(encode.error(PeerError(PARSE_ERROR, "no")))


def test_a_refusal_tells_the_code_the_text_and_what_to_do():
    error = json.loads(encode.error(PeerError(BUSY, "Too much.", data={"limit": 64}), 1))["error"]
    row = CODES[BUSY]
    assert error == {
        "code": BUSY,
        "message": "Too much.",
        "data": {"errorCode": "BUSY", "retryable": True, "next": row.next_step, "limit": 64},
    }


def test_a_request_and_a_notification_leave_out_params_that_are_not_there():
    assert encode.request(1, "ping") == b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    assert encode.notification("n") == b'{"jsonrpc":"2.0","method":"n"}'
    assert encode.notification("n", {"a": 1}) == b'{"jsonrpc":"2.0","method":"n","params":{"a":1}}'


def test_what_is_encoded_is_decoded_as_its_kind():
    assert isinstance(decode(encode.result("a", {})), Response)
    assert isinstance(decode(encode.error(PeerError(BUSY, "wait"), 1)), Failure)
    assert decode(encode.request("a", "m")) == Request("a", "m")
    assert decode(encode.notification("m")) == Notification("m")


def test_a_batch_is_an_array_of_its_frames():
    frames = [encode.result(1, {}), encode.result("b", 2)]
    assert [message.id for message in decode(encode.batch(frames))] == [1, "b"]
    assert encode.batch(iter(frames[:1])) == b"[" + frames[0] + b"]"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_in_json_becomes_null(number):
    assert encode.result(1, {"a": [number]}) == b'{"jsonrpc":"2.0","id":1,"result":{"a":[null]}}'


def test_the_range_of_doubles_goes_out_and_comes_back():
    for number in (1.7976931348623157e308, 5e-324, -0.0, 1e22, 2**64 - 1):
        assert msgspec.json.decode(encode.encode(number)) == number


def test_a_pydantic_model_is_written_by_its_aliases():
    model = Point(x=1, theLabel="a", when=datetime.date(2026, 1, 2))
    assert json.loads(encode.result(1, [model]))["result"] == [{"x": 1, "theLabel": "a", "when": "2026-01-02"}]


def test_values_that_json_has_no_type_for_are_written_as_text():
    value = {"d": datetime.date(2026, 1, 2), "u": uuid.UUID(int=1), "n": decimal.Decimal("1.50"), "b": b"\0\1"}
    assert json.loads(encode.encode(value)) == {
        "d": "2026-01-02",
        "u": "00000000-0000-0000-0000-000000000001",
        "n": "1.50",
        "b": "AAE=",
    }


def _loop() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (object(), TypeError),
        (lambda: None, TypeError),
        (Point, TypeError),
        ({(1, 2): 3}, TypeError),
        ("\ud800", UnicodeEncodeError),
        ({"\udfff": 1}, UnicodeEncodeError),
        (_loop(), RecursionError),
    ],
    ids=["object", "function", "class of a model", "key", "surrogate", "surrogate key", "loop"],
)
def test_what_json_can_not_hold_is_refused(value, error):
    with pytest.raises(error):
        encode.result(1, {"a": value})


@pytest.mark.parametrize("id", [*IDS, None])
def test_the_code_of_a_refusal_is_read_from_its_frame(id):
    for code in (PARSE_ERROR, BUSY, 7):
        assert encode.error_code(encode.error(PeerError(code, '"code":1'), id)) == code


@pytest.mark.parametrize(
    "frame",
    [
        encode.result(1, {"error": {"code": 5}}),
        encode.result('"error":{"code":5', {}),
        encode.request(1, "error", {"error": {"code": 5}}),
        encode.notification("m", {"error": {"code": 5}}),
        b"",
    ],
)
def test_no_other_frame_has_the_code_of_a_refusal(frame):
    assert encode.error_code(frame) is None
