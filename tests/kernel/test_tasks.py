"""The table of tasks: who listens, how long they are kept, how many, and what follows what."""

import itertools
import json

import pytest

from fairlead.errors import PeerError
from fairlead.kernel import Job, Send, Watch
from fairlead.kernel.deferral import detach
from fairlead.spec.tasks import ENDS, MOVES
from tests.kernel.desk import ABLE, NOON, Client, listen
from tests.kernel.talk import Peer, modern


# Who listens.
@pytest.mark.requirement("TASK-14")
def test_a_listener_is_told_how_its_tasks_are_and_then_of_each_change():
    client = Client()
    news = []
    client.table.listen(lambda job: news.extend(job.news()))
    call, told = client.begin()
    acknowledged, now_so = listen(client, told["taskId"], "none such")
    assert [type(effect) for effect in client.effects] == [Send, Watch, Send]
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert acknowledged["params"]["notifications"] == {"taskIds": [told["taskId"]]}
    assert (now_so["method"], now_so["params"]["status"]) == ("notifications/tasks", "working")
    [key] = client.asks(call, "one?")
    client.table.answer(call.job, {key: {}}, NOON)
    client.end(call, "done")
    frames = [json.loads(sent.frame) for sent in news]
    assert [frame["params"]["status"] for frame in frames] == ["input_required", "working", "completed"]
    for frame in (now_so, *frames):
        assert frame["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "ear"}
        assert "id" not in frame
    kept = client.get(told["taskId"])
    assert frames[-1]["params"]["result"] == kept["result"]
    assert list(frames[0]["params"]["inputRequests"]) == [key]


def test_who_has_stopped_listening_is_told_nothing():
    client = Client()
    call, told = client.begin()
    listen(client, told["taskId"])
    client.say(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "ear"}}))
    assert call.job.news() == []
    assert call.job.watchers == []


@pytest.mark.requirement("TASK-15")
def test_a_listener_that_did_not_declare_the_extension_is_refused():
    client = Client()
    _, told = client.begin()
    [answer] = listen(client, told["taskId"], capabilities={})
    assert answer["error"]["code"] == -32021
    assert answer["error"]["data"]["requiredCapabilities"] == ABLE
    assert "ear" not in client.session.calls


@pytest.mark.requirement("TASK-14")
def test_a_listener_hears_of_nobody_elses_tasks():
    client = Client(principal="ann")
    call, told = client.begin()
    [acknowledged] = listen(Client(table=client.table, principal="bob"), told["taskId"])
    assert acknowledged["params"]["notifications"] == {}
    assert call.job.watchers == []


def test_where_no_tool_allows_tasks_a_listener_that_asks_for_them_hears_of_the_rest():
    [acknowledged] = listen(Peer(), "x")
    assert acknowledged["params"]["notifications"] == {}


# Time and bounds.
@pytest.mark.requirement("TASK-13")
def test_a_task_is_kept_for_its_time_and_forgotten_then():
    client = Client()
    call, told = client.begin()
    client.end(call, "done", NOON + 1)
    assert client.table.next_expiry() == NOON + 60
    assert client.table.expire(NOON + 59.9) == []
    assert client.get(told["taskId"], NOON + 59.9)["status"] == "completed"
    asked = modern("tasks/get", {"taskId": told["taskId"]}, capabilities=ABLE)
    assert client.error(asked, NOON + 60)["code"] == -32602
    assert client.table.expire(NOON + 60) == []
    assert len(client.table) == 0
    assert client.table.next_expiry() is None


def test_what_still_runs_when_its_time_is_over_has_failed_and_is_stopped():
    client = Client()
    news = []
    client.table.listen(lambda job: news.extend(job.news()))
    call, told = client.begin()
    listen(client, told["taskId"])
    assert client.table.expire(NOON + 60) == [call]
    [frame] = [json.loads(sent.frame) for sent in news]
    assert (frame["params"]["status"], frame["params"]["error"]["code"]) == ("failed", -31003)


def test_past_the_number_of_tasks_an_optional_one_runs_as_any_call_and_a_required_one_is_busy():
    client = Client(tasks=1)
    first, _ = client.begin()
    assert client.start(modern("tools/call", {"name": "may"}, 2, capabilities=ABLE), NOON).job is None
    busy = client.error(modern("tools/call", {"name": "must"}, 3, capabilities=ABLE), NOON)
    assert (busy["code"], busy["data"]["retryable"], busy["data"]["limit"]) == (-31001, True, 1)
    assert 3 not in client.session.calls
    client.end(first, "done")
    client.table.expire(NOON + 60)
    assert client.begin("must", NOON + 61)[0].job is not None


def test_past_the_number_of_tasks_one_that_must_become_one_later_is_told_so():
    client = Client(tasks=1)
    call = client.start(modern("tools/call", {"name": "must_later"}, capabilities=ABLE), NOON)
    client.begin()
    with pytest.raises(PeerError, match="1 tasks"):
        detach(call, NOON)
    assert call.job is None


def test_past_the_bytes_of_results_no_task_is_begun_until_some_are_forgotten():
    client = Client(task_bytes=1000)
    call, _ = client.begin()
    client.end(call, "x" * 2000)
    assert client.error(modern("tools/call", {"name": "must"}, 3, capabilities=ABLE), NOON)["code"] == -31001
    client.table.expire(NOON + 60)
    assert client.begin("must", NOON + 61)[0].job is not None


def test_clearing_gives_back_only_the_calls_that_run():
    client = Client()
    running, _ = client.begin(id=1)
    done, _ = client.begin(id=2)
    client.end(done, "done")
    assert client.table.clear() == [running]
    assert len(client.table) == 0


def test_how_far_a_task_is_stands_in_its_message_and_is_told_once_in_a_poll_interval():
    client = Client()
    told_at = []
    call, told = client.begin()
    client.table.listen(lambda job: told_at.append(job.updated - NOON))
    for second in (0.5, 1.9, 2.0, 3.9, 4.5):
        client.table.note(call.job, f"at {second}", NOON + second)
    assert told_at == [2.0, 4.5]
    assert client.get(told["taskId"])["statusMessage"] == "at 4.5"
    client.table.note(call.job, "x" * 5000, NOON + 5)
    assert len(client.get(told["taskId"])["statusMessage"]) == 1000
    client.end(call, "done", NOON + 6)
    client.table.note(call.job, "after the end", NOON + 7)
    assert "statusMessage" not in client.get(told["taskId"])


def test_while_the_server_goes_away_results_can_still_be_fetched_and_no_task_is_begun():
    client = Client()
    call, told = client.begin()
    client.session.closing = True
    client.end(call, "done")
    assert client.get(told["taskId"])["status"] == "completed"
    assert client.error(modern("tools/call", {"name": "may"}, 2, capabilities=ABLE))["code"] == -31004


# The table of states.


def test_no_walk_leaves_the_table_of_states():
    for walk in itertools.product(range(6), repeat=3):
        seen, steps = walked(walk)
        assert all(after == before or after in MOVES[before] for before, after in itertools.pairwise(seen)), walk
        assert not any(before in ENDS for before in seen[:-1]), walk
        assert all(steps), walk


def walked(walk):
    """The states that a job was told to be in, and whether it was, after each step, where its call says it is."""
    client = Client()
    call, _ = client.begin()
    job: Job = call.job
    seen = [job.status]
    client.table.listen(lambda changed: seen.append(changed.status))
    acts = (
        lambda: job.over or client.asks(call, "one?"),
        lambda: client.table.answer(job, dict.fromkeys(call.questions or {}, {}), NOON),
        lambda: client.table.cancel(job, NOON),
        lambda: client.end(call, "done"),
        lambda: client.end(call, PeerError(-32603, "gone")),
        lambda: client.table.expire(NOON + 60),
    )
    steps = []
    for step in walk:
        acts[step]()
        steps.append(job.over or job.status == ("input_required" if call.questions else "working"))
    return seen, steps
