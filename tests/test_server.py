"""`Fairlead`: what it offers, when its settings take effect, and how clients hear of changes."""

import asyncio
import threading

import msgspec
import pytest

from fairlead import Fairlead, Text, UsageError
from fairlead.catalog import prompt, resource, tool
from fairlead.serve.memory import MemoryLine
from fairlead.settings import Settings, settings
from tests.serve.harbour import docked
from tests.serve.peer import connected, text


def fleet(**given) -> Fairlead:
    mcp = Fairlead("fleet", **given)

    @mcp.tool
    async def sail() -> str:
        return "sailing"

    return mcp


def names(mcp: Fairlead) -> list[str]:
    return [entry.name for entry in mcp.catalog.tools]


def test_tools_are_offered_with_and_without_arguments_and_functions_stay_themselves():
    mcp = fleet()

    @mcp.tool("row", title="Row")
    def by_name() -> str:
        return "rowing"

    @mcp.tool(quick=True)
    def drift() -> str:
        return "drifting"

    assert names(mcp) == ["sail", "row", "drift"]
    assert by_name() == "rowing" and drift() == "drifting"
    assert repr(mcp) == "Fairlead('fleet', tools=3)"


def test_what_was_made_elsewhere_is_added_under_its_kind(run):
    mcp = fleet()

    def row() -> str:
        return "rowing"

    mcp.add(tool.from_function(row))
    mcp.add(resource.from_function("boat://ida", row))
    mcp.add(prompt.from_function(row))
    assert names(mcp) == ["sail", "row"] and "boat://ida" in mcp.catalog.resources and "row" in mcp.catalog.prompts
    with pytest.raises(UsageError, match="already"):
        mcp.add(tool.from_function(row))


def test_values_of_a_prompt_are_proposed(run):
    async def talk():
        mcp = fleet()

        @mcp.prompt
        def ask(boat: str) -> str:
            return f"Where is {boat}?"

        @mcp.completion("ask", "boat")
        def boats(typed: str) -> list[str]:
            return [name for name in ("Ida", "Iris", "Oda") if name.startswith(typed)]

        async with docked(mcp) as address, connected(address) as peer:
            params = {"ref": {"type": "ref/prompt", "name": "ask"}, "argument": {"name": "boat", "value": "I"}}
            answer = await peer.ask("completion/complete", params)
            assert answer["result"]["completion"]["values"] == ["Ida", "Iris"]

    run(talk())


def test_settings_that_do_not_fit_are_told_at_once():
    for wrong in ({"port": "many"}, {"in_flight": 0}, {"no_such_setting": 1}):
        with pytest.raises(msgspec.ValidationError):
            Fairlead("wrong", **wrong)
    with pytest.raises(UsageError, match="'network', 'stdio' or 'dial'"):
        fleet().run("pigeon")  # type: ignore[arg-type]


def test_settings_assigned_after_the_catalog_was_used_take_effect(run):
    async def talk():
        mcp = fleet(page_size=1, in_flight=7)
        assert (await mcp.call("sail")).text == "sailing"  # the station is made now
        mcp.settings = settings(page_size=2, in_flight=1, call_timeout=0.05, frame_bytes=2048)
        for name in ("row", "drift"):
            mcp.tool(name)(lambda: asyncio.sleep(600))
        async with docked(mcp) as address, connected(address) as peer:
            assert len((await peer.ask("tools/list"))["result"]["tools"]) == 2
            late = (await peer.ask("tools/call", {"name": "row"}))["error"]
            assert late["data"]["errorCode"] == "TIMED_OUT"

    run(talk())


def test_settings_do_not_change_under_a_conversation(run):
    async def talk():
        mcp = fleet()
        async with MemoryLine(mcp.station):
            with pytest.raises(UsageError, match="before run"):
                mcp.settings = Settings(in_flight=1)
        mcp.settings = Settings(in_flight=1)
        assert mcp.station.terms.in_flight == 1

    run(talk())


def test_an_app_made_under_earlier_settings_still_hears_of_changes(run):
    async def talk():
        mcp = fleet()
        mcp.resource("boat://ida")(lambda: "Ida")
        app, before = mcp.asgi(), mcp.station
        mcp.settings = Settings()
        assert mcp.station is not before
        async with docked(mcp, app) as address, connected(address, era="handshake") as peer:
            assert len(before.conversations) == 1
            await peer.ask("resources/subscribe", {"uri": "boat://ida"})
            mcp.notify_updated("boat://ida")
            assert (await peer.hear("notifications/resources/updated"))["params"]["uri"] == "boat://ida"
            mcp.disable("sail")
            await peer.hear("notifications/tools/list_changed")

    run(talk())


def change_all(mcp: Fairlead) -> None:
    mcp.disable("sail")
    mcp.enable("sail")
    mcp.tool("row")(lambda: "rowing")
    mcp.remove_tool("row")
    mcp.prompt("ask")(lambda: "Where?")
    mcp.resource("boat://{name}")(lambda name: Text(name))


@pytest.mark.parametrize("from_a_thread", [False, True])
def test_every_change_of_a_list_is_told_from_the_loop_and_from_a_thread(run, from_a_thread):
    async def talk():
        mcp = fleet()
        async with (
            docked(mcp) as address,
            connected(address, era="handshake") as peer,
            connected(address) as listener,
        ):
            wanted = {"toolsListChanged": True, "promptsListChanged": True}
            id = await listener.begin("subscriptions/listen", {"notifications": wanted})
            await listener.hear("notifications/subscriptions/acknowledged")
            if from_a_thread:
                await asyncio.to_thread(change_all, mcp)
            else:
                change_all(mcp)
            told = [(await peer.receive())["method"] for _ in range(6)]
            assert told == [
                *["notifications/tools/list_changed"] * 4,
                "notifications/prompts/list_changed",
                "notifications/resources/list_changed",
            ]
            heard = [await listener.receive() for _ in range(5)]
            assert [message["method"] for message in heard] == told[:5]
            assert {m["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] for m in heard} == {id}

    run(talk())


def test_a_tool_may_change_the_catalog_it_stands_in(run):
    async def talk():
        mcp = fleet()

        @mcp.tool
        def retire(name: str) -> str:
            mcp.remove_tool(name)
            return f"{name} from {threading.current_thread().name}"

        async with docked(mcp) as address, connected(address, era="handshake") as peer:
            id = await peer.begin_call("retire", {"name": "sail"})
            assert text((await peer.settle(id))["result"]).startswith("sail from fairlead-tool")
            if not peer.heard:
                await peer.hear("notifications/tools/list_changed")
            assert peer.heard[0]["method"] == "notifications/tools/list_changed"
            gone = await peer.ask("tools/call", {"name": "sail"})
            assert gone["error"]["data"]["errorCode"] == "TOOL_NOT_FOUND"

    run(talk())


def test_a_change_after_a_loop_ended_with_a_line_open_does_no_harm():
    mcp = fleet()

    async def leave_open():
        return MemoryLine(mcp.station)

    line = asyncio.run(leave_open())
    mcp.disable("sail")
    assert line and not mcp.station.conversations


def test_a_peer_before_its_handshake_is_told_nothing(run):
    async def talk():
        mcp = fleet()
        async with docked(mcp) as address, connected(address) as peer:
            mcp.disable("sail")
            assert (await peer.ask("tools/list"))["result"]["tools"] == []
            assert not peer.heard

    run(talk())
