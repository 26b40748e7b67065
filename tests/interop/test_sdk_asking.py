"""Tools that ask their user, the client's model, or for folders: one body in both eras.

In the handshake era the server sends a request; in the stateless one the call is answered with what it needs, and the
SDK's client calls again. Neither the tool nor who wrote the callbacks can tell.
"""

import anyio
import pytest
from mcp.client.session import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CreateMessageResult, ElicitResult, ErrorData, ListRootsResult, Root, TextContent
from mcp_types import InputRequiredResult as Required

from tests.interop.lines import Reach, only

NO_CAPABILITY = -32021


def text(result):
    return "\n".join(block.text for block in result.content)


def answering(*answers):
    """A callback that gives these answers, one after the other, and the questions that it was asked."""
    asked, left = [], list(answers)

    async def callback(context, params):
        assert isinstance(context, ClientRequestContext)
        asked.append(params)
        return left.pop(0)

    return callback, asked


@pytest.mark.requirement("STATELESS-11", "STATELESS-12")
def test_a_tool_asks_the_user_of_the_sdk_twice(run, reach: Reach):
    callback, asked = answering(
        ElicitResult(action="accept", content={"tons": 12, "kind": "coal"}),
        ElicitResult(action="accept", content={"berth": "north"}),
    )

    async def talk():
        async with reach.client(elicitation_callback=callback) as client:
            assert text(await client.call_tool("moor")) == "12 tons of coal at north"
        assert [question.message for question in asked] == ["What is on board?", "Which berth?"]
        fields = asked[0].requested_schema["properties"]
        assert fields["tons"]["type"] == "integer" and set(fields["kind"]["enum"]) == {"grain", "coal"}

    run(talk())


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_a_user_of_the_sdk_may_say_no(run, reach: Reach, action):
    callback, asked = answering(ElicitResult(action=action))

    async def talk():
        async with reach.client(elicitation_callback=callback) as client:
            assert text(await client.call_tool("moor")) == f"{action}, then"
        assert len(asked) == 1

    run(talk())


def test_an_answer_of_the_sdk_that_does_not_fit_fails_the_call(run, reach: Reach):
    callback, _ = answering(ElicitResult(action="accept", content={"tons": "many"}))

    async def talk():
        async with reach.client(elicitation_callback=callback) as client:
            failed = await client.call_tool("moor")
            assert failed.is_error and "tons" in text(failed)

    run(talk())


def test_a_tool_asks_the_model_of_the_sdk(run, reach: Reach):
    answer = CreateMessageResult(role="assistant", content=TextContent(text="West."), model="weathercock")
    callback, asked = answering(answer)

    async def talk():
        async with reach.client(sampling_callback=callback) as client:
            assert text(await client.call_tool("advise")) == "weathercock: West."
        [question] = asked
        assert (question.max_tokens, question.system_prompt) == (20, "Be short.")
        assert question.messages[0].content.text == "Which wind is good?"

    run(talk())


def test_a_tool_asks_the_sdk_for_folders(run, reach: Reach):
    async def roots(context):
        return ListRootsResult(roots=[Root(uri="file:///srv/boats", name="boats"), Root(uri="file:///srv/nets")])

    async def talk():
        async with reach.client(list_roots_callback=roots) as client:
            told = (await client.call_tool("look")).structured_content["result"]
            assert [line.partition(" ")[0] for line in told] == ["file:///srv/boats", "file:///srv/nets"]

    run(talk())


def test_prompts_and_resources_ask_the_user_of_the_sdk_too(run, reach: Reach):
    callback, asked = answering(*(ElicitResult(action="accept", content={"berth": "south"}) for _ in range(2)))

    async def talk():
        async with reach.client(elicitation_callback=callback) as client:
            [message] = (await client.get_prompt("order")).messages
            assert message.content.text == "Go to south."
            [content] = (await client.read_resource("quay://pilot")).contents
            assert content.text == "pilot of south"
        assert len(asked) == 2

    run(talk())


def test_several_calls_of_the_sdk_are_asked_side_by_side(run, reach: Reach):
    async def callback(context, params):
        asks_for_load = "tons" in params.requested_schema["properties"]
        return ElicitResult(action="accept", content={"tons": 1} if asks_for_load else {"berth": "any"})

    async def talk():
        async with reach.client(elicitation_callback=callback) as client:
            results = []

            async def moored():
                results.append(text(await client.call_tool("moor")))

            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(moored)
            assert results == ["1 tons of grain at any"] * 5

    run(talk())


@pytest.mark.requirement("ERA-10", "STATELESS-16")
def test_a_client_of_the_sdk_that_cannot_be_asked_is_not(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            if reach.era == "stateless":
                with pytest.raises(MCPError) as caught:
                    await client.call_tool("moor")
                assert caught.value.code == NO_CAPABILITY
                assert caught.value.error.data["requiredCapabilities"] == {"elicitation": {"form": {}}}
            else:
                assert (await client.call_tool("moor")).is_error
            assert (await client.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}

    run(talk())


@only(era="handshake")
def test_an_error_that_the_sdk_answers_with_fails_the_call(run, reach: Reach):
    callback, _ = answering(ErrorData(code=-1, message="the user is asleep"))

    async def talk():
        async with reach.client(elicitation_callback=callback) as client:
            assert (await client.call_tool("moor")).is_error

    run(talk())


@only(era="stateless")
@pytest.mark.requirement("STATELESS-11", "STATELESS-12", "STATELESS-13")
def test_the_state_of_a_question_may_be_kept_and_brought_back_over_another_line(run, reach: Reach):
    callback, _ = answering()
    accepted = ElicitResult(action="accept", content={"tons": 4})

    async def talk():
        async with reach.client(elicitation_callback=callback) as client:
            first = await client.session.call_tool("moor", allow_input_required=True)
            assert isinstance(first, Required) and first.request_state
            [(key, question)] = first.input_requests.items()
            assert question.method == "elicitation/create"
            with pytest.raises(MCPError) as caught:
                await client.session.call_tool(
                    "moor",
                    input_responses={key: accepted},
                    request_state=first.request_state[:-2] + "xx",
                    allow_input_required=True,
                )
            assert caught.value.code == -32602

            async def goes_on(other):
                second = await other.session.call_tool(
                    "moor",
                    input_responses={key: accepted},
                    request_state=first.request_state,
                    allow_input_required=True,
                )
                [key_of_second] = second.input_requests
                berth = {key_of_second: ElicitResult(action="accept", content={"berth": "east"})}
                last = await other.session.call_tool(
                    "moor", input_responses=berth, request_state=second.request_state, allow_input_required=True
                )
                assert text(last) == "4 tons of grain at east"

            if reach.line == "stdio":
                await goes_on(client)
            else:
                async with reach.client(elicitation_callback=callback) as other:
                    await goes_on(other)

    run(talk())
