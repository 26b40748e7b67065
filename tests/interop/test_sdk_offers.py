"""The official SDK's client reads what a server offers, over every line in both eras."""

import base64

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from tests.interop.lines import Reach
from tests.interop.quay import PIXEL
from tests.interop.quay import mcp as quay

INVALID_PARAMS = -32602
NOT_FOUND = {"handshake": -32002, "stateless": INVALID_PARAMS}


async def walked(ask, attribute):
    """The pages of a list, as names."""
    pages, cursor = [], None
    while not pages or cursor is not None:
        page = await ask(cursor=cursor)
        pages.append([entry.name for entry in getattr(page, attribute)])
        cursor = page.next_cursor
    return pages


@pytest.mark.requirement("ERA-04", "ERA-06", "STATELESS-03")
def test_the_sdk_connects_and_learns_who_serves(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            assert client.protocol_version == reach.version
            assert (client.server_info.name, client.server_info.version, client.server_info.title) == (
                "quay",
                "3.1",
                "The quay",
            )
            assert client.instructions == "Ask before you moor."
            offered = client.server_capabilities
            assert offered.tools.list_changed and offered.resources.subscribe and offered.prompts.list_changed
            assert offered.completions is not None and offered.logging is not None
            if reach.era == "stateless":
                assert client.session.discover_result.supported_versions == [reach.version]
            told = await client.call_tool("greet")
            assert told.content[0].text == f"visitor 1.2 {reach.version}"

    run(talk())


@pytest.mark.requirement("STATELESS-04")
def test_the_sdk_needs_no_discovery_where_it_knows_the_version(run, reach: Reach):
    if reach.era == "handshake":
        mode = "auto"  # Beside a server of both eras, a client that asks first does not shake hands.
    else:
        mode = reach.version

    async def talk():
        async with reach.client(mode=mode) as client:
            assert client.protocol_version == "2026-07-28"
            assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}

    run(talk())


@pytest.mark.requirement("STATELESS-25")
def test_the_sdk_walks_every_list_page_by_page(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            pages = await walked(client.list_tools, "tools")
            assert [name for page in pages for name in page] == [tool.name for tool in quay.catalog.tools]
            assert {len(page) for page in pages[:-1]} == {3}
            assert await walked(client.list_resources, "resources") == [["the_book", "flag", "tide"], ["pilot"]]
            sheds = await walked(client.list_resource_templates, "resource_templates")
            assert sheds == [["shed 0", "shed 1", "shed 2"], ["shed 3"]]
            assert await walked(client.list_prompts, "prompts") == [["hail", "order", "log"], ["part"]]
            assert await walked(client.list_tools, "tools") == pages

    run(talk())


def test_the_sdk_reads_what_a_tool_says_of_itself(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            add, shout, load = (await client.list_tools()).tools
            assert (add.title, add.description, add.annotations.read_only_hint) == ("Add", "Add two numbers.", True)
            assert add.input_schema["properties"]["a"] == {"type": "integer", "description": "The first number"}
            assert add.input_schema["required"] == ["a", "b"]
            assert add.output_schema["properties"]["result"]["type"] == "integer"
            assert shout.annotations is None
            assert load.output_schema["properties"]["tons"]["description"] == "Its weight"

    run(talk())


@pytest.mark.requirement("ERR-10")
def test_a_cursor_that_the_server_did_not_give_is_an_error_in_the_sdk(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            for ask in (client.list_tools, client.list_resources, client.list_prompts):
                with pytest.raises(MCPError) as caught:
                    await ask(cursor="made up")
                assert caught.value.code == INVALID_PARAMS
            assert (await client.list_tools()).next_cursor

    run(talk())


@pytest.mark.requirement("ERR-11")
def test_the_sdk_reads_text_bytes_json_and_templates_and_is_told_what_is_not_there(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            [page] = (await client.read_resource("quay://book")).contents
            assert page.text.startswith("The first page.") and page.mime_type == "text/markdown"
            [picture] = (await client.read_resource("quay://flag")).contents
            assert base64.b64decode(picture.blob) == PIXEL and picture.mime_type == "image/png"
            [tide] = (await client.read_resource("quay://tide")).contents
            assert tide.text == '{"feet":7}' and tide.mime_type == "application/json"
            [shed] = (await client.read_resource("quay://2/a%20rope")).contents
            assert (shed.uri, shed.text) == ("quay://2/a%20rope", "a rope in shed 2")
            with pytest.raises(MCPError) as caught:
                await client.read_resource("quay://nothing/at/all")
            assert caught.value.code == NOT_FOUND[reach.era]

    run(talk())


@pytest.mark.requirement("ERR-08")
def test_the_sdk_gets_prompts_and_is_told_what_is_not_there(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            got = await client.get_prompt("hail", {"ship": "Argo"})
            assert got.description == "Hail a ship."
            assert [(one.role, one.content.text) for one in got.messages] == [
                ("user", "Hail Argo, be friendly."),
                ("assistant", "Ahoy!"),
            ]
            for name, arguments in (("hail", {}), ("none", None)):
                with pytest.raises(MCPError) as caught:
                    await client.get_prompt(name, arguments)
                assert caught.value.code == INVALID_PARAMS

    run(talk())


@pytest.mark.requirement("SERVER-08")
def test_the_sdk_completes_arguments_of_prompts_and_templates(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            ships = await client.complete(PromptReference(name="hail"), {"name": "ship", "value": "Ar"})
            assert ships.completion.values == ["Argo", "Ariel"]
            shed = ResourceTemplateReference(uri="quay://0/{name}")
            goods = await client.complete(shed, {"name": "name", "value": "g"})
            assert (len(goods.completion.values), goods.completion.total, goods.completion.has_more) == (100, 120, True)
            settled = await client.complete(shed, {"name": "name", "value": "g"}, {"berth": "7"})
            assert settled.completion.values == ["7"]

    run(talk())
