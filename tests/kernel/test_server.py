"""One session: both eras, the handshake and its gate, ids, what is refused, cancellation, the end."""

import json

import pytest

from fairlead.errors import BUSY, SHUTTING_DOWN
from fairlead.kernel import Stop, Tell
from fairlead.spec import HANDSHAKE, NEWEST_HANDSHAKE
from fairlead.spec.methods import CLIENT_NOTICES, METHODS
from tests.kernel.talk import ALL, MODERN, PREFIX, Peer, call_add, cancel, modern, notice, of, request

# --- eras ---


@pytest.mark.requirement("ERA-01", "ERA-03", "STATELESS-04")
def test_one_session_carries_a_handshake_client_and_stateless_requests():
    peer = Peer("2025-03-26", capabilities={"roots": {}})
    old = peer.start(request("tools/call", call_add(), id=1))
    new = peer.start(modern("tools/call", call_add(), id=2, clientInfo={"name": "sub"}))
    assert (old.version.date, new.version.date) == ("2025-03-26", MODERN)
    assert (old.client.name, new.client.name) == ("boat", "sub")
    assert (dict(old.capabilities), dict(new.capabilities)) == ({"roots": {}}, {})
    assert "resultType" not in peer.finish(old, 3)["result"]
    assert peer.finish(new, 3)["result"]["resultType"] == "complete"


@pytest.mark.requirement("STATELESS-04")
def test_what_a_stateless_call_puts_away_is_not_there_for_the_next():
    peer = Peer("2025-11-25")
    first, second = (peer.start(modern("tools/call", call_add(), id=id)) for id in (1, 2))
    first.session_state["who"] = "first"
    assert first.session_state == {"who": "first"}
    assert second.session_state == {} == peer.session.state
    old, next_old = (peer.start(request("tools/call", call_add(), id=id)) for id in (3, 4))
    old.session_state["who"] = "old"
    assert next_old.session_state == {"who": "old"}


def test_a_stateless_request_needs_no_client_info():
    call = Peer().start(modern("tools/call", call_add()))
    assert call.client is None


@pytest.mark.requirement("ERA-02", "ERA-04", "ERA-06")
@pytest.mark.parametrize("version", HANDSHAKE)
def test_initialize_is_answered_with_the_version_asked_for(version):
    peer = Peer(instructions="Mind the tide.")
    told = peer.shake(version)
    assert told["protocolVersion"] == version == peer.session.version.date
    assert told["serverInfo"]["name"] == "harbour"
    assert told["serverInfo"]["version"] == "1.2"
    assert told["capabilities"]["tools"] == {"listChanged": True}
    assert told["instructions"] == "Mind the tide."


@pytest.mark.requirement("ERA-05")
@pytest.mark.parametrize("asked", ["2023-01-01", "2099-12-31", "", "x", MODERN])
def test_initialize_with_an_unknown_version_is_answered_with_one_that_is_served(asked):
    assert Peer().shake(asked)["protocolVersion"] == NEWEST_HANDSHAKE.date


@pytest.mark.requirement("ERA-08")
@pytest.mark.parametrize("method", ["tools/list", "tools/call", "logging/setLevel", "completion/complete"])
def test_before_initialize_a_request_without_a_version_is_refused_with_the_next_step(method):
    params = {
        "tools/call": call_add(),
        "logging/setLevel": {"level": "info"},
        "completion/complete": {
            "ref": {"type": "ref/prompt", "name": "greet"},
            "argument": {"name": "name", "value": ""},
        },
    }
    error = Peer().error(request(method, params.get(method)))
    assert error["code"] == -32600
    assert error["data"]["errorCode"] == "SESSION_NOT_INITIALIZED"
    assert "initialize" in error["data"]["next"]


@pytest.mark.requirement("ERA-08", "ERA-18")
def test_ping_is_answered_before_the_handshake_and_after():
    peer = Peer()
    assert peer.hear(request("ping", id=7)) == {"jsonrpc": "2.0", "id": 7, "result": {}}
    peer.shake("2024-11-05")
    assert peer.result(request("ping", {})) == {}


def test_a_second_handshake_replaces_the_first_and_what_it_had_asked_for():
    peer = Peer("2025-11-25", capabilities={"sampling": {}})
    peer.result(request("logging/setLevel", {"level": "error"}))
    peer.result(request("resources/subscribe", {"uri": "harbour://log"}))
    params = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "other"}}
    assert peer.result(request("initialize", params))["protocolVersion"] == "2024-11-05"
    assert not peer.session.ready
    peer.say(notice("notifications/initialized"))
    call = peer.start(request("tools/call", call_add()))
    assert (call.client.name, dict(call.capabilities), call.version.date) == ("other", {}, "2024-11-05")
    assert call.log_level == "info"
    assert peer.session.updated("harbour://log") == []


@pytest.mark.parametrize(
    "params", [{}, None, {"protocolVersion": 5}, {"protocolVersion": "2025-11-25", "capabilities": []}]
)
def test_initialize_that_cannot_be_read_begins_nothing(params):
    peer = Peer()
    assert peer.error(request("initialize", params))["code"] == -32602
    assert peer.session.version is None


# --- the stateless gate ---


@pytest.mark.requirement("STATELESS-02", "SERVER-01")
@pytest.mark.parametrize("asked", ["2099-01-01", "2025-11-25", ""])
@pytest.mark.parametrize("shaken", [None, "2025-11-25"])
def test_a_version_that_is_not_served_stateless_is_refused_with_what_is(asked, shaken):
    error = Peer(shaken).error(modern("tools/list", protocolVersion=asked))
    assert error["code"] == -32022
    assert error["data"]["supported"] == [MODERN]
    assert error["data"]["requested"] == asked


@pytest.mark.requirement("STATELESS-02")
@pytest.mark.parametrize(("method", "params"), [("tools/summon", {}), ("tools/call", {"name": 5})])
def test_of_an_unknown_version_nothing_else_is_judged(method, params):
    assert Peer().error(modern(method, params, protocolVersion="2099-01-01"))["code"] == -32022


@pytest.mark.requirement("STATELESS-01")
@pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities"])
def test_a_missing_member_of_meta_is_named(missing):
    error = Peer().error(modern("tools/list", **{missing: None}))
    assert error["code"] == -32602
    assert PREFIX + missing in error["message"]


@pytest.mark.requirement("STATELESS-01")
@pytest.mark.parametrize("method", ["server/discover", "subscriptions/listen"])
def test_a_method_of_the_stateless_era_asks_for_its_version(method):
    error = Peer().error(request(method, {"notifications": {}}))
    assert (error["code"], PREFIX + "protocolVersion" in error["message"]) == (-32602, True)


@pytest.mark.requirement("STATELESS-26", "ERA-09")
@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_each_version_has_its_own_methods(version, method):
    params = {"protocolVersion": "2025-11-25", "name": "", "uri": "", "level": "info", "notifications": {}}
    params |= {"ref": {"type": "ref/prompt", "name": ""}, "argument": {"name": "", "value": ""}}
    answers = Peer(version).say(of(version, method, params))
    unknown = bool(answers) and answers[0].get("error", {}).get("code") == -32601
    row = METHODS[method]
    assert unknown == (version not in row.versions or row.extension is not None)  # No tool here defers.


@pytest.mark.parametrize("method", ["initialize", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"])
def test_a_method_that_the_version_lacks_is_unknown_whatever_its_params(method):
    assert Peer().error(modern(method))["code"] == -32601


@pytest.mark.parametrize(("method", "params"), [("tools/list", {}), ("tools/call", {"name": 5}), ("tools/summon", {})])
def test_headers_that_name_another_version_than_the_body_come_before_whether_it_is_spoken(method, params):
    peer = Peer()
    peer.session.said_version = MODERN
    assert peer.error(modern(method, params, protocolVersion="2099-01-01"))["code"] == -32020
    peer.session.said_version = "2099-01-01"
    assert peer.error(modern(method, params, protocolVersion="2099-01-01"))["code"] == -32022


def test_an_unknown_version_in_the_headers_alone_is_refused_with_what_is_served():
    peer = Peer()
    peer.session.said_version = "2099-01-01"
    error = peer.error(request("tools/list"))
    assert (error["code"], error["data"]["supported"]) == (-32022, list(ALL))
    assert error["data"]["requested"] == "2099-01-01"


@pytest.mark.requirement("ERR-05")
@pytest.mark.parametrize("version", [None, *ALL])
@pytest.mark.parametrize("method", ["tools/summon", "", "Tools/List", "notifications/initialized", "tasks/get"])
def test_an_unknown_method_is_named(version, method):
    error = Peer(version).error(of(version or "", method))
    assert error["code"] == -32601
    assert error["data"]["method"] == method


@pytest.mark.requirement("ERR-09")
@pytest.mark.parametrize("version", ALL)
def test_params_that_do_not_fit_are_refused_with_their_path_and_not_their_value(version):
    error = Peer(version).error(of(version, "tools/call", {"name": ["secret"]}))
    assert error["code"] == -32602
    assert "$.name" in error["message"]
    assert "secret" not in json.dumps(error)


@pytest.mark.requirement("ERR-12")
def test_an_exception_in_the_types_of_an_author_is_a_masked_answer_and_kept_for_the_log():
    peer = Peer()
    tool = peer.session.terms.catalog.tools.find("add")

    class Reading:
        wrapped = False

        def decode(self, raw):
            raise KeyError("secret")

    tool.reading = Reading()
    error = peer.error(modern("tools/call", call_add()))
    assert error["code"] == -32603
    assert "secret" not in json.dumps(error)
    assert isinstance(peer.effects[0].about.fault, KeyError)
    assert not peer.session.calls


# --- ids and what is in flight ---


@pytest.mark.requirement("SERVER-10", "ERR-19")
@pytest.mark.parametrize("id", [0, "", -1, 2**53 - 1, 2**63, -(2**63), "0", "ü\n\u2028\U0001f6a2"])
@pytest.mark.parametrize("version", ["2025-11-25", MODERN])
def test_an_id_comes_back_exactly(id, version):
    peer = Peer(version)
    call = peer.start(of(version, "tools/call", call_add(), id))
    messages = [peer.finish(call, 3), peer.hear(of(version, "tools/list", id=id)), peer.hear(of(version, "x", id=id))]
    assert [message["id"] for message in messages] == [id] * 3
    assert {type(message["id"]) for message in messages} == {type(id)}


def test_the_number_and_the_text_of_an_id_are_two_ids():
    peer = Peer("2025-11-25")
    calls = [peer.start(request("tools/call", call_add(), id)) for id in (1, "1")]
    peer.say(cancel("1"))
    assert [call.ended for call in calls] == [False, True]


def test_an_id_still_in_flight_is_refused_and_its_first_owner_is_answered():
    peer = Peer("2025-11-25")
    call = peer.start(request("tools/call", call_add(), 5))
    assert peer.error(request("tools/list", id=5))["code"] == -32600
    assert peer.finish(call, 3)["result"]["structuredContent"] == {"result": 3}
    peer.start(request("tools/call", call_add(), 5))


@pytest.mark.requirement("SERVER-09")
def test_the_request_past_the_limit_is_refused_as_busy_while_ping_is_answered():
    peer = Peer("2025-11-25")
    calls = [peer.start(request("tools/call", call_add(), id)) for id in range(64)]
    error = peer.error(request("tools/call", call_add(), 64))
    assert (error["code"], error["data"]["retryable"], error["data"]["limit"]) == (BUSY, True, 64)
    assert peer.result(request("ping", id=65)) == {}
    peer.finish(calls[3], 0)
    peer.start(request("tools/call", call_add(), 64))
    peer.say(cancel(7))
    peer.start(request("tools/call", call_add(), 65))
    assert peer.error(request("tools/call", call_add(), 66))["code"] == BUSY


# --- notifications and cancellation ---


@pytest.mark.requirement("SERVER-12")
@pytest.mark.parametrize("version", [None, "2024-11-05", "2025-11-25"])
@pytest.mark.parametrize("method", [*CLIENT_NOTICES, "notifications/unknown", "tools/call", "initialize", ""])
@pytest.mark.parametrize("params", [None, {}, {"requestId": None}, {"requestId": 1.5}, {"requestId": [1]}])
def test_a_notification_is_never_answered(version, method, params):
    assert Peer(version).say(notice(method, params)) == []


def test_known_notifications_are_told_and_unknown_ones_are_not():
    peer = Peer("2025-11-25")
    peer.say(notice("notifications/roots/list_changed"))
    assert peer.effects == [Tell("notifications/roots/list_changed")]
    peer.say(notice("notifications/bottle"))
    assert peer.effects == []


@pytest.mark.requirement("SERVER-05")
@pytest.mark.parametrize("version", ALL)
def test_after_its_cancellation_nothing_is_sent_for_a_call(version):
    peer = Peer(version)
    params = {**call_add(), "_meta": {"progressToken": 1}}
    frame = modern("tools/call", call_add(), 4, token=1, logLevel="debug") if version == MODERN else None
    call = peer.start(frame or request("tools/call", params, 4))
    assert peer.say(cancel(4)) == []
    assert peer.effects == [Stop(call)]
    session = peer.session
    assert session.progress(call, 1, None, None) is None
    assert session.log(call, "emergency", "x", None) is None
    assert session.finish(call, 3) is session.fail(call, ValueError()) is session.suspend(call, 0.0) is None
    assert not session.calls
    assert call.ended


@pytest.mark.requirement("SERVER-07")
def test_a_cancellation_that_names_nothing_in_flight_does_nothing():
    peer = Peer("2025-11-25")
    call = peer.start(request("tools/call", call_add(), 1))
    peer.finish(call, 3)
    for id in (1, 2, "1", -1):
        assert peer.say(cancel(id)) == []
        assert peer.effects == []


@pytest.mark.requirement("SERVER-06")
def test_initialize_cannot_be_cancelled():
    peer = Peer("2025-11-25")
    peer.say(cancel("hello"))
    assert peer.effects == []
    assert peer.session.ready


# --- the end ---


def test_a_server_that_goes_away_refuses_new_requests_and_finishes_old_ones():
    peer = Peer("2025-11-25")
    call = peer.start(request("tools/call", call_add(), 1))
    peer.session.closing = True
    error = peer.error(request("tools/call", call_add(), 2))
    assert (error["code"], error["data"]["retryable"]) == (SHUTTING_DOWN, True)
    assert peer.result(request("ping", id=3)) == {}
    assert peer.result(request("tools/list", id=4))["tools"], "what only looks things up is still answered"
    assert "result" in peer.finish(call, 3)


def test_a_closed_session_hands_back_its_calls_and_says_nothing_more():
    peer = Peer("2025-11-25")
    peer.result(request("resources/subscribe", {"uri": "harbour://log"}))
    calls = [peer.start(request("tools/call", call_add(), 1)), peer.start(modern("tools/call", call_add(), 2))]
    peer.say(modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, 3))
    ended = peer.session.close()
    assert ended[:2] == calls
    assert len(ended) == 3
    assert all(call.ended for call in ended)
    assert [peer.finish(call, 3) for call in calls] == [None, None]
    assert peer.session.changed("tools") == peer.session.updated("harbour://log") == peer.session.farewell() == []
    assert peer.session.close() == []
