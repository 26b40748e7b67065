"""A budget for answers: slow calls are answered in time with a handle, and `result_of` brings the result."""

import asyncio
import re

import msgspec
import pytest

from fairlead import Context, Fairlead, PeerError, ToolError, UsageError
from fairlead.errors import BUSY
from fairlead.kernel import ServerSession
from fairlead.serve import budget
from fairlead.serve.conversation import Conversation
from tests.serve.harbour import WAIT, docked
from tests.serve.peer import HANDSHAKE, Peer, connected, text
from tests.serve.web import web

WITHIN = 0.05
SECRET = "marker-3fe1"


class Yard:
    """A server under a budget, whose slow tool ends when the test says so."""

    def __init__(self, **given):
        self.mcp = mcp = Fairlead("yard", **{"answer_within": WITHIN, **given})
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.began = 0

        @mcp.tool
        async def slow(word: str = "done") -> dict[str, str]:
            self.began += 1
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return {"word": word}

        @mcp.tool
        async def quick() -> int:
            return 7

        @mcp.tool
        async def fails(how: str) -> str:
            await self.go.wait()
            if how == "meant":
                raise ToolError("no wood left")
            if how == "refused":
                raise PeerError(BUSY, "the yard is full")
            raise RuntimeError(SECRET)

        @mcp.tool
        def blocks() -> str:
            asyncio.run_coroutine_threadsafe(self.go.wait(), self.loop).result(WAIT)
            return "unblocked"

        @mcp.tool
        async def asks(ctx: Context) -> str:
            return str((await ctx.elicit("name?", {"type": "object", "properties": {}})).action)

        self.loop = asyncio.get_running_loop()


def handle_in(result: dict) -> str:
    assert "isError" not in result, result
    [found] = re.findall(r'"handle": "([\w-]{16,})"', text(result))
    return found


@pytest.mark.parametrize("era", ["stateless", "handshake"])
def test_a_slow_call_is_answered_in_time_and_its_result_is_fetched(run, era):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address, era=era) as peer:
            handle = handle_in(await peer.call("slow", {"word": "oak"}))
            again = await peer.call("result_of", {"handle": handle})
            assert handle_in(again) == handle and "still at work" in text(again)
            yard.go.set()
            result = await peer.call("result_of", {"handle": handle})
            assert text(result) == '{"word":"oak"}' and result["structuredContent"] == {"word": "oak"}
            assert (await peer.call("result_of", {"handle": handle}))["content"] == result["content"]
        assert yard.began == 1

    run(scene())


def test_a_call_within_the_budget_is_answered_as_ever(run):
    async def scene():
        yard = Yard(answer_within=WAIT)
        async with docked(yard.mcp) as address, connected(address) as peer:
            assert (await peer.call("quick"))["structuredContent"] == {"result": 7}
            assert yard.mcp.station.budget.running() == 0

    run(scene())


def test_result_of_waits_and_returns_as_soon_as_there_is_something(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle = handle_in(await peer.call("slow"))
            yard.mcp.station.budget.seconds = WAIT
            waiting = await peer.begin_call("result_of", {"handle": handle})
            await peer.call("quick")
            yard.go.set()
            assert text((await peer.settle(waiting))["result"]) == '{"word":"done"}'

    run(scene())


def test_a_plain_function_in_a_thread_has_a_budget_too(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle = handle_in(await peer.call("blocks"))
            yard.go.set()
            assert text(await peer.call("result_of", {"handle": handle})) == "unblocked"

    run(scene())


def test_the_catalog_grows_the_tool_only_under_a_budget_and_promises_no_schema_then(run):
    async def scene(**given):
        yard = Yard(**given)
        async with docked(yard.mcp) as address, connected(address) as peer:
            told = {}
            for _ in range(2):
                tools = (await peer.ask("tools/list"))["result"]["tools"]
                told |= {tool["name"]: told.get(tool["name"]) or "outputSchema" in tool for tool in tools}
                if "later" not in told:
                    yard.mcp.tool(yard.mcp.catalog.tools.find("quick").function, name="later")
            return told

    assert run(scene(answer_within=None)) == {
        "slow": True, "quick": True, "fails": True, "blocks": True, "asks": True, "later": True,
    }  # fmt: skip
    assert run(scene()) == dict.fromkeys(["slow", "quick", "fails", "blocks", "asks", "result_of", "later"], False)


@pytest.mark.parametrize(
    ("how", "said"), [("meant", "no wood left"), ("masked", "The tool 'fails' failed. The server's log has the cause.")]
)
def test_a_failure_is_fetched_like_a_result_and_masked_like_one(run, caplog, how, said):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle = handle_in(await peer.call("fails", {"how": how}))
            yard.go.set()
            result = await peer.call("result_of", {"handle": handle})
            assert result["isError"] and text(result) == said

    run(scene())
    assert SECRET not in caplog.text
    assert ("'fails' failed: RuntimeError" in caplog.text) == (how == "masked")


def test_a_refusal_of_the_protocol_is_fetched_as_one(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle = handle_in(await peer.call("fails", {"how": "refused"}))
            yard.go.set()
            answer = await peer.settle(await peer.begin_call("result_of", {"handle": handle}))
            assert answer["error"]["message"] == "the yard is full"

    run(scene())


def test_a_value_that_does_not_fit_is_told_as_a_failure(run):
    async def scene():
        yard = Yard()

        @yard.mcp.tool
        async def crooked() -> int:
            await yard.go.wait()
            return object()  # type: ignore[return-value]

        async with docked(yard.mcp) as address, connected(address) as peer:
            handle = handle_in(await peer.call("crooked"))
            yard.go.set()
            result = await peer.call("result_of", {"handle": handle})
            assert result["isError"] and "does not fit what it declares" in text(result)

    run(scene())


def test_the_work_goes_on_when_the_line_is_gone_and_another_line_of_the_caller_fetches_it(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address:
            async with connected(address) as peer:
                handle = handle_in(await peer.call("slow"))
            yard.go.set()
            async with connected(address) as peer:
                assert text(await peer.call("result_of", {"handle": handle})) == '{"word":"done"}'
        assert not yard.cancelled.is_set()

    run(scene())


def test_a_call_that_is_cancelled_in_time_ends_and_leaves_no_handle(run):
    async def scene():
        yard = Yard(answer_within=WAIT)
        async with docked(yard.mcp) as address, connected(address) as peer:
            waiting = await peer.begin_call("slow")
            await peer.call("quick")
            await peer.cancel(waiting)
            async with asyncio.timeout(WAIT):
                await yard.cancelled.wait()
            assert yard.mcp.station.budget.running() == 0

    run(scene())


async def talk_as(yard: Yard, principal: str | None) -> tuple[Peer, Conversation]:
    """A peer that proved to be somebody."""
    frames: asyncio.Queue[bytes] = asyncio.Queue()
    station = yard.mcp.station

    async def put(frame: bytes, about: object) -> None:
        frames.put_nowait(frame)

    conversation = Conversation(station, ServerSession(station.terms, station.parking, principal=principal), put)
    return Peer(conversation.receive, frames.get), conversation


def test_a_handle_is_nothing_in_the_hands_of_another(run):
    async def scene():
        yard = Yard()
        ann, anns = await talk_as(yard, "ann")
        bob, bobs = await talk_as(yard, "bob")
        somebody, theirs = await talk_as(yard, None)
        handle = handle_in(await ann.call("slow"))
        yard.go.set()
        for other in (bob, somebody):
            refused = await other.call("result_of", {"handle": handle})
            assert refused["isError"] and "no such handle" in text(refused)
        ann_again, more = await talk_as(yard, "ann")
        assert text(await ann_again.call("result_of", {"handle": handle})) == '{"word":"done"}'
        for conversation in (anns, bobs, theirs, more):
            conversation.close()
        yard.mcp.station.close()

    run(scene())


def test_a_handle_expires_and_late_work_is_ended_then(run, monkeypatch):
    monkeypatch.setattr(budget, "KEEP", 0.05)

    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle = handle_in(await peer.call("slow"))
            async with asyncio.timeout(WAIT):
                await yard.cancelled.wait()
            gone = await peer.call("result_of", {"handle": handle})
            assert gone["isError"] and "no such handle" in text(gone)
            assert yard.mcp.station.budget.running() == 0

    run(scene())


def test_past_the_bound_the_slow_call_is_ended_and_refused_as_busy(run, monkeypatch):
    monkeypatch.setattr(budget, "MOST_OF_ONE", 2)

    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            first, _ = [handle_in(await peer.call("slow")) for _ in range(2)]
            answer = await peer.settle(await peer.begin_call("slow"))
            assert answer["error"]["data"]["errorCode"] == "BUSY"
            assert answer["error"]["data"]["retryable"] is False  # It was begun.
            async with asyncio.timeout(WAIT):
                await yard.cancelled.wait()
            async with connected(address) as other:  # The bound is each conversation's own.
                handle_in(await other.call("slow"))
            assert (await peer.call("quick"))["structuredContent"] == {"result": 7}
            yard.go.set()
            await peer.call("result_of", {"handle": first})  # What was fetched makes room.
            yard.go.clear()
            handle_in(await peer.call("slow"))
            assert (await peer.call("result_of", {"handle": first}))["isError"]

    run(scene())


def test_results_are_bounded_in_bytes(run, monkeypatch):
    monkeypatch.setattr(budget, "MOST_BYTES", 100)

    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle = handle_in(await peer.call("slow", {"word": "x" * 200}))
            yard.go.set()
            result = await peer.call("result_of", {"handle": handle})
            assert result["isError"] and "too large" in text(result)

    run(scene())


def test_the_time_that_a_user_takes_to_answer_is_not_counted(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            peer.capabilities = {"elicitation": {}}
            asked = await peer.call("asks")
            assert asked["resultType"] == "input_required"
            async with asyncio.timeout(WAIT):
                for _ in range(4):  # Several budgets pass while the user thinks.
                    await asyncio.sleep(WITHIN)
            assert yard.mcp.station.budget.running() == 0
            [key] = asked["inputRequests"]
            done = await peer.call(
                "asks", requestState=asked["requestState"], inputResponses={key: {"action": "accept", "content": {}}}
            )
            assert text(done) == "accept"

    run(scene())


def test_a_question_of_the_handshake_era_may_be_answered_after_the_handle(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address, era="none") as peer:
            await peer.shake(HANDSHAKE, elicitation={})
            handle = handle_in(await peer.call("asks"))
            [question] = [one for one in peer.heard if one["method"] == "elicitation/create"]
            await peer.send({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}})
            assert text(await peer.call("result_of", {"handle": handle})) == "decline"

    run(scene())


def test_a_slow_call_over_http_ends_its_request_in_time(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, web(address) as client:
            handle = handle_in((await client.call("slow")).json["result"])
            yard.go.set()
            assert text((await client.call("result_of", {"handle": handle})).json["result"]) == '{"word":"done"}'

    run(scene())


def test_a_server_that_goes_away_waits_for_late_work(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle_in(await peer.call("slow"))
            station = yard.mcp.station
            assert station.in_flight() == 1
            draining = asyncio.create_task(station.drain(WAIT))
            await asyncio.sleep(0)
            assert not draining.done()
            yard.go.set()
            assert await draining is True

    run(scene())


def test_what_still_works_when_the_server_has_ended_is_cancelled(run):
    async def scene():
        yard = Yard()
        async with docked(yard.mcp) as address, connected(address) as peer:
            handle_in(await peer.call("slow"))
        async with asyncio.timeout(WAIT):
            await yard.cancelled.wait()

    run(scene())


def test_the_name_of_the_tool_cannot_be_taken(run):
    async def scene():
        mcp = Fairlead("t", answer_within=1)

        @mcp.tool
        async def result_of() -> None: ...

        with pytest.raises(UsageError, match="rename yours"):
            mcp.asgi()

    run(scene())


def test_a_server_may_be_run_again_under_a_budget(run):
    async def scene():
        yard = Yard()
        before = yard.mcp.station
        yard.mcp.settings = msgspec.structs.replace(yard.mcp.settings, in_flight=3)
        assert yard.mcp.station is not before
        assert [tool.name for tool in yard.mcp.catalog.tools].count("result_of") == 1

    run(scene())


def test_without_a_budget_nothing_looks_at_the_time():
    station = Fairlead("t").station
    assert station.untimed and station.budget is None
    assert not Fairlead("t", call_timeout=1).station.untimed
    assert not Fairlead("t", answer_within=1).station.untimed


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(msgspec.ValidationError):
        Fairlead("t", answer_within=0)
