"""When a call becomes a task, and what is asked of tasks: without a loop, time by numbers."""

import json
import re

import pytest

from fairlead.catalog.tool import from_function as tool
from fairlead.errors import PeerError, ToolError, UsageError
from fairlead.kernel import Deliver, Run, Send, Stop
from fairlead.kernel.deferral import detach
from fairlead.spec import HANDSHAKE
from fairlead.spec.tasks import EXTENSION
from tests.kernel.desk import ABLE, ASKABLE, NOON, Client, works
from tests.kernel.talk import Peer, modern, request


def test_a_tool_has_no_tasks_unless_its_author_says_so():
    client = Client()
    call = client.start(modern("tools/call", {"name": "plain"}, capabilities=ABLE))
    assert call.job is None
    assert client.finish(call, "done")["result"]["resultType"] == "complete"


@pytest.mark.requirement("TASK-05", "TASK-06")
@pytest.mark.parametrize("name", ["may", "must"])
def test_a_call_of_a_client_that_declared_the_extension_is_a_task_at_once(name):
    client = Client()
    call, told = client.begin(name)
    assert [type(effect) for effect in client.effects] == [Run, Send]  # It runs, even if the answer cannot be sent.
    assert (told["resultType"], told["status"]) == ("task", "working")
    assert told["createdAt"] == told["lastUpdatedAt"] == "2027-01-15T08:00:00.000Z"
    assert told["ttlMs"] == (60_000 if name == "may" else 5_000)
    assert told["pollIntervalMs"] == 2_000
    assert "io.modelcontextprotocol/serverInfo" in told["_meta"]
    assert not told.keys() & {"task", "result", "error", "inputRequests", "requestState", "ttl", "pollInterval"}
    assert client.get(told["taskId"])["taskId"] == told["taskId"] == call.job.id


@pytest.mark.requirement("TASK-01")
@pytest.mark.parametrize("capabilities", [{}, {"extensions": {}}, {"extensions": {EXTENSION: None}}, {"tasks": {}}])
def test_a_client_that_did_not_declare_the_extension_waits_for_an_optional_task(capabilities):
    client = Client()
    client.begin()  # What was declared with another request counts for nothing.
    call = client.start(modern("tools/call", {"name": "may"}, capabilities=capabilities))
    assert call.job is None
    assert client.finish(call, "done")["result"]["resultType"] == "complete"


@pytest.mark.requirement("TASK-02")
@pytest.mark.parametrize("name", ["must", "must_later"])
def test_a_client_that_did_not_declare_the_extension_is_refused_a_required_task(name):
    error = Client().error(modern("tools/call", {"name": name}))
    assert error["code"] == -32021
    assert error["data"]["requiredCapabilities"] == ABLE


@pytest.mark.parametrize("version", HANDSHAKE)
def test_a_handshake_client_waits_for_an_optional_task_and_reads_why_it_cannot_have_a_required_one(version):
    client = Client(version, capabilities=ABLE)
    assert client.start(request("tools/call", {"name": "may"})).job is None
    told = client.result(request("tools/call", {"name": "must"}, 2))
    assert told["isError"] and EXTENSION in told["content"][0]["text"]


def test_the_old_parameter_that_asked_for_a_task_is_ignored():
    client = Client()
    call = client.start(modern("tools/call", {"name": "plain", "task": {"ttl": 60000}}, capabilities=ABLE))
    assert call.job is None


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
def test_methods_of_tasks_are_there_only_where_a_tool_allows_tasks(method):
    asked = modern(method, {"taskId": "x", "inputResponses": {}}, capabilities=ABLE)
    assert Peer().error(asked)["code"] == -32601
    assert Peer().error(modern(method, {}))["code"] == -32601  # Before anything is said of its params.
    assert Client().error(asked)["code"] == -32602
    assert Client("2025-11-25").error(request(method, {"taskId": "x", "inputResponses": {}}))["code"] == -32601


@pytest.mark.requirement("TASK-04")
def test_the_extension_is_advertised_only_where_a_tool_allows_tasks():
    assert "extensions" not in Peer().result(modern("server/discover"))["capabilities"]
    client = Client(extensions={"example/more": {"a": 1}})
    told = client.result(modern("server/discover"))["capabilities"]
    assert told["extensions"] == {"example/more": {"a": 1}, EXTENSION: {}}
    assert "tasks" not in told
    client.session.terms.catalog.tools.remove("may")
    assert EXTENSION in client.result(modern("server/discover"))["capabilities"]["extensions"]


def test_a_handshake_client_is_told_of_no_extension():
    client = Client()
    assert "extensions" not in client.shake("2025-11-25")["capabilities"]


@pytest.mark.requirement("TASK-03")
@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
def test_each_request_about_a_task_has_to_declare_the_extension(method):
    client = Client()
    _, told = client.begin()
    error = client.error(modern(method, {"taskId": told["taskId"], "inputResponses": {}}))
    assert error["code"] == -32021
    assert error["data"]["requiredCapabilities"] == ABLE


@pytest.mark.requirement("TASK-07")
def test_a_result_completes_a_task_and_is_kept_as_the_call_would_have_told_it():
    client = Client()
    call, told = client.begin()
    client.end(call, "done", NOON + 1)
    kept = client.get(told["taskId"], NOON + 30)
    assert (kept["resultType"], kept["status"]) == ("complete", "completed")
    assert kept["result"]["content"] == [{"type": "text", "text": "done"}]
    assert kept["result"]["resultType"] == "complete"
    assert kept["lastUpdatedAt"] == "2027-01-15T08:00:01.000Z"
    assert "error" not in kept


@pytest.mark.requirement("TASK-07")
def test_an_error_of_the_tool_completes_a_task():
    client = Client()
    call, told = client.begin()
    client.end(call, ToolError("no boats today"))
    kept = client.get(told["taskId"])
    assert kept["status"] == "completed"
    assert kept["result"]["isError"] is True


@pytest.mark.requirement("TASK-08")
def test_an_error_of_the_protocol_fails_a_task():
    client = Client()
    call, told = client.begin()
    client.end(call, PeerError(-32603, "the pier is gone"))
    kept = client.get(told["taskId"])
    assert kept["status"] == "failed"
    assert (kept["error"]["code"], kept["error"]["message"]) == (-32603, "the pier is gone")
    assert kept["statusMessage"] == "the pier is gone"
    assert "result" not in kept


def test_the_defect_of_a_tool_is_masked_in_its_task():
    client = Client()
    call, told = client.begin()
    client.end(call, ValueError("marker"))
    assert "marker" not in json.dumps(client.get(told["taskId"]))


@pytest.mark.requirement("TASK-10")
def test_cancelling_ends_a_task_at_once_and_what_comes_of_it_later_is_dropped():
    client = Client()
    call, told = client.begin()
    [answer] = client.say(modern("tasks/cancel", {"taskId": told["taskId"]}, capabilities=ABLE))
    assert [type(effect) for effect in client.effects] == [Stop, Send]
    assert answer["result"].keys() == {"resultType", "_meta"}
    assert answer["result"]["resultType"] == "complete"
    assert call.ended
    client.end(call, "too late")
    kept = client.get(told["taskId"])
    assert kept["status"] == "cancelled"
    assert not kept.keys() & {"result", "error"}


def test_cancelling_what_is_over_changes_nothing_and_is_acknowledged():
    client = Client()
    call, told = client.begin()
    client.end(call, "done")
    [answer] = client.say(modern("tasks/cancel", {"taskId": told["taskId"]}, capabilities=ABLE))
    assert [type(effect) for effect in client.effects] == [Send]
    assert answer["result"]["resultType"] == "complete"
    assert client.get(told["taskId"])["status"] == "completed"


def test_the_cancellation_of_the_request_is_not_that_of_its_task():
    client = Client()
    _, told = client.begin(id=7)
    cancelled = json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
    assert client.session.receive(cancelled, NOON) == []
    assert client.get(told["taskId"])["status"] == "working"


def test_the_id_of_the_request_is_free_again_and_its_new_call_is_left_alone():
    client = Client()
    call, _ = client.begin(id=7)
    other = client.start(modern("tools/call", {"name": "plain"}, 7))
    client.end(call, "done")
    assert client.finish(other, "mine")["result"]["content"][0]["text"] == "mine"


def test_a_task_outlives_the_conversation_it_began_in():
    client = Client()
    call, told = client.begin()
    assert client.session.close() == []
    client.end(call, "done")
    assert Client(table=client.table).get(told["taskId"])["status"] == "completed"


@pytest.mark.requirement("TASK-11", "TASK-12")
def test_a_task_is_nobody_elses():
    client = Client(principal="ann")
    _, told = client.begin()
    for other in (Client(table=client.table, principal="bob"), Client(table=client.table)):
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            asked = modern(method, {"taskId": told["taskId"], "inputResponses": {}}, capabilities=ABLE)
            assert other.error(asked, NOON)["code"] == -32602
    assert client.get(told["taskId"])["status"] == "working"


@pytest.mark.requirement("TASK-12")
def test_ids_are_long_and_never_the_same():
    client = Client(tasks=1000)
    ids = {client.begin(id=number)[1]["taskId"] for number in range(200)}
    assert len(ids) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", id) for id in ids)


# Questions.
@pytest.mark.requirement("TASK-09", "TASK-10")
def test_questions_are_shown_until_each_is_answered_and_unknown_answers_mean_nothing():
    client = Client()
    call, told = client.begin()
    first, second = client.asks(call, "one?", "two?")
    shown = client.get(told["taskId"])
    assert shown["status"] == "input_required"
    assert {key: shown["inputRequests"][key]["params"]["message"] for key in (first, second)} == {
        first: "one?",
        second: "two?",
    }

    def update(**responses):
        params = {"taskId": told["taskId"], "inputResponses": responses}
        [answer] = client.say(modern("tasks/update", params, capabilities=ABLE), NOON)
        assert answer["result"].keys() == {"resultType", "_meta"}
        return [effect.answers for effect in client.effects if isinstance(effect, Deliver)]

    assert update(nothing={"action": "accept"}, **{first: None}) == []
    assert update(**{first: {"action": "accept"}}) == [{first: {"action": "accept"}}]
    assert list(client.get(told["taskId"])["inputRequests"]) == [second]
    assert update(**{first: {"action": "decline"}}) == []
    assert update(**{second: {"action": "decline"}}) == [{second: {"action": "decline"}}]
    assert client.get(told["taskId"])["status"] == "working"
    assert update(**{second: {"action": "decline"}}) == []
    [third] = client.asks(call, "three?")
    assert third not in (first, second)


def test_questions_of_a_task_that_is_over_are_shown_no_more():
    client = Client()
    call, told = client.begin()
    [key] = client.asks(call, "one?")
    client.end(call, "done")
    assert "inputRequests" not in client.get(told["taskId"])
    params = {"taskId": told["taskId"], "inputResponses": {key: {"action": "accept"}}}
    assert client.result(modern("tasks/update", params, capabilities=ABLE), NOON)["resultType"] == "complete"
    assert not any(isinstance(effect, Deliver) for effect in client.effects)


def test_a_call_asks_first_and_becomes_a_task_under_the_id_of_its_retry():
    client = Client()
    call = client.start(modern("tools/call", {"name": "must_later"}, 1, capabilities=ASKABLE), NOON)
    assert call.job is None
    key, _ = call.question("elicitation/create", {"message": "one?"})
    asked = client.suspend(call, NOON)["result"]
    assert asked["resultType"] == "input_required" and "taskId" not in asked
    retry = {"name": "must_later", "requestState": asked["requestState"], "inputResponses": {key: {"action": "accept"}}}
    assert client.resume(modern("tools/call", retry, 2, capabilities=ASKABLE), NOON).call is call
    call.answered({key: {"action": "accept"}})
    told = json.loads(detach(call, NOON, "under way"))
    assert told["id"] == 2
    assert (told["result"]["resultType"], told["result"]["statusMessage"]) == ("task", "under way")
    assert not told["result"].keys() & {"requestState", "inputRequests"}
    client.end(call, "for Ann")
    assert client.get(told["result"]["taskId"])["result"]["content"][0]["text"] == "for Ann"


def test_the_retry_of_what_began_as_no_task_is_none():
    client = Client()
    call = client.start(modern("tools/call", {"name": "may"}, 1, capabilities={"elicitation": {}}), NOON)
    key, _ = call.question("elicitation/create", {"message": "one?"})
    state = client.suspend(call, NOON)["result"]["requestState"]
    retry = {"name": "may", "requestState": state, "inputResponses": {key: {"action": "accept"}}}
    assert client.resume(modern("tools/call", retry, 2, capabilities=ASKABLE), NOON).call is call
    assert client.finish(call, "done")["result"]["resultType"] == "complete"
    assert len(client.table) == 0


def test_what_was_asked_side_by_side_with_becoming_a_task_is_shown_by_the_task():
    client = Client()
    call = client.start(modern("tools/call", {"name": "later"}, capabilities=ASKABLE), NOON)
    key, _ = call.question("elicitation/create", {"message": "one?"})
    told = json.loads(detach(call, NOON))["result"]
    assert "inputRequests" not in told
    assert list(client.get(told["taskId"])["inputRequests"]) == [key]
    assert client.suspend(call, NOON) is None


@pytest.mark.parametrize("name", ["plain", "later"])
def test_what_may_not_become_a_task_stays_a_call(name):
    client = Client()
    call = client.start(modern("tools/call", {"name": name}, capabilities=ABLE if name == "plain" else {}))
    assert detach(call, NOON) is None
    assert client.finish(call, "done")["result"]["resultType"] == "complete"
    assert detach(call, NOON) is None


@pytest.mark.requirement("TASK-16")
def test_a_task_sends_neither_progress_nor_log_messages():
    client = Client()
    frame = modern("tools/call", {"name": "may"}, capabilities=ABLE, token="p", logLevel="debug")
    client.say(frame, NOON)
    [run] = [effect for effect in client.effects if isinstance(effect, Run)]
    assert client.session.progress(run.call, 1, 2, "half") is None
    assert client.session.log(run.call, "error", "oh", None) is None


# What authors may say.


@pytest.mark.parametrize(
    "options",
    [{"task": "perhaps"}, {"task": "optional", "task_ttl": 0}, {"task": "required", "task_ttl": float("inf")}],
)
def test_a_rule_that_says_nothing_is_refused_where_the_tool_is_made(options):
    with pytest.raises(UsageError, match="task"):
        tool(works, **options)


def test_a_tool_that_is_to_detach_itself_needs_a_context():
    with pytest.raises(UsageError, match="Context"):
        tool(works, task="optional", task_at_once=False)
