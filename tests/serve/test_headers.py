"""What headers say beside a stateless body: pure, and as the endpoint answers it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.serve.headers import Headers, accepts, decoded, is_json
from tests.serve.boat import Boat, mirrored
from tests.serve.web import served

JSON = "application/json"
EVENTS = "text/event-stream"


def coded(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@pytest.mark.parametrize(
    ("accept", "json", "events"),
    [
        (None, True, True),
        ("*/*", True, True),
        (JSON, True, False),
        (EVENTS, False, True),
        (f"{JSON}, {EVENTS}", True, True),
        ("Application/*;q=0.5,TEXT/*", True, True),
        (f"{JSON};q=0, {EVENTS}", False, True),
        (f"{JSON}; q=0.000", False, False),
        ("text/html", False, False),
        ("", False, False),
    ],
)
def test_accept_says_what_a_client_takes(accept, json, events):
    assert accepts(accept) == (json, events)


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (JSON, True),
        ("Application/JSON; charset=utf-8", True),
        (None, False),
        ("", False),
        ("text/plain", False),
        ("application/jsonp", False),
    ],
)
def test_a_body_says_that_it_is_json(value, taken):
    assert is_json(value) is taken


def test_headers_lose_their_blanks_and_tell_what_came_twice():
    headers = Headers.of([(b"a", b" 1\t"), (b"b", b"2"), (b"a", b"3")])
    assert headers == {"a": "3", "b": "2"}
    assert headers.repeated == {"a"}
    assert Headers.of([(b"a", b"1")]).repeated == frozenset()


@given(st.text())
def test_whatever_is_encoded_is_decoded(text):
    assert decoded(coded(text)) == text


@given(st.text())
def test_any_value_is_decoded_or_matches_nothing(text):
    value = decoded(f"=?base64?{text}?=")
    assert value is None or coded(value) == f"=?base64?{text}?="


async def refused(boat, headers, tool="add", arguments=None):
    async with served(boat.mcp) as web:
        answer = await web.call(tool, arguments or {"a": 1, "b": 2}, headers=headers)
        assert answer.json["id"] == 1
        return answer.status, answer.code


async def taken(boat, headers, tool="add", arguments=None):
    async with served(boat.mcp) as web:
        answer = await web.call(tool, arguments or {"a": 1, "b": 2}, headers=headers)
        assert answer.status == 200, answer
        return True


@pytest.mark.requirement("HTTP-01")
@pytest.mark.parametrize(
    "headers",
    [
        {"mcp-method": None},
        {"mcp-name": None},
        {"mcp-protocol-version": None},
        {"mcp-method": "tools/list"},
        {"mcp-method": "TOOLS/CALL"},
        {"mcp-name": "sub"},
        {"mcp-name": "Add"},
        {"mcp-name": ""},
        {"mcp-name": "=?base64?!!!?="},
        {"mcp-name": "=?base64?YWRk"},
        {"mcp-name": "=?base64?\xe4?="},
        {"mcp-name": coded("sub")},
        {"mcp-protocol-version": "2025-11-25"},
    ],
)
def test_a_header_that_is_missing_or_differs_is_refused(run, headers):
    async def talk():
        assert await refused(Boat(), headers) == (400, -32020)

    run(talk())


@pytest.mark.requirement("HTTP-01")
def test_a_header_that_stands_twice_is_refused(run):
    async def talk():
        async with served(Boat().mcp) as web:
            for twice in ("mcp-name", "mcp-method", "mcp-protocol-version"):
                own, body = web.stateless("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}})
                answer = await web.ask("POST", headers=[*own.items(), (twice, own[twice])], body=body)
                assert (answer.status, answer.code) == (400, -32020)

    run(talk())


@pytest.mark.requirement("HTTP-01")
@pytest.mark.parametrize(
    "headers",
    [{"mcp-name": "add \t"}, {"mcp-name": "\t add"}, {"mcp-name": coded("add")}, {"MCP-NAME": "add", "mcp-name": None}],
)
def test_blanks_around_a_value_its_base64_form_and_the_case_of_its_name_do_not_matter(run, headers):
    async def talk():
        assert await taken(Boat(), headers)

    run(talk())


def test_the_header_of_a_resource_is_its_uri_and_that_of_a_list_none(run):
    async def talk():
        async with served(Boat().mcp) as web:
            read = await web.modern("resources/read", {"uri": "notes://ü"}, headers={"mcp-name": coded("notes://ü")})
            assert read.status == 200, read
            wrong = await web.modern("resources/read", {"uri": "notes://a"}, headers={"mcp-name": "notes://b"})
            assert (wrong.status, wrong.code) == (400, -32020)
            assert (await web.modern("prompts/get", {"name": "explain", "arguments": {"topic": "x"}})).status == 200
            assert (await web.modern("tools/list")).status == 200

    run(talk())


# Arguments that a schema wants repeated.

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "size": {"type": "integer", "x-mcp-header": "Size"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry-Run"},
        "maybe": {"type": ["string", "null"], "x-mcp-header": "Maybe"},
        "place": {"type": "object", "properties": {"port": {"type": "string", "x-mcp-header": "Port"}}},
        "free": {"type": "string"},
    },
}


@pytest.mark.requirement("HTTP-02")
@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, {"mcp-param-region": "eu"}),
        ({"region": "eu"}, {"Mcp-Param-Region": coded("eu")}),
        ({"region": " eu "}, {"mcp-param-region": coded(" eu ")}),
        ({"region": ""}, {"mcp-param-region": ""}),
        ({"size": 7}, {"mcp-param-size": "7"}),
        ({"size": 7}, {"mcp-param-size": "7.0"}),
        ({"size": 9007199254740993}, {"mcp-param-size": "9007199254740993"}),
        ({"dry": True}, {"mcp-param-dry-run": "true"}),
        ({"dry": False}, {"mcp-param-dry-run": "false"}),
        ({"maybe": "x"}, {"mcp-param-maybe": "x"}),
        ({"maybe": None}, {}),
        ({"place": {"port": "Kiel"}}, {"mcp-param-port": "Kiel"}),
        ({"place": None}, {}),
        ({"place": [1]}, {}),
        ({"region": {"not": "a string"}}, {}),
        ({"free": "x"}, {}),
        ({}, {"mcp-param-unknown": "x"}),
        ({}, {}),
    ],
)
def test_an_argument_that_its_header_repeats_is_taken(run, arguments, headers):
    async def talk():
        boat = Boat()
        mirrored(boat.mcp, SCHEMA)
        assert await taken(boat, headers, "mirror", arguments or {"none": 1})

    run(talk())


@pytest.mark.requirement("HTTP-02")
@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, {}),
        ({"region": "eu"}, {"mcp-param-region": "us"}),
        ({"region": "eu"}, {"mcp-param-region": "EU"}),
        ({"region": "eu"}, {"mcp-param-region": "=?base64?*?="}),
        ({"region": None}, {"mcp-param-region": "eu"}),
        ({"free": "eu"}, {"mcp-param-region": "eu"}),
        ({"size": 7}, {"mcp-param-size": "8"}),
        ({"size": 1000}, {"mcp-param-size": "1_000"}),
        ({"size": 9007199254740993}, {"mcp-param-size": "9007199254740992"}),
        ({"size": 1}, {"mcp-param-size": "nan"}),
        ({"size": 1}, {"mcp-param-size": "1" * 9000}),
        ({"dry": True}, {"mcp-param-dry-run": "1"}),
        ({"dry": True}, {"mcp-param-dry-run": "True"}),
        ({"place": {"port": "Kiel"}}, {}),
    ],
)
def test_an_argument_that_its_header_does_not_repeat_is_refused(run, arguments, headers):
    async def talk():
        boat = Boat()
        mirrored(boat.mcp, SCHEMA)
        assert await refused(boat, headers, "mirror", arguments) == (400, -32020)

    run(talk())


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": {"type": ["string", 3, {}], "x-mcp-header": "X"}}},
        {"properties": {"x": {"type": {"a": 1}, "x-mcp-header": "X"}}},
        {"properties": {"x": {"type": [], "x-mcp-header": "X"}}},
        {"properties": {"x": {"type": "number", "x-mcp-header": "X"}}},
        {"properties": {"x": {"type": "string", "x-mcp-header": "no token"}}},
        {"properties": {"x": {"type": "string", "x-mcp-header": 7}}},
        {"properties": {"x": {"type": "string", "x-mcp-header": ""}}},
        {"properties": {"x": {"x-mcp-header": "X"}}},
        {"properties": {"x": True}},
        {"properties": [1, 2]},
        {"properties": None, "x-mcp-header": "Root"},
    ],
)
def test_an_annotation_that_is_none_is_passed_over(run, schema):
    async def talk():
        boat = Boat()
        mirrored(boat.mcp, {"type": "object", **schema})
        assert await taken(boat, {}, "mirror", {"x": "1"})

    run(talk())
