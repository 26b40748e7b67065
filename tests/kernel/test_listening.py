"""What a peer hears of by itself: subscriptions of the handshake era, listen requests of the stateless one."""

import pytest

from fairlead.kernel import Send, Stop
from fairlead.kernel.listening import MOST
from fairlead.spec import HANDSHAKE
from tests.kernel.talk import PREFIX, Peer, call_add, cancel, modern, notice, read, request

ID = PREFIX + "subscriptionId"
KINDS = ("tools", "prompts", "resources")
EVERYTHING = {f"{kind}ListChanged": True for kind in KINDS} | {"resourceSubscriptions": ["harbour://log"]}


def told(frames: list[Send]) -> list:
    return [read(send.frame) for send in frames]


def listen(peer: Peer, id=1, **wanted) -> dict:
    return peer.hear(modern("subscriptions/listen", {"notifications": wanted}, id))


@pytest.mark.requirement("STATELESS-17", "STATELESS-18")
@pytest.mark.parametrize("id", [0, "", 5, "five"])
def test_the_acknowledgement_comes_first_and_every_message_carries_the_subscription(id):
    peer = Peer()
    first = listen(peer, id, **EVERYTHING)
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert first["params"]["notifications"] == EVERYTHING
    messages = [first, *told(peer.session.updated("harbour://log"))]
    for kind in KINDS:
        messages += told(peer.session.changed(kind))
    assert [message["method"] for message in messages[1:]] == [
        "notifications/resources/updated",
        *(f"notifications/{kind}/list_changed" for kind in KINDS),
    ]
    assert all(message["params"]["_meta"] == {ID: id} and "id" not in message for message in messages)
    assert messages[1]["params"]["uri"] == "harbour://log"


@pytest.mark.requirement("STATELESS-19")
@pytest.mark.parametrize("kind", [*KINDS, None])
def test_a_subscription_carries_only_what_was_opted_into(kind):
    peer = Peer()
    wanted = {} if kind is None else {f"{kind}ListChanged": True, "resourceSubscriptions": []}
    wanted |= {f"{other}ListChanged": False for other in KINDS if other != kind}
    granted = listen(peer, **wanted)["params"]["notifications"]
    assert granted == ({} if kind is None else {f"{kind}ListChanged": True})
    heard = [other for other in KINDS if peer.session.changed(other)]
    assert heard == ([] if kind is None else [kind])
    assert peer.session.updated("harbour://log") == []


def test_two_listeners_are_told_each_under_its_own_id():
    peer = Peer()
    listen(peer, 1, toolsListChanged=True, resourceSubscriptions=["harbour://berth/1"])
    listen(peer, 2, toolsListChanged=True)
    sent = peer.session.changed("tools")
    assert [message["params"]["_meta"][ID] for message in told(sent)] == [1, 2]
    assert [send.about.id for send in sent] == [1, 2]
    assert [message["params"]["_meta"][ID] for message in told(peer.session.updated("harbour://berth/1"))] == [1]


@pytest.mark.requirement("STATELESS-20", "SERVER-05")
def test_a_cancelled_subscription_carries_nothing_more():
    peer = Peer()
    listen(peer, 1, **EVERYTHING)
    [call] = peer.session.calls.values()
    assert peer.say(cancel(1)) == []
    assert peer.effects == [Stop(call)]
    assert peer.session.changed("tools") == peer.session.updated("harbour://log") == peer.session.farewell() == []
    assert listen(peer, 1)["method"] == "notifications/subscriptions/acknowledged"


def test_a_server_that_goes_away_ends_each_subscription_with_its_result():
    peer = Peer()
    listen(peer, 1, **EVERYTHING)
    listen(peer, "b")
    running = peer.start(modern("tools/call", call_add(), 3))
    sent = peer.session.farewell()
    assert [message["id"] for message in told(sent)] == [1, "b"]
    assert all(send.about.ended for send in sent)
    for message in told(sent):
        assert message["result"]["resultType"] == "complete"
        assert message["result"]["_meta"][ID] == message["id"]
        assert PREFIX + "serverInfo" in message["result"]["_meta"]
    assert list(peer.session.calls) == [3]
    assert peer.session.changed("tools") == peer.session.farewell() == []
    assert peer.finish(running, 3)["id"] == 3


@pytest.mark.requirement("STATELESS-22")
def test_no_log_message_goes_over_a_subscription_whatever_level_it_named():
    peer = Peer()
    peer.say(modern("subscriptions/listen", {"notifications": {}}, 1, logLevel="debug"))
    [call] = peer.session.calls.values()
    assert peer.session.log(call, "emergency", "x", None) is None


@pytest.mark.parametrize("wanted", [None, [], {"toolsListChanged": 1}, {"resourceSubscriptions": "harbour://log"}])
def test_a_wish_that_cannot_be_read_is_refused(wanted):
    peer = Peer()
    params = {} if wanted is None else {"notifications": wanted}
    assert peer.error(modern("subscriptions/listen", params))["code"] == -32602
    assert not peer.session.calls


def test_a_listener_names_a_bounded_number_of_resources():
    peer = Peer()
    uris = [f"harbour://berth/{number}" for number in range(MOST + 1)]
    error = peer.error(modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": uris}}))
    assert (error["code"], error["data"]["limit"]) == (-32602, MOST)
    assert not peer.session.calls
    listen(peer, 1, resourceSubscriptions=uris[:MOST])


def test_an_open_subscription_counts_as_in_flight():
    peer = Peer(in_flight=1)
    listen(peer, 1)
    assert peer.error(modern("tools/list", id=2))["data"]["errorCode"] == "BUSY"
    assert peer.error(modern("subscriptions/listen", {"notifications": {}}, 1))["code"] == -32600


# --- the handshake era ---


@pytest.mark.parametrize("version", HANDSHAKE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_handshake_client_hears_of_every_list(version, kind):
    [message] = told(Peer(version).session.changed(kind))
    assert message == {"jsonrpc": "2.0", "method": f"notifications/{kind}/list_changed"}


@pytest.mark.requirement("ERA-07")
def test_before_the_client_is_initialized_nothing_is_told():
    peer = Peer()
    assert peer.session.changed("tools") == []
    peer.result(request("initialize", {"protocolVersion": "2025-11-25"}))
    peer.result(request("resources/subscribe", {"uri": "harbour://log"}))
    assert peer.session.changed("tools") == peer.session.updated("harbour://log") == []
    peer.say(notice("notifications/initialized"))
    assert len(peer.session.changed("tools")) == len(peer.session.updated("harbour://log")) == 1


@pytest.mark.requirement("STATELESS-19")
def test_a_peer_that_never_shook_hands_is_told_nothing_it_did_not_ask_for():
    peer = Peer()
    peer.say(notice("notifications/initialized"))
    assert peer.session.changed("tools") == []


def test_a_client_hears_of_the_resources_it_subscribed_to_until_it_has_had_enough():
    peer = Peer("2025-06-18")
    for _ in range(2):
        assert peer.result(request("resources/subscribe", {"uri": "harbour://log"})) == {}
    [message] = told(peer.session.updated("harbour://log"))
    assert message["params"] == {"uri": "harbour://log"}
    assert peer.session.updated("harbour://berth/1") == []
    assert peer.result(request("resources/unsubscribe", {"uri": "harbour://log"})) == {}
    assert peer.session.updated("harbour://log") == []
    assert peer.result(request("resources/unsubscribe", {"uri": "harbour://never"})) == {}


def test_one_line_is_told_in_both_ways():
    peer = Peer("2025-06-18")
    listen(peer, 1, toolsListChanged=True)
    plain, marked = told(peer.session.changed("tools"))
    assert "params" not in plain
    assert marked["params"] == {"_meta": {ID: 1}}
