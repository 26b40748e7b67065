"""Requests of the server to a handshake client: their ids, their time, and answers to none of them."""

import json

import pytest

from fairlead.errors import CallError, RequestTimeout
from fairlead.kernel import Settle
from fairlead.kernel.questions import Questions
from tests.kernel.talk import Peer, read


def answer(id, result="ok") -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "result": result}).encode()


def refusal(id, **error) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": -1, "message": "no", **error}}).encode()


def asking(count: int = 1) -> tuple[Peer, Questions, list[int]]:
    peer = Peer("2025-11-25")
    questions = peer.session.questions
    return peer, questions, [questions.ask("roots/list", {}, 10.0 + number)[0] for number in range(count)]


@pytest.mark.requirement("SERVER-13")
def test_every_question_has_an_id_of_its_own_whatever_became_of_the_others():
    _, questions, ids = asking(3)
    questions.withdraw(ids[2])
    questions.expire(99.0)
    ids += [questions.ask("ping", {}, 1.0)[0] for _ in range(3)]
    assert len(set(ids)) == 6


def test_a_question_is_a_request():
    id, frame = Questions().ask("roots/list", {"a": 1}, 10.0)
    assert read(frame) == {"jsonrpc": "2.0", "id": id, "method": "roots/list", "params": {"a": 1}}


def test_a_question_that_cannot_be_written_is_not_open():
    questions = Questions()
    with pytest.raises((TypeError, ValueError)):
        questions.ask("elicitation/create", {"message": "\ud800"}, 10.0)
    with pytest.raises((TypeError, ValueError)):
        questions.ask("elicitation/create", {"schema": object()}, 10.0)
    assert len(questions) == 0
    assert questions.next_deadline() is None


@pytest.mark.parametrize("result", [{"roots": []}, None, [], 0, False, "x"])
def test_an_answer_settles_its_question(result):
    peer, questions, [first, second] = asking(2)
    assert peer.say(answer(second, result)) == []
    assert peer.effects == [Settle(second, result)]
    assert len(questions) == 1
    peer.say(answer(first))
    assert peer.effects == [Settle(first, "ok")]


def test_a_refusal_settles_its_question_with_what_it_said():
    peer, questions, [first, second] = asking(2)
    peer.say(refusal(first, data={"why": [1]}))
    [settled] = peer.effects
    assert isinstance(settled.error, CallError)
    assert (settled.id, settled.error.code, settled.error.message, settled.error.data) == (
        first,
        -1,
        "no",
        {"why": [1]},
    )
    peer.say(refusal(second))
    assert peer.effects[0].error.data is None
    assert len(questions) == 0


@pytest.mark.requirement("SERVER-15")
@pytest.mark.parametrize("write", [answer, refusal])
def test_answers_to_nothing_are_dropped_and_counted(write):
    peer, questions, [late, open_one] = asking(2)
    questions.expire(10.0)
    withdrawn = questions.ask("ping", {}, 99.0)[0]
    questions.withdraw(withdrawn)
    for id in (late, withdrawn, 77, 0, -1, str(open_one), "", None):
        assert peer.say(write(id)) == []
        assert peer.effects == []
    assert questions.strays == 8
    peer.say(write(open_one))
    assert len(peer.effects) == 1
    assert peer.say(write(open_one)) == []
    assert peer.effects == []
    assert (questions.strays, len(questions)) == (9, 0)


@pytest.mark.requirement("SERVER-15")
def test_a_peer_that_was_asked_nothing_may_answer_what_it_likes():
    peer = Peer()
    for frame in (answer(1), refusal(1), refusal(None), answer(None)):
        assert peer.say(frame) == []
        assert peer.effects == []


def test_a_question_runs_out_at_its_deadline():
    _, questions, [first, second] = asking(2)
    assert questions.next_deadline() == 10.0
    assert questions.expire(9.999) == []
    [settled] = questions.expire(10.0)
    assert settled.id == first
    assert isinstance(settled.error, RequestTimeout)
    assert "roots/list" in str(settled.error)
    assert questions.next_deadline() == 11.0
    assert [settled.id for settled in questions.expire(1000.0)] == [second]
    assert questions.next_deadline() is None
    assert questions.expire(1000.0) == []


def test_the_next_deadline_is_the_earliest_whoever_asked_first():
    questions = Questions()
    for deadline in (30.0, 10.0, 20.0):
        questions.ask("ping", {}, deadline)
    assert questions.next_deadline() == 10.0
    assert [settled.id for settled in questions.expire(25.0)] == [2, 3]


def test_a_question_nobody_waits_for_is_cancelled_once():
    _, questions, [id] = asking()
    assert read(questions.withdraw(id)) == {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": id},
    }
    assert questions.withdraw(id) is None
    assert questions.withdraw(99) is None
    assert len(questions) == 0


def test_an_answered_question_is_not_cancelled():
    peer, questions, [id] = asking()
    peer.say(answer(id))
    assert questions.withdraw(id) is None


def test_a_question_that_ran_out_of_time_is_cancelled_once():
    _, questions, [id] = asking()
    questions.expire(10.0)
    assert read(questions.withdraw(id))["params"] == {"requestId": id}
    assert questions.withdraw(id) is None


def test_a_late_answer_spares_the_cancellation():
    peer, questions, [id] = asking()
    questions.expire(10.0)
    peer.say(answer(id))
    assert peer.effects == []
    assert questions.withdraw(id) is None
