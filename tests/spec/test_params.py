"""The parameters of each method: what their types take, what they refuse, and what they let pass."""

import json

import msgspec
import pytest

from fairlead.spec import params
from fairlead.spec.methods import METHODS

UNSET = msgspec.UNSET
FITTING = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
    "ping": {},
    "server/discover": {},
    "tools/list": {"cursor": "x"},
    "tools/call": {"name": "add", "arguments": {"a": 1}, "inputResponses": {"q": {}}, "requestState": "s"},
    "resources/list": {"cursor": ""},
    "resources/templates/list": {"cursor": None},
    "resources/read": {"uri": "a://b"},
    "resources/subscribe": {"uri": "a://b"},
    "resources/unsubscribe": {"uri": "a://b"},
    "prompts/list": {},
    "prompts/get": {"name": "p", "arguments": {"a": "1"}},
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": ""}},
    "logging/setLevel": {"level": "debug"},
    "subscriptions/listen": {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["a://b"]}},
}
WRONG = [
    ("initialize", {}, "protocolVersion"),
    ("initialize", {"protocolVersion": 1}, "$.protocolVersion"),
    ("initialize", {"protocolVersion": "x", "capabilities": []}, "$.capabilities"),
    ("tools/call", {}, "name"),
    ("tools/call", {"name": 1}, "$.name"),
    ("tools/call", {"name": "a", "requestState": 1}, "$.requestState"),
    ("tools/list", {"cursor": 5}, "$.cursor"),
    ("prompts/get", {"name": "p", "arguments": {"a": 1}}, "$.arguments[...]"),
    ("resources/read", {"uri": None}, "$.uri"),
    ("logging/setLevel", {"level": "loud"}, "$.level"),
    ("completion/complete", {"ref": {"type": "ref/tool", "name": "p"}}, "$.ref.type"),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a"}}, "$.argument"),
    ("subscriptions/listen", {}, "notifications"),
    (
        "subscriptions/listen",
        {"notifications": {"resourceSubscriptions": "a"}},
        "$.notifications.resourceSubscriptions",
    ),
    ("ping", {"_meta": 1}, "$._meta"),
    ("ping", {"_meta": {"progressToken": 1.5}}, "$._meta.progressToken"),
    ("ping", {"_meta": {params.PROTOCOL_VERSION: 1}}, "$._meta"),
    ("ping", {"_meta": {params.CLIENT_CAPABILITIES: []}}, "$._meta"),
    ("ping", {"_meta": {params.LOG_LEVEL: "loud"}}, "$._meta"),
    ("ping", [], "array"),
]


def read(method, value):
    return msgspec.json.decode(json.dumps(value).encode(), type=METHODS[method].params)


@pytest.mark.parametrize("method", FITTING)
def test_params_that_fit_are_read_and_members_that_nobody_knows_let_pass(method):
    meta = {"progressToken": "t", "x/y": 1, "traceparent": "00"}
    found = read(method, {**FITTING[method], "serialNumber": 7, "_meta": meta})
    assert found.meta.progress_token == "t"
    assert read(method, FITTING[method]).meta is UNSET


@pytest.mark.parametrize(("method", "value", "where"), WRONG)
def test_params_that_do_not_fit_are_refused_with_the_place(method, value, where):
    with pytest.raises(msgspec.ValidationError) as caught:
        read(method, value)
    assert where in str(caught.value)


def test_the_metadata_of_both_eras_is_read():
    members = {
        "progressToken": 0,
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        "io.modelcontextprotocol/clientInfo": {"name": "c", "version": "2"},
        "io.modelcontextprotocol/logLevel": "warning",
    }
    meta = read("tools/list", {"_meta": members}).meta
    assert (meta.progress_token, meta.version, meta.log_level) == (0, "2026-07-28", "warning")
    assert meta.capabilities == {"elicitation": {}}
    assert (meta.client.name, meta.client.version) == ("c", "2")


def test_metadata_that_is_not_there_is_told_from_null():
    meta = read("ping", {"_meta": {}}).meta
    assert [meta.progress_token, meta.version, meta.capabilities, meta.client, meta.log_level] == [UNSET] * 5


def test_a_handshake_of_a_sloppy_peer_is_taken():
    found = read("initialize", {"protocolVersion": "2024-11-05"})
    assert (found.capabilities, found.client) == ({}, UNSET)
    assert read("initialize", {"protocolVersion": "x", "clientInfo": {"name": "c"}}).client.version == "0"


def test_the_arguments_of_a_tool_stay_as_they_came():
    assert bytes(msgspec.json.decode(b'{"name":"a","arguments":{"x": 1.0 }}', type=params.CallTool).arguments) == (
        b'{"x": 1.0 }'
    )


def test_an_empty_cursor_is_a_cursor():
    assert read("tools/list", {"cursor": ""}).cursor == ""
    assert read("tools/list", {}).cursor is UNSET


def test_a_completion_may_be_of_a_prompt_or_of_a_template():
    argument = {"name": "a", "value": "b"}
    prompt = read(
        "completion/complete", {"ref": {"type": "ref/prompt", "name": "p", "title": "P"}, "argument": argument}
    )
    assert isinstance(prompt.ref, params.PromptReference)
    settled = {
        "ref": {"type": "ref/resource", "uri": "a://{b}"},
        "argument": argument,
        "context": {"arguments": {"c": "d"}},
    }
    template = read("completion/complete", settled)
    assert isinstance(template.ref, params.TemplateReference)
    assert template.context.arguments == {"c": "d"}


@pytest.mark.parametrize("id", [0, "", -1, "a", 2**63, 2**53 - 1])
def test_a_cancellation_names_any_id(id):
    found = msgspec.json.decode(json.dumps({"requestId": id, "reason": None}), type=params.Cancelled)
    assert (type(found.request_id), found.request_id) == (type(id), id)


@pytest.mark.parametrize("value", [{}, {"requestId": None}, {"requestId": 1.5}, {"requestId": True}])
def test_a_cancellation_of_nothing_is_refused(value):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(value), type=params.Cancelled)


def test_progress_may_be_whole_or_not():
    found = msgspec.json.decode('{"progressToken":"t","progress":1,"total":2.5}', type=params.Progressed)
    assert (found.progress_token, found.progress, found.total, found.message) == ("t", 1.0, 2.5, UNSET)


def test_the_levels_of_a_log_go_up_in_weight():
    assert params.LOG_LEVELS == ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


def test_the_keys_of_the_metadata_are_those_of_the_specification():
    keys = [params.PROTOCOL_VERSION, params.CLIENT_INFO, params.CLIENT_CAPABILITIES, params.LOG_LEVEL]
    keys += [params.SERVER_INFO, params.SUBSCRIPTION_ID]
    ends = ["protocolVersion", "clientInfo", "clientCapabilities", "logLevel", "serverInfo", "subscriptionId"]
    assert keys == [f"io.modelcontextprotocol/{end}" for end in ends]
