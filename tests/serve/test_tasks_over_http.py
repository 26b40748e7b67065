"""Tasks over Streamable HTTP: plain answers, headers that name the task, and a stream of its news."""

import json

import httpx2
import pytest

from tests.serve.harbour import docked
from tests.serve.peer import CAPABILITIES, STATELESS, VERSION
from tests.serve.yard import ABLE, Yard


async def post(client, method, params=None, *, name=None, capabilities=ABLE, **headers):
    meta = {VERSION: STATELESS, CAPABILITIES: capabilities}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**(params or {}), "_meta": meta}}
    said = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": STATELESS,
        "mcp-method": method,
        **({} if name is None else {"mcp-name": name}),
        **headers,
    }
    return await client.post("/mcp", json=body, headers=said)


@pytest.mark.requirement("TASK-17")
def test_over_http_a_task_is_answered_in_json_and_each_request_about_it_names_it_in_a_header(run):
    async def talk():
        yard = Yard()
        async with docked(yard.mcp) as address, httpx2.AsyncClient(base_url=f"http://{address}") as client:
            answer = await post(client, "tools/call", {"name": "build", "arguments": {}}, name="build")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
            id = answer.json()["result"]["taskId"]
            assert (await post(client, "tasks/get", {"taskId": id}, name=id)).json()["result"]["status"] == "working"
            for said in ({"name": "another"}, {}):
                refused = await post(client, "tasks/get", {"taskId": id}, **said)
                assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32020)
            undeclared = await post(client, "tasks/get", {"taskId": id}, name=id, capabilities={})
            assert (undeclared.status_code, undeclared.json()["error"]["code"]) == (400, -32021)
            cancelled = await post(client, "tasks/cancel", {"taskId": id}, name=id)
            assert cancelled.json()["result"]["resultType"] == "complete"
            await yard.stopped.wait()

    run(talk())


def test_over_http_a_call_becomes_a_task_in_the_course_of_it_and_its_request_is_answered(run):
    async def talk():
        yard = Yard()
        async with docked(yard.mcp) as address, httpx2.AsyncClient(base_url=f"http://{address}") as client:
            call = {"name": "order", "arguments": {}}
            first = (await post(client, "tools/call", call, name="order")).json()["result"]
            [key] = first["inputRequests"]
            more = {
                "requestState": first["requestState"],
                "inputResponses": {key: {"action": "accept", "content": {"n": 4}}},
            }
            told = (await post(client, "tools/call", {**call, **more}, name="order")).json()["result"]
            assert told["resultType"] == "task"
            listen = {"notifications": {"taskIds": [told["taskId"]]}}
            yard.go.set()
            meta = {VERSION: STATELESS, CAPABILITIES: ABLE}
            body = {"jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen", "params": {**listen, "_meta": meta}}
            said = {"mcp-protocol-version": STATELESS, "mcp-method": "subscriptions/listen"}
            async with client.stream("POST", "/mcp", json=body, headers=said) as stream:
                heard = [json.loads(line[6:]) async for line in lines_until(stream, '"completed"')]
        assert heard[0]["method"] == "notifications/subscriptions/acknowledged"
        assert heard[-1]["params"]["result"]["content"][0]["text"] == "ordered 4"
        assert {told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] for told in heard} == {9}

    run(talk())


async def lines_until(stream, mark):
    async for line in stream.aiter_lines():
        if line.startswith("data: {"):
            yield line
        if mark in line:
            return
