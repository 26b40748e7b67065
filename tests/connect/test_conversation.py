"""One session on one line: each request ends once, and nothing that a server says breaks it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.client import Client
from fairlead.connect.handlers import Handlers
from fairlead.errors import CallError, ConnectionLost, PeerError, RequestTimeout
from tests.connect.ways import Scripted, handshake, refusal, stateless, talking, text, tool, until


def quiet(server, said):
    return None


def test_a_request_that_is_given_up_is_cancelled_at_the_server(run):
    async def main():
        server = Scripted(quiet)
        async with talking(server) as conversation:
            with pytest.raises(RequestTimeout, match="tools/call was not answered within 0.05 s"):
                await conversation.request("tools/call", within=0.05)
            call = asyncio.create_task(conversation.request("tools/call"))
            await until(lambda: len(server.heard) == 3)
            call.cancel()
            await until(lambda: len(server.heard) == 4)
            cancelled = [
                said["params"]["requestId"] for said in server.heard if said["method"] == "notifications/cancelled"
            ]
            assert cancelled == [0, 1]

    run(main())


def test_a_request_that_was_answered_is_not_cancelled(run):
    async def main():
        server = Scripted(lambda server, said: {})
        async with talking(server) as conversation:
            await conversation.request("ping", within=1)
            with pytest.raises(CallError):
                server.script = lambda server, said: refusal(-32601)
                await conversation.request("ping")
            assert server.methods() == ["ping", "ping"]

    run(main())


def test_when_the_line_is_lost_every_waiter_fails_at_once(run):
    async def main():
        server = Scripted(quiet)
        async with talking(server) as conversation:
            calls = [asyncio.create_task(conversation.request("tools/call", within=60)) for _ in range(5)]
            await until(lambda: len(server.heard) == 5)
            server.lines[0].drop(1012)
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert {(end.state, end.code) for end in ends} == {("unknown_outcome", 1012)}
            with pytest.raises(ConnectionLost) as later:
                await conversation.request("ping")
            assert later.value.state == "not_sent"

    run(main())


def test_a_message_that_waits_for_room_ends_with_its_time_and_was_not_sent(run):
    async def main():
        room = asyncio.Event()
        server = Scripted(quiet)

        async def script(server, said):
            await room.wait()

        server.script = script
        async with talking(server) as conversation:
            with pytest.raises(RequestTimeout):
                await conversation.request("tools/call", within=0.05)
            room.set()

    run(main())


def test_listeners_that_fail_break_nothing_and_slow_ones_hold_nothing_up(run, caplog):
    async def main():
        def rest(server, said):
            for step in (1, "two", 3):
                server.notify("notifications/progress", progressToken=said["id"], progress=step)
            server.notify("notifications/progress", progressToken=[], progress=1)
            server.notify("notifications/message", level="info", data="x")
            return text("done")

        heard = []

        async def slow(*told):
            heard.append(told)
            await asyncio.sleep(30)

        def broken(*told):
            raise ValueError("secret")

        async with Client(Scripted(stateless(rest)), heard=broken) as client:
            assert (await client.call_tool("t", progress=slow)).text == "done"
            assert (await client.call_tool("t", progress=broken)).text == "done"
            await until(lambda: len(heard) == 2)
        assert [told[0] for told in heard] == [1, 3]

    run(main())
    assert "ValueError" in caplog.text and "secret" not in caplog.text


def test_the_servers_questions_are_answered_and_its_cancellation_of_one_ends_the_handler(run):
    async def main():
        ended = asyncio.Event()

        async def elicit(params):
            if params["message"] == "quick":
                return {"n": 1}
            try:
                await asyncio.sleep(30)
            finally:
                ended.set()

        server = Scripted(quiet)
        async with talking(server, handlers=Handlers(elicit=elicit)):
            [line] = server.lines
            for id, message in ((1, "quick"), ("slow", "slow")):
                line.say({"jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": {"message": message}})
            await until(lambda: server.heard)
            assert server.heard[0]["result"] == {"action": "accept", "content": {"n": 1}}
            line.notify("notifications/cancelled", requestId="slow")
            await ended.wait()

    run(main())


def test_a_handler_that_gives_no_json_is_answered_for(run):
    async def main():
        server = Scripted(quiet)
        async with talking(server, handlers=Handlers(sample=lambda params: object())):
            server.lines[0].say({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}})
            await until(lambda: server.heard)
            assert server.heard[0]["error"]["code"] == -32603

    run(main())


def test_more_questions_than_anybody_can_answer_are_refused_as_busy(run):
    async def main():
        server = Scripted(quiet)
        async with talking(server, handlers=Handlers(sample=lambda params: asyncio.sleep(30))):
            for id in range(70):
                server.lines[0].say({"jsonrpc": "2.0", "id": id, "method": "sampling/createMessage", "params": {}})
            await until(lambda: len(server.heard) == 6)
            assert {said["error"]["code"] for said in server.heard} == {-31001}

    run(main())


def questioning(rounds):
    """A tool that asks `rounds` times, each time with the state that it expects back."""

    def rest(server, said):
        params, turn = said["params"], said["params"].get("requestState", "0")
        if turn == str(rounds):
            return text(f"after {turn}")
        asked = {"k": {"method": "elicitation/create", "params": {"message": turn}}}
        assert turn == "0" or params["inputResponses"]["k"]["content"] == {"said": str(int(turn) - 1)}
        return {"resultType": "input_required", "inputRequests": asked, "requestState": str(int(turn) + 1)}

    return Scripted(stateless(rest))


def test_questions_of_the_stateless_era_are_answered_under_new_ids_with_the_state_as_it_came(run):
    async def main():
        server = questioning(3)
        async with Client(server, elicit=lambda params: {"said": params["message"]}) as client:
            assert (await client.call_tool("t", {"a": 1})).text == "after 3"
            result = await client.request("tools/call", {"name": "t", "arguments": {"a": 1}})
            assert result["content"][0]["text"] == "after 3"
        calls = [said for said in server.heard if said["method"] == "tools/call"]
        assert len({said["id"] for said in calls}) == len(calls) == 8
        assert all(said["params"]["arguments"] == {"a": 1} for said in calls)
        assert "inputResponses" not in calls[0]["params"] and "requestState" not in calls[0]["params"]

    run(main())


def test_a_state_of_any_shape_is_echoed_exactly_and_a_missing_one_left_out(run):
    async def main():
        states = iter(["ünïcode \u2028", "", None])

        def rest(server, said):
            try:
                state = next(states)
            except StopIteration:
                return text("done")
            more = {} if state is None else {"requestState": state}
            return {"resultType": "input_required", **more}

        server = Scripted(stateless(rest))
        async with Client(server) as client:
            assert (await client.call_tool("t")).text == "done"
        echoed = [said["params"].get("requestState") for said in server.heard if said["method"] == "tools/call"]
        assert echoed == [None, "ünïcode \u2028", "", None]

    run(main())


def test_a_call_that_asks_for_ever_is_given_up(run):
    async def main():
        server = questioning(10_000)
        async with Client(server, elicit=lambda params: {"said": params["message"]}) as client:
            with pytest.raises(CallError, match="16 times"):
                await client.call_tool("t")

    run(main())


def test_a_question_that_there_is_no_handler_for_fails_the_call(run):
    async def main():
        async with Client(questioning(1)) as client:
            with pytest.raises(PeerError, match="elicitation/create"):
                await client.call_tool("t")

    run(main())


@pytest.mark.parametrize(
    "answer", [{"resultType": "task", "content": []}, [], 7, {"content": 7}, {"content": [], "isError": "no"}]
)
def test_a_result_of_a_kind_that_nobody_knows_is_an_error(run, answer):
    async def main():
        async with Client(Scripted(stateless(lambda server, said: answer))) as client:
            with pytest.raises(PeerError):
                await client.call_tool("t")
            await client.ping()

    run(main())


def test_in_the_handshake_era_a_result_type_is_a_member_like_any_other(run):
    async def main():
        answer = {"resultType": "odd", "content": [{"type": "text", "text": "x"}]}
        async with Client(Scripted(handshake(lambda server, said: answer))) as client:
            assert (await client.call_tool("t")).text == "x"

    run(main())


def test_all_pages_are_read_and_an_empty_cursor_is_one_like_any_other(run):
    async def main():
        following = {None: "", "": "x", "x": None}

        def rest(server, said):
            cursor = said["params"].get("cursor")
            page = {"resultType": "complete", "tools": [tool(f"at {cursor}")]}
            return page if following[cursor] is None else {**page, "nextCursor": following[cursor]}

        async with Client(Scripted(stateless(rest))) as client:
            assert [one.name for one in await client.list_tools()] == ["at None", "at ", "at x"]

    run(main())


def test_pages_that_lead_in_a_circle_end(run):
    async def main():
        async with Client(Scripted(stateless(lambda *_: {"tools": [], "nextCursor": "x"}))) as client:
            with pytest.raises(PeerError, match="lead back"):
                await client.list_tools()

    run(main())


def test_an_entry_that_cannot_be_read_is_left_out_with_a_warning(run, caplog):
    async def main():
        listed = [tool("good"), {"name": "no schema"}, 7]
        async with Client(Scripted(stateless(lambda *_: {"tools": listed}))) as client:
            assert [one.name for one in await client.list_tools()] == ["good"]

    run(main())
    assert caplog.text.count("left out") == 2


@pytest.mark.parametrize("code", [-32002, -32602])
def test_a_resource_that_is_not_there_is_told_with_the_code_of_its_version(run, code):
    async def main():
        async with Client(Scripted(stateless(lambda *_: refusal(code)))) as client:
            with pytest.raises(CallError) as missing:
                await client.read("a://b")
            assert missing.value.code == code

    run(main())


@settings(max_examples=40)
@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"[]", b"{}", b'{"jsonrpc":"2.0","id":1,"result":7}']), max_size=8
    )
)
def test_whatever_a_server_says_in_between_a_call_ends_with_its_own_answer(run, noise):
    async def main():
        def rest(server, said):
            for frame in noise:
                server.say(frame)
            return text("mine")

        async with Client(Scripted(handshake(rest))) as client:
            ended = await asyncio.gather(*(client.call_tool("t", within=5) for _ in range(2)), return_exceptions=True)
            assert all(isinstance(one, PeerError) or one.text == "mine" for one in ended)

    run(main())
