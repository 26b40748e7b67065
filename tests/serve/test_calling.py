"""`Fairlead.call`: a tool called from a test or script, by the same way as every other call."""

from dataclasses import dataclass

import pytest

from fairlead import CallError, Context, Fairlead, Image, ToolError


@dataclass
class Boat:
    name: str
    length: float


def fleet() -> Fairlead:
    mcp = Fairlead("fleet")

    @mcp.tool
    async def add(a: int, b: int = 1) -> int:
        return a + b

    @mcp.tool
    def boat(name: str) -> Boat:
        return Boat(name, 7.5)

    @mcp.tool
    async def lines() -> list[Image | str]:
        return ["one", "two"]

    @mcp.tool(output=False)
    async def plain() -> str:
        return "plain"

    @mcp.tool
    async def refuse() -> None:
        raise ToolError("no boats today")

    @mcp.tool
    async def ask(ctx: Context) -> str:
        return (await ctx.elicit("?", {"type": "object", "properties": {}})).action

    return mcp


def test_a_call_gives_what_the_function_returned(run):
    async def talk():
        mcp = fleet()
        assert (await mcp.call("add", {"a": 1}, b=2)).value == 3
        assert (await mcp.call("add", a=1)).value == 2
        assert (await mcp.call("boat", name="Ida")).value == {"name": "Ida", "length": 7.5}
        called = await mcp.call("plain")
        assert called.value == called.text == "plain" and called.structured is None
        assert not mcp.station.conversations

    run(talk())


def test_a_tool_that_fails_is_a_result_and_a_call_that_cannot_be_raises(run):
    async def talk():
        mcp = fleet()
        refused = await mcp.call("refuse")
        assert refused.is_error and refused.text == "no boats today"
        assert (await mcp.call("add", a="x")).is_error
        with pytest.raises(CallError) as caught:
            await mcp.call("none")
        assert caught.value.code == -32602 and caught.value.data["errorCode"] == "TOOL_NOT_FOUND"
        with pytest.raises(CallError) as caught:
            await mcp.call("ask")
        assert caught.value.code == -32021
        assert not mcp.station.conversations

    run(talk())


def test_a_server_is_called_from_one_loop_after_another(run):
    mcp = fleet()
    for _ in range(2):
        assert run(mcp.call("boat", name="Ida")).value["name"] == "Ida"
