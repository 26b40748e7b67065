"""Batches of the handshake era: their answers go out together, when the last is there."""

import pytest

from fairlead.errors import BUSY
from fairlead.kernel import Run, Stop
from fairlead.kernel.batch import Batch
from tests.kernel.talk import MODERN, Peer, batch, call_add, cancel, modern, notice, request

WITH = ("2024-11-05", "2025-03-26")
WITHOUT = ("2025-06-18", "2025-11-25")


def runs(peer: Peer) -> list:
    return [effect.call for effect in peer.effects if isinstance(effect, Run)]


@pytest.mark.requirement("ERA-12")
@pytest.mark.parametrize("version", WITH)
def test_the_answers_of_a_batch_go_out_together_when_the_last_is_there(version):
    peer = Peer(version)
    frame = batch(
        request("tools/call", call_add(), "slow"),
        notice("notifications/roots/list_changed"),
        request("ping", id=0),
        request("tools/call", call_add(), "quick"),
        request("tools/summon", id=""),
    )
    assert peer.say(frame) == []
    slow, quick = runs(peer)
    assert peer.finish(quick, 2) is None
    answers = peer.finish(slow, 1)
    assert {answer["id"] for answer in answers} == {"slow", "quick", 0, ""}
    assert [answer["error"]["code"] for answer in answers if "error" in answer] == [-32601]


def test_a_batch_whose_answers_are_all_there_is_answered_at_once():
    answers = Peer("2025-03-26").hear(batch(request("ping", id=1), request("tools/list", id=2)))
    assert [answer["id"] for answer in answers] == [1, 2]


def test_a_batch_of_one_is_answered_by_a_batch_of_one():
    assert Peer("2025-03-26").hear(batch(request("ping"))) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


@pytest.mark.requirement("ERA-15")
@pytest.mark.parametrize("version", WITH)
def test_a_batch_of_notifications_and_answers_alone_has_no_answer(version):
    peer = Peer(version)
    answer = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    refusal = b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}'
    assert peer.say(batch(notice("notifications/initialized"), answer, refusal, notice("x"))) == []


@pytest.mark.requirement("ERA-14", "ERR-04")
@pytest.mark.parametrize("version", WITHOUT)
def test_where_the_version_has_no_batches_one_is_refused_as_a_whole(version):
    peer = Peer(version)
    message = peer.hear(batch(request("tools/call", call_add()), notice("notifications/initialized")))
    assert (message["error"]["code"], "id" in message) == (-32600, False)
    assert not runs(peer)
    assert not peer.session.calls


@pytest.mark.requirement("ERA-14", "ERR-04")
@pytest.mark.parametrize("version", [None, "2024-11-05", "2025-03-26"])
def test_a_stateless_request_is_never_part_of_a_batch(version):
    peer = Peer(version)
    frame = batch(modern("tools/call", call_add(), 1), request("ping", id=2), modern("tools/list", id=3))
    codes = {answer["id"]: answer.get("error", {}).get("code") for answer in peer.hear(frame)}
    assert codes == {1: -32600, 2: None, 3: -32600}
    assert not runs(peer)


@pytest.mark.requirement("ERA-13")
@pytest.mark.parametrize("version", [None, *WITH])
def test_initialize_is_never_part_of_a_batch(version):
    peer = Peer(version)
    first, second = peer.hear(
        batch(request("initialize", {"protocolVersion": "2025-11-25"}, 1), request("ping", {}, 2))
    )
    assert first["error"]["code"] == -32600
    assert second["result"] == {}
    assert (peer.session.version.date if peer.session.version else None) == version


@pytest.mark.requirement("ERR-03")
@pytest.mark.parametrize("version", [None, "2025-03-26", "2025-11-25", MODERN])
def test_an_empty_batch_is_refused_with_one_error(version):
    message = Peer(version).hear(b" [ ] ")
    assert (message["error"]["code"], "id" in message) == (-32600, False)


@pytest.mark.requirement("ERR-02", "ERR-20")
def test_members_that_are_no_messages_are_refused_one_by_one():
    peer = Peer("2025-03-26")
    frame = batch(b"1", b'"x"', b"{}", b'{"jsonrpc":"1.0","id":4,"method":"ping"}', b"[]", request("ping", id=5))
    answers = peer.hear(frame)
    assert [answer.get("id") for answer in answers] == [None, None, None, 4, None, 5]
    assert [answer["error"]["code"] for answer in answers[:5]] == [-32600] * 5


def test_a_cancelled_member_is_left_out_of_the_answer():
    peer = Peer("2025-03-26")
    peer.say(batch(request("tools/call", call_add(), 1), request("tools/call", call_add(), 2)))
    first, second = runs(peer)
    assert peer.finish(first, 3) is None
    [answer] = peer.hear(cancel(2))
    assert answer["id"] == 1
    assert any(isinstance(effect, Stop) and effect.call is second for effect in peer.effects)
    assert peer.finish(second, 3) is None


def test_a_batch_whose_members_were_all_cancelled_has_no_answer():
    peer = Peer("2025-03-26")
    peer.say(batch(request("tools/call", call_add(), 1), request("tools/call", call_add(), 2)))
    assert peer.say(cancel(1)) == []
    assert peer.say(cancel(2)) == []
    assert not peer.session.calls


def test_a_member_can_be_cancelled_by_a_later_member():
    peer = Peer("2025-03-26")
    [answer] = peer.hear(batch(request("tools/call", call_add(), 1), cancel(1), request("ping", id=2)))
    assert answer["id"] == 2
    assert not peer.session.calls


def test_two_members_under_one_id_are_answered_both():
    peer = Peer("2025-03-26")
    peer.say(batch(request("tools/call", call_add(), 1), request("tools/call", call_add(), 1)))
    [call] = runs(peer)
    answers = peer.finish(call, 3)
    assert [answer["id"] for answer in answers] == [1, 1]
    assert [answer.get("error", {}).get("code") for answer in answers] == [-32600, None]


def test_members_past_the_limit_are_refused_as_busy():
    peer = Peer("2025-03-26", in_flight=2)
    peer.say(batch(*(request("tools/call", call_add(), id) for id in range(4))))
    calls = runs(peer)
    assert len(calls) == 2
    peer.finish(calls[0], 1)
    answers = peer.finish(calls[1], 2)
    assert {answer["id"]: answer.get("error", {}).get("code") for answer in answers} == {
        0: None,
        1: None,
        2: BUSY,
        3: BUSY,
    }


def test_batches_do_not_wait_for_one_another():
    peer = Peer("2025-03-26")
    calls = []
    for base in (10, 20):
        peer.say(batch(request("tools/call", call_add(), base), request("tools/call", call_add(), base + 1)))
        calls.append(runs(peer))
    (a, b), (c, d) = calls
    assert peer.finish(a, 1) is None
    assert peer.finish(d, 1) is None
    assert [answer["id"] for answer in peer.finish(c, 1)] == [21, 20]
    assert [answer["id"] for answer in peer.finish(b, 1)] == [10, 11]


def test_a_batch_counts_its_own_frame_until_it_was_read():
    empty = Batch()
    assert empty.settle(None) is None
    one = Batch()
    one.expect()
    assert one.settle(b"1") is None
    assert one.settle(None) == b"[1]"
