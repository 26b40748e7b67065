"""FastMCP's client against a server of ours: a program for the environment that has FastMCP.

Standard input holds a JSON object of visits: `{"name": {"to": URL or command, "mode": "auto"}}`; a URL that ends in
`/sse` is that line's. Standard output gets an object with the same names and what each visit brought, or its `error`.
"""

import asyncio
import json
import sys
import traceback
from typing import Any

import fastmcp
from fastmcp.client import Client, SSETransport, StdioTransport, StreamableHttpTransport
from fastmcp.client.sampling import SamplingMessage
from fastmcp.exceptions import ToolError

WAIT = 10.0


def transport(to: str | list[str]) -> Any:
    if isinstance(to, list):
        return StdioTransport(to[0], to[1:], keep_alive=False)
    return SSETransport(to) if to.endswith("/sse") else StreamableHttpTransport(to)


class Heard:
    """The client's callbacks, and what came to each."""

    def __init__(self) -> None:
        self.progress: list[Any] = []
        self.log: list[Any] = []
        self.questions: list[str] = []

    async def on_progress(self, done: float, total: float | None, message: str | None) -> None:
        self.progress.append([done, total, message])

    async def on_log(self, message: Any) -> None:
        self.log.append([message.level, message.data])

    async def on_question(self, message: str, kind: Any, params: Any, context: Any) -> dict[str, Any]:
        self.questions.append(message)
        return {"tons": 9} if "tons" in params.requested_schema["properties"] else {"berth": "west"}

    async def on_sampling(self, messages: list[SamplingMessage], params: Any, context: Any) -> str:
        return f"{params.system_prompt} {messages[0].content.text}"


async def called(client: Client, name: str, arguments: dict[str, Any] | None = None) -> Any:
    """What a call brought: its structured content, taken out of the object that holds nothing else."""
    structured = (await client.call_tool(name, arguments or {})).structured_content
    return structured["result"] if list(structured) == ["result"] else structured


async def refused(client: Client, name: str, arguments: dict[str, Any] | None = None) -> str:
    try:
        return f"no error: {await client.call_tool(name, arguments or {})}"
    except ToolError as fault:
        return f"tool: {fault}"
    except Exception as fault:
        return f"{type(fault).__name__}: {fault}"


async def visit(to: str | list[str], mode: str) -> dict[str, Any]:
    heard = Heard()
    client = Client(
        transport(to),
        mode=mode,
        timeout=WAIT,
        init_timeout=WAIT,
        roots=["file:///srv/boats"],
        progress_handler=heard.on_progress,
        log_handler=heard.on_log,
        elicitation_handler=heard.on_question,
        sampling_handler=heard.on_sampling,
    )
    async with client:
        told: dict[str, Any] = {
            "version": client.protocol_version,
            "server": client.server_info.name,
            "instructions": client.instructions,
            "tools": [tool.name for tool in await client.list_tools()],
            "resources": [str(resource.uri) for resource in await client.list_resources()],
            "templates": [template.uri_template for template in await client.list_resource_templates()],
            "prompts": [prompt.name for prompt in await client.list_prompts()],
            "add": await called(client, "add", {"a": 20, "b": 22}),
            "shout": await called(client, "shout", {"text": "ahoy"}),
            "refuse": await refused(client, "refuse"),
            "sink": await refused(client, "sink"),
            "misfit": await refused(client, "add", {"a": "two"}),
            "nothing": await refused(client, "nothing"),
            "together": sorted(
                await asyncio.gather(*(called(client, "add", {"a": number, "b": 0}) for number in range(10)))
            ),
        }
        cargo = await client.call_tool("load", {"tons": 5, "marks": ["x"]})
        told["load"] = [cargo.data.tons, cargo.data.marks]
        [picture] = (await client.call_tool("paint", {})).content
        told["paint"] = [picture.type, picture.mime_type, picture.data]
        if told["version"] < "2026":
            await client.set_logging_level("info")
        told["steps"] = await called(client, "steps")
        told["progress"], told["log"] = heard.progress, heard.log
        told["moor"] = await called(client, "moor")
        told["questions"] = heard.questions
        told["advise"] = await called(client, "advise")
        told["look"] = await called(client, "look")
        told["book"] = (await client.read_resource("quay://book"))[0].text
        told["flag"] = (await client.read_resource("quay://flag"))[0].blob
        told["shed"] = (await client.read_resource("quay://1/oars"))[0].text
        told["hail"] = [m.content.text for m in (await client.get_prompt("hail", {"ship": "Argo"})).messages]
        told["order"] = [m.content.text for m in (await client.get_prompt("order")).messages]
    return told


async def attempt(to: str | list[str], mode: str) -> dict[str, Any]:
    try:
        async with asyncio.timeout(3 * WAIT):
            return await visit(to, mode)
    except BaseException:
        return {"error": traceback.format_exc()}


async def main() -> None:
    visits = json.load(sys.stdin)
    told = await asyncio.gather(*(attempt(**one) for one in visits.values()))
    json.dump({"fastmcp": fastmcp.__version__, "visits": dict(zip(visits, told, strict=True))}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
