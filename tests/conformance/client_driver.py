"""Our client as the official suite drives it: a program whose last argument is the URL of a server.

`MCP_CONFORMANCE_SCENARIO` names what to do there, `MCP_CONFORMANCE_PROTOCOL_VERSION` the version to do it in, and
`MCP_CONFORMANCE_CONTEXT` what the scenario tells beside that. Everything goes through `fairlead.client.Client`.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from fairlead.client import Client

WAIT = 15.0
SAMPLES = {"string": "text", "integer": 7, "number": 1.5, "boolean": True, "object": {}, "array": [], "null": None}


def accept(params: dict[str, Any]) -> dict[str, Any]:
    """A user who sends the form off as it came: with its defaults, and yes to the rest."""
    properties = params.get("requestedSchema", {}).get("properties", {})
    filled = {name: one["default"] for name, one in properties.items() if "default" in one}
    return {**{name: True for name, one in properties.items() if one.get("type") == "boolean"}, **filled}


def sample(params: dict[str, Any]) -> str:
    """A model that has one answer."""
    return "fair wind"


async def look(client: Client) -> None:
    await client.list_tools()


async def call_all(client: Client) -> None:
    """Every tool that the client lets through, with an argument of the right kind for each parameter."""
    for tool in await client.list_tools():
        properties = tool.input_schema.get("properties", {})
        await client.call_tool(tool.name, {name: SAMPLES[one["type"]] for name, one in properties.items()})


async def call_as_told(client: Client) -> None:
    await client.list_tools()
    for one in json.loads(os.environ["MCP_CONFORMANCE_CONTEXT"])["toolCalls"]:
        await client.call_tool(one["name"], one["arguments"])


async def call_together(client: Client) -> None:
    """At the same time: what one of them is asked is no business of the others."""
    tools = await client.list_tools()
    await asyncio.gather(*(client.call_tool(tool.name) for tool in tools))


async def visit_everything(client: Client) -> None:
    await call_all(client)
    for resource in await client.list_resources():
        await client.read(resource.uri)
    for prompt in await client.list_prompts():
        await client.get_prompt(prompt.name)


async def echo_the_schema(client: Client) -> None:
    [rich, echo] = await client.list_tools()
    await client.call_tool(echo.name, {"schema": rich.input_schema})


SCENARIOS: dict[str, Callable[[Client], Awaitable[None]]] = {
    "initialize": look,
    "tools_call": call_all,
    "elicitation-sep1034-client-defaults": call_all,
    "sse-retry": call_all,
    "request-metadata": look,
    "sep-2322-client-request-state": call_together,
    "http-standard-headers": visit_everything,
    "http-custom-headers": call_as_told,
    "http-invalid-tool-headers": call_all,
    "json-schema-ref-no-deref": look,
    "json-schema-2020-12-preservation": echo_the_schema,
}


async def main(url: str) -> None:
    """Do what the environment says."""
    stateless = os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"] >= "2026-07-28"
    client = Client(
        url,
        era="stateless" if stateless else "handshake",
        timeout=WAIT,
        elicit=accept,
        sample=sample,
        roots=["file:///srv/boats"],
    )
    async with client:
        await SCENARIOS[os.environ["MCP_CONFORMANCE_SCENARIO"]](client)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
