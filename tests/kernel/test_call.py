"""One call: what it knows of its caller, its questions and their answers, and a life under two requests."""

import pytest

from fairlead.kernel import Call
from tests.kernel.talk import MODERN, Peer, call_add, modern, request


def a_call(**options) -> Call:
    return Peer().start(modern("tools/call", call_add(), **options))


@pytest.mark.parametrize("version", ["2025-11-25", MODERN])
def test_a_call_knows_its_caller_in_both_eras(version):
    peer = Peer("2025-11-25", capabilities={"roots": {}}, principal="ida")
    if version == MODERN:
        frame = modern("tools/call", call_add(), capabilities={"roots": {}}, clientInfo={"name": "boat"}, token="t")
    else:
        frame = request("tools/call", {**call_add(), "_meta": {"progressToken": "t"}})
    call = peer.start(frame)
    assert call.client.name == "boat"
    assert call.capabilities == {"roots": {}}
    assert (call.principal, dict(call.headers), call.progress_token) == ("ida", {}, "t")
    assert (call.version.date, call.stateless) == (version, version == MODERN)


def test_a_call_with_nothing_but_its_name_has_no_token_no_client_and_an_empty_meta():
    peer = Peer()
    peer.result(request("initialize", {"protocolVersion": "2024-11-05"}))
    call = peer.start(request("tools/call", call_add()))
    assert (call.progress_token, call.client, dict(call.capabilities), dict(call.meta())) == (None, None, {}, {})


def test_questions_have_keys_that_count_up():
    call = a_call()
    assert [call.question("roots/list", {"n": number}) for number in range(3)] == [
        ("q1", None),
        ("q2", None),
        ("q3", None),
    ]
    assert call.questions["q2"] == {"method": "roots/list", "params": {"n": 1}}


def test_a_question_has_the_key_that_its_author_chose_and_no_two_share_one():
    call = a_call()
    keys = []
    for name in ("name", None, "name", "color"):
        call.name_question(name)
        keys.append(call.question("roots/list", {})[0])
    assert keys == ["name", "q2", "name-3", "color"]


def test_a_key_is_for_the_next_question_alone_and_is_forgotten_when_that_is_not_asked():
    call = a_call()
    call.name_question("name")
    call.name_question(None)
    assert call.question("roots/list", {}) == ("q1", None)


def test_only_open_questions_take_answers_and_each_takes_one():
    call = a_call()
    call.question("roots/list", {})
    assert call.answered({"q1": 1, "q2": 2, "x": 3}) == {"q1": 1}
    assert call.answered({"q1": 9}) == {}
    assert call.answered({}) == {}


def test_a_call_that_asked_nothing_takes_no_answers():
    assert a_call().answered({"q1": 1}) == {}


def test_answers_are_recorded_only_where_they_may_be_replayed():
    for tool, recorded in (("ask", None), ("again", {"q1": 1, "q2": 2})):
        call = Peer().start(modern("tools/call", {"name": tool}))
        call.question("roots/list", {})
        call.answered({"q1": 1})
        call.question("roots/list", {})
        call.answered({"q2": 2})
        assert call.recorded == recorded


def test_a_replay_finds_its_answers_in_the_order_of_its_questions():
    call = a_call()
    call.recorded = {"q1": {"a": 1}, "q3": 0}
    assert [call.question("roots/list", {}) for _ in range(3)] == [("q1", {"a": 1}), ("q2", None), ("q3", 0)]
    assert set(call.questions) == {"q2"}


def test_an_adopted_call_lives_on_under_the_new_request():
    peer, other = Peer("2025-11-25"), Peer()
    call = peer.start(modern("tools/call", call_add(1, 2), 1, token="old"))
    call.session_state["kept"] = True
    peer.session.progress(call, 5, None, None)
    call.parked = True
    retry = other.start(modern("tools/call", call_add(1, 2), 2, token="new", clientInfo={"name": "sub"}))
    call.adopt(retry)
    assert (call.id, call.session, call.request, call.params) == (2, other.session, retry.request, retry.params)
    assert (call.progress_token, call.client.name, call.version) == ("new", "sub", retry.version)
    assert call.session_state == {"kept": True}
    assert not call.parked
    assert other.session.progress(call, 1, None, None) is not None
