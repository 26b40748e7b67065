"""The official SDK's client is told what changes: as it comes in the handshake era, on a stream it opened since."""

import anyio
import pytest
from mcp.client.subscriptions import ListenNotSupportedError
from mcp_types import ResourceUpdatedNotification, ToolListChangedNotification

from tests.interop.lines import WAIT, Reach, only

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
BOOK = "quay://book"


class Ear:
    """Keeps the notifications that the session hands over."""

    def __init__(self):
        self.send, self.receive = anyio.create_memory_object_stream(100)

    async def __call__(self, message):
        await self.send.send(message)

    async def hears(self, kind):
        """The next message, which must be of this kind."""
        with anyio.fail_after(WAIT):
            message = await self.receive.receive()
        assert isinstance(message, kind), message
        return message

    def silent(self):
        """Whether nothing came that was not listened to."""
        return self.receive.statistics().current_buffer_used == 0

    def close(self):
        self.send.close()
        self.receive.close()


@pytest.fixture
def ear():
    made = Ear()
    yield made
    made.close()


async def names(client):
    found, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor)
        found += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return found


@only(era="handshake")
def test_the_sdk_is_told_that_the_tools_changed(run, reach: Reach, ear):
    async def talk():
        async with reach.client(message_handler=ear) as client:
            await client.call_tool("hoist", {"name": "pennant"})
            await ear.hears(ToolListChangedNotification)
            assert "pennant" in await names(client)
            assert (await client.call_tool("pennant")).content[0].text == "pennant flies"
            await client.call_tool("lower", {"name": "pennant"})
            await ear.hears(ToolListChangedNotification)
            assert "pennant" not in await names(client)

    run(talk())


@only(era="handshake")
def test_the_sdk_is_told_of_the_resource_that_it_subscribed_to(run, reach: Reach, ear):
    async def talk():
        async with reach.client(message_handler=ear) as client:
            await client.call_tool("write", {"text": "Nobody is told."})
            await client.subscribe_resource(BOOK)
            await client.call_tool("write", {"text": "Low water."})
            assert (await ear.hears(ResourceUpdatedNotification)).params.uri == BOOK
            [content] = (await client.read_resource(BOOK)).contents
            assert content.text.endswith("Low water.")
            await client.unsubscribe_resource(BOOK)
            await client.call_tool("write", {"text": "Nobody is told any more."})
            # A change of another kind comes after it on the same way: nothing was between them.
            await client.call_tool("hoist", {"name": "burgee"})
            await ear.hears(ToolListChangedNotification)
            await client.call_tool("lower", {"name": "burgee"})
            await ear.hears(ToolListChangedNotification)
            assert ear.silent()

    run(talk())


@only(era="handshake")
def test_in_the_handshake_era_the_sdk_opens_no_stream_to_listen(run, reach: Reach):
    async def talk():
        async with reach.client() as client:
            with pytest.raises(ListenNotSupportedError):
                async with client.listen(tools_list_changed=True):
                    pass

    run(talk())


@only(era="stateless")
@pytest.mark.requirement("STATELESS-17", "STATELESS-18")
def test_the_sdk_listens_to_lists_and_resources(run, reach: Reach):
    async def talk():
        async with (
            reach.client() as client,
            client.listen(tools_list_changed=True, resource_subscriptions=[BOOK]) as stream,
        ):
            assert stream.honored.tools_list_changed and stream.honored.resource_subscriptions == [BOOK]
            assert not stream.honored.prompts_list_changed
            with anyio.fail_after(WAIT):
                await client.call_tool("hoist", {"name": "jack"})
                assert type(await anext(stream)).__name__ == "ToolsListChanged"
                assert "jack" in await names(client)
                await client.call_tool("write", {"text": "High water."})
                assert (await anext(stream)).uri == BOOK
                [content] = (await client.read_resource(BOOK)).contents
                assert content.text.endswith("High water.")
                await client.call_tool("lower", {"name": "jack"})
                assert type(await anext(stream)).__name__ == "ToolsListChanged"

    run(talk())


@only(era="stateless")
@pytest.mark.requirement("STATELESS-19")
def test_the_sdk_hears_only_what_it_listens_to(run, reach: Reach, ear):
    async def talk():
        async with reach.client(message_handler=ear) as client:
            # Without a stream nothing is told at all.
            await client.call_tool("write", {"text": "Nobody is told."})
            async with client.listen(resource_subscriptions=[BOOK]) as stream:
                await client.call_tool("hoist", {"name": "ensign"})
                await client.call_tool("lower", {"name": "ensign"})
                await client.call_tool("write", {"text": "Slack water."})
                with anyio.fail_after(WAIT):
                    assert (await anext(stream)).uri == BOOK
                await ear.hears(ResourceUpdatedNotification)
            assert ear.silent()

    run(talk())


@only(era="stateless")
@pytest.mark.requirement("STATELESS-18", "STATELESS-20")
def test_two_streams_of_the_sdk_are_told_apart_and_one_may_end(run, reach: Reach):
    async def talk():
        async with reach.client() as client, client.listen(resource_subscriptions=[BOOK]) as stays:
            async with client.listen(tools_list_changed=True) as ends:
                await client.call_tool("write", {"text": "One."})
                await client.call_tool("hoist", {"name": "whip"})
                with anyio.fail_after(WAIT):
                    assert (await anext(stays)).uri == BOOK
                    assert type(await anext(ends)).__name__ == "ToolsListChanged"
            await client.call_tool("lower", {"name": "whip"})
            await client.call_tool("write", {"text": "Two."})
            with anyio.fail_after(WAIT):
                assert (await anext(stays)).uri == BOOK

    run(talk())
