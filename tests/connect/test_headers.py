"""Arguments that are repeated in headers: what is carried, what is refused, and that the server reads the same."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client import Client
from fairlead.connect.headers import AnnotationError, carried, header_text, param_headers
from fairlead.serve.headers import decoded
from tests.connect.ways import Scripted, handshake, refusal, stateless, text, tool


def schema(**properties):
    return {"type": "object", "properties": properties}


def marked(kind, token, **more):
    return {"type": kind, "x-mcp-header": token, **more}


def test_annotated_arguments_are_carried_at_any_depth():
    whole = schema(region=marked("string", "Region"), inner=schema(n=marked("integer", "N")), other={"type": "number"})
    annotated = carried(whole)
    assert annotated == {("region",): "Region", ("inner", "n"): "N"}
    arguments = {"region": "us", "inner": {"n": 42.0}, "other": 1.5}
    assert param_headers(annotated, arguments) == {"Mcp-Param-Region": "us", "Mcp-Param-N": "42"}
    assert param_headers(annotated, {"region": None, "inner": 7}) == {}


@pytest.mark.parametrize(
    "bad",
    [
        schema(a=marked("string", "")),
        schema(a=marked("string", "My Region")),
        schema(a=marked("string", "Région")),
        schema(a=marked("string", "A:B")),
        schema(a=marked("string", "A\tB")),
        schema(a=marked("string", 7)),
        schema(a=marked("number", "A")),
        schema(a=marked("object", "A")),
        schema(a=marked("array", "A")),
        schema(a=marked("null", "A")),
        schema(a=marked(["string", "null"], "A")),
        schema(a={"x-mcp-header": "A"}),
        schema(a=marked("string", "Same"), b=marked("string", "sAME")),
        schema(a={"type": "array", "items": marked("string", "A")}),
        {"anyOf": [schema(a=marked("string", "A"))]},
        {"$defs": {"x": marked("string", "A")}},
        {**schema(), "x-mcp-header": "A"},
    ],
)
def test_an_annotation_that_a_proxy_could_not_rely_on_is_refused(bad):
    with pytest.raises(AnnotationError):
        carried(bad)


def test_data_that_looks_like_an_annotation_is_none():
    assert carried(schema(a={"type": "object", "default": marked("number", ""), "enum": [marked("number", "")]})) == {}


@given(st.text(max_size=20) | st.text(alphabet=" \t\r\n=?base64", max_size=12))
def test_any_text_survives_its_way_through_a_header(value):
    carried_text = header_text(value)
    assert carried_text.isascii() and carried_text.isprintable() and carried_text == carried_text.strip()
    assert decoded(carried_text) == value


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (0, "0"), (-3, "-3"), ("", ""), ("a b", "a b")]
)
def test_values_are_written_as_the_specification_has_them(value, text):
    assert param_headers({("a",): "A"}, {"a": value}) == {"Mcp-Param-A": text}


def annotated_server(script=stateless):
    listed = [
        tool("good", inputSchema=schema(region=marked("string", "Region"))),
        tool("bad", inputSchema=schema(region=marked("number", "Region"))),
    ]
    return Scripted(script(lambda server, said: {"tools": listed} if said["method"] == "tools/list" else text("x")))


def test_a_tool_with_an_annotation_that_is_not_valid_is_left_out_with_a_warning(run, caplog):
    async def main():
        async with Client(annotated_server()) as client:
            assert [one.name for one in await client.list_tools()] == ["good"]
        async with Client(annotated_server(handshake)) as client:
            assert len(await client.list_tools()) == 2

    run(main())
    assert "'bad' is left out" in caplog.text


def test_after_a_mismatch_the_list_is_read_again_and_the_call_made_once_more(run):
    async def main():
        def rest(server, said):
            if said["method"] == "tools/list":
                return {"tools": [tool("t", inputSchema=schema(region=marked("string", "Region")))]}
            listed = "tools/list" in server.first.methods()
            return text("x") if listed else refusal(-32020)

        server = Scripted(stateless(rest))
        async with Client(server) as client:
            assert (await client.call_tool("t", {"region": "us"})).text == "x"
        assert server.methods() == ["server/discover", "tools/call", "tools/list", "tools/call"]

    run(main())


def test_over_http_the_server_takes_what_the_client_repeats(run):
    from typing import Annotated

    import msgspec

    from fairlead import Fairlead
    from tests.connect.ways import reached

    mcp = Fairlead("headers")

    @mcp.tool
    async def where(
        region: Annotated[str, msgspec.Meta(extra_json_schema={"x-mcp-header": "Region"})],
        level: Annotated[int, msgspec.Meta(extra_json_schema={"x-mcp-header": "Level"})] = 1,
    ) -> str:
        return f"{region} {level}"

    async def main():
        async with reached("http", mcp, era="stateless") as client:
            # Never listed: the server refuses for want of the header, and the client learns.
            assert (await client.call_tool("where", {"region": "süd ", "level": 3})).value == "süd  3"
            assert client._carried["where"] == {("region",): "Region", ("level",): "Level"}
            calls = [client.call_tool("where", {"region": region}) for region in ("", "a b", "=?base64?x?=", "\u2028")]
            assert [one.value for one in await asyncio.gather(*calls)] == [" 1", "a b 1", "=?base64?x?= 1", "\u2028 1"]

    run(main(), within=20)
