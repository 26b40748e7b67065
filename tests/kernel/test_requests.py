"""What each request means: lists and their cursors, tools, prompts, resources, completion, discovery."""

import pytest

from fairlead.catalog import Catalog, Completion
from fairlead.catalog.tool import from_function
from fairlead.kernel.listening import MOST
from fairlead.spec import HANDSHAKE
from fairlead.wire import Limits
from tests.kernel.talk import ALL, MODERN, PREFIX, Peer, call_add, harbour, modern, notice, of, request, terms

LISTS = {
    "tools/list": ("tools", "name"),
    "prompts/list": ("prompts", "name"),
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("resourceTemplates", "uriTemplate"),
}


def many(count: int) -> Catalog:
    catalog = Catalog()
    for number in range(count):
        catalog.add_tool(from_function(lambda: None, name=f"tool-{number}"))
    return catalog


def walk(peer: Peer, version: str = MODERN) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        result = peer.result(of(version, "tools/list", {} if cursor is None else {"cursor": cursor}))
        pages.append([tool["name"] for tool in result["tools"]])
        cursor = result.get("nextCursor")
        if cursor is None:
            return pages


# --- lists ---


@pytest.mark.requirement("STATELESS-24", "STATELESS-25")
@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize("version", ALL)
def test_a_list_is_the_same_on_every_connection_in_the_order_of_registration(method, version):
    shared = terms()
    member, key = LISTS[method]
    first, second = (Peer(version, of_terms=shared).result(of(version, method)) for _ in range(2))
    assert first == second
    names = [entry[key] for entry in first[member]]
    assert names in (["add", "ask", "again"], ["greet"], ["harbour://log"], ["harbour://berth/{number}"])


@pytest.mark.parametrize("version", ALL)
def test_a_list_comes_in_pages_and_the_last_has_no_cursor(version):
    pages = walk(Peer(version, catalog=many(7), page_size=3), version)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sum(pages, []) == [f"tool-{number}" for number in range(7)]
    assert [len(page) for page in walk(Peer(version, catalog=many(6), page_size=3), version)] == [3, 3]


def test_a_list_that_changes_between_two_pages_loses_and_repeats_nothing():
    catalog = many(6)
    peer = Peer(catalog=catalog, page_size=3)
    first = peer.result(modern("tools/list"))
    for gone in ("tool-0", "tool-2", "tool-4"):
        catalog.tools.remove(gone)
    catalog.add_tool(from_function(lambda: None, name="new"))
    second = peer.result(modern("tools/list", {"cursor": first["nextCursor"]}))
    assert [tool["name"] for tool in second["tools"]] == ["tool-3", "tool-5", "new"]


def test_what_is_switched_off_is_neither_listed_nor_called():
    peer = Peer()
    catalog = peer.session.terms.catalog
    catalog.tools.switch("add", False)
    catalog.prompts.switch("greet", False)
    catalog.templates.switch("harbour://berth/{number}", False)
    assert [tool["name"] for tool in peer.result(modern("tools/list"))["tools"]] == ["ask", "again"]
    completed = {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": ""}}
    for method, params in {
        "tools/call": call_add(),
        "prompts/get": {"name": "greet"},
        "resources/read": {"uri": "harbour://berth/3"},
        "completion/complete": completed,
    }.items():
        assert peer.error(modern(method, params))["code"] == -32602


@pytest.mark.requirement("ERR-10")
@pytest.mark.parametrize("cursor", ["x", "0", "!", "é", "=" * 9, "a" * 5000, "bnVsbA", "\x00", "_-_-", " "])
@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize("version", ["2024-11-05", MODERN])
def test_a_cursor_from_elsewhere_is_refused(cursor, method, version):
    error = Peer(version).error(of(version, method, {"cursor": cursor}))
    assert error["code"] == -32602
    assert "without a cursor" in error["data"]["next"]


@pytest.mark.requirement("ERR-10")
def test_a_cursor_of_another_list_or_another_server_is_refused():
    cursor = Peer(catalog=many(3), page_size=2).result(modern("tools/list"))["nextCursor"]
    peer = Peer(catalog=many(3), page_size=2, secret=b"another" * 5)
    assert peer.error(modern("tools/list", {"cursor": cursor}))["code"] == -32602
    assert Peer().error(modern("prompts/list", {"cursor": cursor}))["code"] == -32602


@pytest.mark.requirement("ERR-10")
def test_a_cursor_that_was_changed_on_the_way_is_refused():
    peer = Peer(catalog=many(300), page_size=150)
    cursor = peer.result(modern("tools/list"))["nextCursor"]
    changed = [cursor + mark for mark in ("=", "!", "\n", "A")] + [cursor[:9] + " " + cursor[9:], cursor[:-1]]
    changed += [cursor[:place] + chr(ord(cursor[place]) ^ 1) + cursor[place + 1 :] for place in range(len(cursor))]
    for other in changed:
        assert peer.error(modern("tools/list", {"cursor": other}))["code"] == -32602, other
    peer.result(modern("tools/list", {"cursor": cursor}))


@pytest.mark.parametrize("cursor", [None, ""])
def test_no_cursor_and_an_empty_one_ask_for_the_first_page(cursor):
    # Devices of the xiaozhi family ask for their first page with "".
    assert len(Peer().result(modern("tools/list", {"cursor": cursor}))["tools"]) == 3


# --- tools ---


@pytest.mark.requirement("ERR-07")
@pytest.mark.parametrize("name", ["subtract", "", "ADD", "add ", "x" * 5000])
@pytest.mark.parametrize("version", ALL)
def test_an_unknown_tool_is_a_protocol_error_in_every_version(name, version):
    error = Peer(version).error(of(version, "tools/call", {"name": name}))
    assert error["code"] == -32602
    assert error["data"]["errorCode"] == "TOOL_NOT_FOUND"
    assert len(error["message"]) < 200


@pytest.mark.requirement("ERR-17")
@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"a": "one"}, "$.a"),
        ({}, "$.a"),
        ({"a": 1, "c": 2}, "$.c"),
        ({"a": 1.5}, "$.a"),
        ([1, 2], "$"),
        ("a", "$"),
        (None, "$.a"),
    ],
)
def test_arguments_that_do_not_fit_are_told_as_the_version_has_it(version, arguments, said):
    message = Peer(version).hear(of(version, "tools/call", {"name": "add", "arguments": arguments}))
    if version in ("2025-11-25", MODERN):
        assert message["result"]["isError"] is True
        assert said in message["result"]["content"][0]["text"]
        assert "structuredContent" not in message["result"]
    else:
        assert message["error"]["code"] == -32602
        assert message["error"]["data"]["path"].startswith("$")


def test_a_call_brings_its_arguments_with_defaults_filled_in():
    peer = Peer("2025-11-25")
    assert peer.start(request("tools/call", {"name": "add", "arguments": {"a": 5}}, 1)).arguments == {"a": 5, "b": 0}
    assert peer.start(request("tools/call", {"name": "ask"}, 2)).arguments == {"topic": ""}
    assert peer.start(request("tools/call", {"name": "ask", "arguments": None}, 3)).arguments == {"topic": ""}


def test_a_call_keeps_the_tool_that_it_began_with():
    peer = Peer()
    call = peer.start(modern("tools/call", call_add()))
    peer.session.terms.catalog.tools.remove("add")
    assert peer.finish(call, 3)["result"]["structuredContent"] == {"result": 3}


def test_members_of_meta_that_nobody_knows_are_there_when_asked_for():
    call = Peer("2025-11-25").start(request("tools/call", {**call_add(), "_meta": {"serial": 7}, "spare": [1]}))
    assert call.meta() == {"serial": 7}


# --- prompts and resources ---


@pytest.mark.requirement("ERR-08")
@pytest.mark.parametrize("version", ALL)
def test_an_unknown_prompt_is_refused(version):
    assert Peer(version).error(of(version, "prompts/get", {"name": "nobody"}))["code"] == -32602


@pytest.mark.parametrize("arguments", [None, {}, {"name": 3}, {"name": "x", "times": "many"}, {"name": "x", "y": "z"}])
@pytest.mark.parametrize("version", ALL)
def test_arguments_that_do_not_fit_a_prompt_are_refused(version, arguments):
    params = {"name": "greet", "arguments": arguments}
    assert Peer(version).error(of(version, "prompts/get", params))["code"] == -32602


def test_a_prompt_reads_numbers_from_their_text():
    params = {"name": "greet", "arguments": {"name": "Ida", "times": "3"}}
    assert Peer().start(modern("prompts/get", params)).arguments == {"name": "Ida", "times": 3}


@pytest.mark.requirement("ERR-11")
@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("uri", ["harbour://none", "harbour://berth/", "harbour://berth/three", "", "no uri"])
def test_a_resource_that_is_not_there_has_the_code_of_its_version(version, uri):
    error = Peer(version).error(of(version, "resources/read", {"uri": uri}))
    assert error["code"] == (-32602 if version == MODERN else -32002)
    assert error["data"]["uri"] == uri
    assert error["data"]["errorCode"] == "RESOURCE_NOT_FOUND"


def test_the_variables_of_a_uri_are_the_arguments_of_its_function():
    peer = Peer()
    assert peer.start(modern("resources/read", {"uri": "harbour://berth/12"}, 1)).arguments == {"number": 12}
    assert peer.start(modern("resources/read", {"uri": "harbour://log"}, 2)).arguments == {}


def test_subscriptions_are_bounded_and_only_for_what_is_there():
    peer = Peer("2025-11-25", limits=Limits(frame_bytes=1 << 20))
    assert peer.error(request("resources/subscribe", {"uri": "harbour://none"}))["code"] == -32002
    for number in range(MOST):
        peer.result(request("resources/subscribe", {"uri": f"harbour://berth/{number}"}))
    error = peer.error(request("resources/subscribe", {"uri": "harbour://log"}))
    assert (error["code"], error["data"]["limit"]) == (-32602, MOST)
    peer.result(request("resources/unsubscribe", {"uri": "harbour://berth/0"}))
    peer.result(request("resources/subscribe", {"uri": "harbour://log"}))


# --- completion ---


def asked(name="greet", argument="name", value="", kind="prompt", **context):
    ref = {"type": "ref/prompt", "name": name} if kind == "prompt" else {"type": "ref/resource", "uri": name}
    return {"ref": ref, "argument": {"name": argument, "value": value}, **context}


def test_completion_runs_the_function_of_its_argument_with_what_was_typed():
    call = Peer().start(modern("completion/complete", asked(value="Id")))
    assert list(call.arguments.values()) == ["Id"]


def test_completion_hands_on_the_arguments_that_were_settled_before():
    peer = Peer()
    peer.session.terms.catalog.add_completion(Completion("greet", "times", lambda typed, settled: [settled["name"]]))
    call = peer.start(modern("completion/complete", asked(argument="times", context={"arguments": {"name": "Ida"}})))
    assert call.entry.function(**call.arguments) == ["Ida"]


@pytest.mark.parametrize("version", ALL)
def test_an_argument_nobody_completes_has_no_values(version):
    peer = Peer(version)
    for params in (asked(argument="times"), asked("harbour://berth/{number}", "number", kind="resource")):
        result = peer.result(of(version, "completion/complete", params))
        assert result["completion"] == {"values": [], "total": 0, "hasMore": False}


@pytest.mark.parametrize(
    "params", [asked("nobody"), asked("harbour://x", kind="resource"), {"ref": {"type": "ref/tool", "name": "add"}}]
)
def test_completion_of_what_is_not_there_is_refused(params):
    assert Peer().error(modern("completion/complete", params))["code"] == -32602


@pytest.mark.requirement("ERR-06", "ERA-10")
@pytest.mark.parametrize("version", ALL)
def test_without_completions_the_method_and_its_capability_do_not_exist(version):
    catalog = Catalog()
    catalog.add_prompt(next(iter(harbour().prompts)))
    peer = Peer(version, catalog=catalog)
    assert peer.error(of(version, "completion/complete", asked()))["code"] == -32601
    found = peer.shake(version) if version in HANDSHAKE else peer.result(modern("server/discover"))
    assert "completions" not in found["capabilities"]


# --- discovery and logging ---


@pytest.mark.requirement("STATELESS-03")
def test_discover_tells_versions_capabilities_and_instructions():
    extensions = {"io.example/tides": {"table": True}}
    result = Peer(instructions="Mind the tide.", extensions=extensions).result(modern("server/discover"))
    assert result["supportedVersions"] == [MODERN]
    assert result["instructions"] == "Mind the tide."
    assert result["capabilities"]["extensions"] == extensions
    assert result["_meta"][PREFIX + "serverInfo"]["name"] == "harbour"
    assert {"tools", "resources", "prompts", "completions"} <= result["capabilities"].keys()


@pytest.mark.parametrize("version", HANDSHAKE)
def test_extensions_are_not_told_in_a_handshake(version):
    told = Peer(extensions={"io.example/tides": {}}).shake(version)
    assert "extensions" not in told["capabilities"]
    assert "instructions" not in told


@pytest.mark.parametrize("level", ["verbose", "", "INFO", 3, None])
def test_a_log_level_that_does_not_exist_is_refused(level):
    peer = Peer("2025-11-25")
    assert peer.error(request("logging/setLevel", {"level": level}))["code"] == -32602
    assert peer.session.log_level == "info"


def test_a_request_without_params_is_one_with_none():
    peer = Peer("2025-11-25")
    frame = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}'
    assert len(peer.result(frame)["tools"]) == 3
    assert peer.say(notice("notifications/initialized")) == []
    assert peer.error(b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}')["code"] == -32602


# --- answers that come with the call ---


def test_what_a_call_would_ask_may_be_answered_with_it():
    call = Peer().start(modern("tools/call", {"name": "ask", "inputResponses": {"name": {"action": "accept"}}}))
    call.name_question("name")
    assert call.question("elicitation/create", {}) == ("name", {"action": "accept"})
    call.name_question("name")
    assert call.question("elicitation/create", {}) == ("name-2", None)


@pytest.mark.parametrize("responses", [None, 5, {"name": 12345}, {"name": "Ida"}, [{}]])
def test_answers_that_are_no_objects_are_refused(responses):
    error = Peer().error(modern("tools/call", {"name": "ask", "inputResponses": responses}))
    assert error["code"] == -32602
