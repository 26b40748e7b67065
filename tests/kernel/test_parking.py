"""Suspended calls of the stateless era: the state that travels, who may bring it back, and when it is too late."""

import base64

import pytest

from fairlead.errors import BUSY, SHUTTING_DOWN, STATE_LOST
from fairlead.kernel import Parking
from tests.kernel.talk import PREFIX, Peer, call_add, modern, parking, request

ASKED = {"message": "Which?", "requestedSchema": {"type": "object", "properties": {}}}
YES = {"action": "accept", "content": {"x": 1}}
FORMS = {"elicitation": {}}


def suspended(peer: Peer, tool: str = "ask", *, questions: int = 1, id: int | str = 1, now: float = 0.0, **arguments):
    """A call that has asked, and what went out for it."""
    params = {"name": tool, "arguments": arguments}
    call = peer.start(modern("tools/call", params, id, capabilities=FORMS), now)
    keys = [call.question("elicitation/create", ASKED)[0] for _ in range(questions)]
    return call, keys, peer.suspend(call, now)["result"]


def retry(
    state: str, answers=None, tool: str = "ask", id: int | str = 2, method: str = "tools/call", **arguments
) -> bytes:
    params = {"name": tool, "arguments": arguments, "requestState": state}
    if answers is not None:
        params["inputResponses"] = answers
    return modern(method, params, id, capabilities=FORMS, token="again")


@pytest.mark.requirement("STATELESS-05", "STATELESS-10", "STATELESS-11", "STATELESS-12")
def test_a_suspended_call_is_found_again_under_a_new_id_and_goes_on():
    peer = Peer()
    call, [key], told = suspended(peer)
    assert told["resultType"] == "input_required"
    assert told["inputRequests"] == {key: {"method": "elicitation/create", "params": ASKED}}
    assert PREFIX + "serverInfo" in told["_meta"]
    assert not told.keys() & {"ttlMs", "cacheScope"}
    assert (len(peer.session.calls), len(peer.place)) == (0, 1)
    resumed = peer.resume(retry(told["requestState"], {key: YES}))
    assert resumed.call is call
    assert resumed.answers == {key: YES}
    assert call.answered(resumed.answers) == {key: YES}
    assert (call.id, call.progress_token, list(peer.session.calls), len(peer.place)) == (2, "again", [2], 0)
    message = peer.finish(call, "done")
    assert (message["id"], message["result"]["content"][0]["text"]) == (2, "done")


@pytest.mark.requirement("STATELESS-12")
def test_the_retry_may_come_on_another_line():
    peer = Peer()
    other = Peer("2025-11-25", place=peer.place)
    call, [key], told = suspended(peer)
    assert peer.session.close() == []
    assert not call.ended
    assert other.resume(retry(told["requestState"], {key: YES})).call is call
    assert call.session is other.session
    assert other.finish(call, "done")["id"] == 2


def test_the_id_of_a_suspended_call_is_free_and_its_outcome_never_ends_the_next_owner():
    peer = Peer()
    call, _, told = suspended(peer)
    second = peer.start(modern("tools/call", call_add(), 1))
    assert peer.session.finish(call, "done") is None
    assert peer.session.fail(call, ValueError()) is None
    assert peer.session.suspend(call, 0.0) is None
    assert len(peer.place) == 1
    assert peer.session.calls == {1: second}
    assert peer.finish(second, 3)["id"] == 1
    assert peer.resume(retry(told["requestState"])).call is call


def test_nothing_is_told_to_a_caller_who_is_away():
    peer = Peer()
    params = {"name": "ask", "arguments": {}}
    call = peer.start(modern("tools/call", params, capabilities=FORMS, token=1, logLevel="debug"))
    assert peer.session.progress(call, 5, None, None) is not None
    call.question("elicitation/create", ASKED)
    told = peer.suspend(call)["result"]
    assert peer.session.progress(call, 6, None, None) is None
    assert peer.session.log(call, "emergency", "x", None) is None
    assert peer.session.suspend(call, 0.0) is None
    peer.resume(retry(told["requestState"]))
    assert peer.session.progress(call, 1, None, None) is not None


def test_several_questions_go_out_together_and_may_be_answered_in_parts():
    peer = Peer()
    call, [first, second], told = suspended(peer, questions=2)
    assert set(told["inputRequests"]) == {first, second}
    resumed = peer.resume(retry(told["requestState"], {second: YES, "forged": YES}))
    assert call.answered(resumed.answers) == {second: YES}
    told = peer.suspend(call)["result"]
    assert set(told["inputRequests"]) == {first}
    resumed = peer.resume(retry(told["requestState"], {first: YES, second: YES}, id=3))
    assert call.answered(resumed.answers) == {first: YES}
    assert not call.questions


@pytest.mark.parametrize("answers", [None, {}, {"q1": None}, {"other": YES}])
def test_a_retry_without_the_answer_leaves_the_question_open(answers):
    peer = Peer()
    call, _, told = suspended(peer)
    resumed = peer.resume(retry(told["requestState"], answers))
    assert call.answered(resumed.answers) == {}
    assert set(peer.suspend(call)["result"]["inputRequests"]) == {"q1"}


@pytest.mark.requirement("STATELESS-09")
def test_the_answer_to_a_retry_is_not_to_be_kept():
    peer = Peer(ttl_ms=5000, cache_scope="public")
    read_log = {"uri": "harbour://log"}
    plain = peer.finish(peer.start(modern("resources/read", read_log)), "x")["result"]
    assert (plain["ttlMs"], plain["cacheScope"]) == (5000, "public")
    call = peer.start(modern("resources/read", read_log, capabilities=FORMS))
    call.question("elicitation/create", ASKED)
    state = peer.suspend(call)["result"]["requestState"]
    peer.resume(modern("resources/read", {**read_log, "requestState": state}, 2))
    retried = peer.finish(call, "x")["result"]
    assert (retried["ttlMs"], retried["cacheScope"]) == (0, "private")


# --- who may bring it back ---


@pytest.mark.requirement("STATELESS-13")
def test_a_state_that_was_changed_is_refused_and_the_call_waits_on():
    peer = Peer()
    _, [key], told = suspended(peer)
    state = told["requestState"]
    raw = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
    changed = [base64.urlsafe_b64encode(raw[:32] + raw[32:].replace(b"0", b"9")).decode().rstrip("=")]
    changed += [state[:place] + chr(ord(state[place]) ^ 1) + state[place + 1 :] for place in range(len(state))]
    changed += [state + mark for mark in ("A", "=", "!", " ")] + [state[:-1], state[:40], "", "x", "é", state * 2]
    for other in changed:
        assert peer.error(retry(other, {key: YES}))["code"] == -32602, other
    assert len(peer.place) == 1
    peer.resume(retry(state, {key: YES}))


@pytest.mark.requirement("STATELESS-14")
@pytest.mark.parametrize(("owner", "other"), [("ida", "odo"), ("ida", None), (None, "ida")])
def test_a_state_of_another_caller_is_refused(owner, other):
    peer = Peer(principal=owner)
    _, _, told = suspended(peer)
    assert Peer(principal=other, place=peer.place).error(retry(told["requestState"]))["code"] == -32602
    Peer(principal=owner, place=peer.place).resume(retry(told["requestState"]))


def test_a_state_is_good_for_its_request_alone():
    peer = Peer()
    _, _, told = suspended(peer, topic="a")
    state = told["requestState"]
    assert peer.error(retry(state, topic="b"))["code"] == -32602
    assert peer.error(retry(state))["code"] == -32602
    assert peer.error(retry(state, tool="again", topic="a"))["code"] == -32602
    prompt = {"name": "greet", "arguments": {"name": "a"}, "requestState": state}
    assert peer.error(modern("prompts/get", prompt))["code"] == -32602
    assert peer.error(modern("resources/read", {"uri": "harbour://log", "requestState": state}))["code"] == -32602
    peer.resume(retry(state, topic="a"))


def test_a_state_that_another_server_signed_is_refused():
    stranger = Peer(place=Parking(b"t" * 32, most=8, seconds=60.0))
    _, _, told = suspended(stranger)
    assert Peer().error(retry(told["requestState"]))["code"] == -32602


def test_blanks_between_the_arguments_make_no_difference():
    peer = Peer()
    _, _, told = suspended(peer, topic="a")
    frame = retry(told["requestState"], topic="a").replace(b'{"topic": "a"}', b'{ "topic"\n:"a" }')
    peer.resume(frame)


def test_a_handshake_session_has_no_such_state():
    peer = Peer("2025-11-25")
    call = peer.start(request("tools/call", {"name": "ask", "requestState": "x"}))
    assert call.recorded is None


# --- time and bounds ---


@pytest.mark.requirement("STATELESS-15")
def test_a_state_that_has_expired_is_refused():
    peer = Peer(place=parking(seconds=60.0))
    call, _, told = suspended(peer, now=1000.0)
    assert peer.place.expire(1060.0) == []
    assert peer.error(retry(told["requestState"]), 1060.5)["code"] == STATE_LOST
    assert peer.place.expire(1060.5) == [call]
    assert len(peer.place) == 0


def test_a_state_is_good_to_the_last_moment():
    peer = Peer(place=parking(seconds=60.0))
    _, _, told = suspended(peer, now=1000.0)
    peer.resume(retry(told["requestState"]), 1060.0)


def test_a_state_wakes_its_call_once():
    peer = Peer()
    call, _, told = suspended(peer)
    peer.resume(retry(told["requestState"]))
    error = peer.error(retry(told["requestState"], id=3))
    assert (error["code"], error["data"]["retryable"]) == (STATE_LOST, False)
    assert peer.finish(call, "x")["id"] == 2


def test_more_suspended_calls_than_there_is_room_for_are_refused_as_busy():
    peer = Peer(place=parking(most=2))
    suspended(peer, id=1)
    suspended(peer, id=2)
    call = peer.start(modern("tools/call", {"name": "ask"}, 3, capabilities=FORMS))
    call.question("elicitation/create", ASKED)
    message = peer.suspend(call)
    assert (message["id"], message["error"]["code"], message["error"]["data"]["retryable"]) == (3, BUSY, True)
    assert call.ended
    assert len(peer.place) == 2


def test_a_question_that_cannot_be_written_fails_its_call_and_keeps_nothing():
    peer = Peer()
    call = peer.start(modern("tools/call", {"name": "ask"}, capabilities=FORMS))
    call.question("elicitation/create", {"message": "\ud800", "requestedSchema": object()})
    message = peer.suspend(call)
    assert message["result"]["isError"] is True
    assert call.ended
    assert (len(peer.place), peer.session.calls) == (0, {})


def test_a_cancelled_call_cannot_be_suspended_and_a_suspended_one_not_cancelled():
    peer = Peer()
    call, _, told = suspended(peer)
    assert peer.say(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}') == []
    assert peer.effects == []
    peer.resume(retry(told["requestState"]))
    assert not call.ended


def test_a_retry_is_refused_like_any_request_while_the_server_goes_away():
    peer = Peer()
    _, _, told = suspended(peer)
    peer.session.closing = True
    assert peer.error(retry(told["requestState"]))["code"] == SHUTTING_DOWN
    assert len(peer.place) == 1
    assert [call.name for call in peer.place.clear()] == ["ask"]
    assert len(peer.place) == 0


# --- after a restart ---


def test_where_the_call_is_gone_only_a_replayable_tool_is_run_again():
    _, [key], told = suspended(Peer())
    error = Peer().error(retry(told["requestState"], {key: YES}))
    assert error["code"] == STATE_LOST
    _, [key], told = suspended(Peer(), "again")
    call = Peer().start(retry(told["requestState"], {key: YES}, "again"))
    assert call.question("elicitation/create", ASKED) == (key, YES)
    assert call.question("elicitation/create", ASKED) == ("q2", None)


def test_answers_of_earlier_rounds_travel_with_the_state_and_cannot_be_changed():
    peer = Peer()
    call, [first], told = suspended(peer, "again")
    resumed = peer.resume(retry(told["requestState"], {first: YES}, "again"))
    call.answered(resumed.answers)
    second, _ = call.question("elicitation/create", ASKED)
    told = peer.suspend(call)["result"]
    no = {"action": "decline"}
    replay = Peer().start(retry(told["requestState"], {first: no, second: no}, "again", 3))
    assert replay.question("elicitation/create", ASKED) == (first, YES)
    assert replay.question("elicitation/create", ASKED) == (second, no)


def test_a_replay_that_has_no_answer_yet_asks_again():
    _, [key], told = suspended(Peer(), "again")
    peer = Peer()
    call = peer.start(retry(told["requestState"], {key: None}, "again"))
    assert call.question("elicitation/create", ASKED) == (key, None)
    assert set(peer.suspend(call)["result"]["inputRequests"]) == {key}


def test_answers_of_what_may_not_be_replayed_do_not_travel():
    peer = Peer()
    call, [key], told = suspended(peer)
    call.answered(
        peer.resume(retry(told["requestState"], {key: {"action": "accept", "content": {"pin": "1234"}}})).answers
    )
    call.question("elicitation/create", ASKED)
    state = peer.suspend(call)["result"]["requestState"]
    assert b"1234" not in base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
