"""What a client keeps of the answers that say how long they hold, and when it asks again."""

import json

import msgspec
import pytest

from fairlead.client import Client
from fairlead.connect.keeping import Keeping
from tests.connect.ways import QUICK, Scripted, handshake, stateless, tool, until


def raw(**members):
    return msgspec.Raw(json.dumps(members).encode())


def test_an_answer_is_kept_as_long_as_it_says_and_no_longer():
    kept = Keeping()
    kept.keep("tools/list", "", raw(ttlMs=1000, cacheScope="public", tools=[]), 10.0)
    assert kept.find("tools/list", "", 10.9) is not None and kept.find("tools/list", "x", 10.9) is None
    assert kept.find("tools/list", "", 11.0) is None and len(kept) == 0


@pytest.mark.parametrize(
    "members", [{}, {"ttlMs": 0}, {"ttlMs": -5}, {"ttlMs": "1000"}, {"ttlMs": None}, {"ttlMs": [1]}]
)
def test_what_does_not_say_so_is_not_kept_and_replaces_what_was(members):
    kept = Keeping()
    kept.keep("resources/read", "a", raw(ttlMs=1000), 0.0)
    kept.keep("resources/read", "b", raw(**members), 0.0)
    assert kept.find("resources/read", "b", 0.0) is None and kept.find("resources/read", "a", 0.0) is not None


def test_the_oldest_make_room():
    kept = Keeping()
    for n in range(300):
        kept.keep("resources/read", str(n), raw(ttlMs=1000), 0.0)
    assert len(kept) == 256 and kept.find("resources/read", "0", 0.0) is None


def test_other_credentials_forget_what_was_private_or_does_not_say():
    kept = Keeping()
    for about, members in (("a", {"cacheScope": "public"}), ("b", {"cacheScope": "private"}), ("c", {})):
        kept.keep("resources/read", about, raw(ttlMs=1000, **members), 0.0)
    kept.forget_private()
    assert [kept.find("resources/read", about, 0.0) is not None for about in "abc"] == [True, False, False]


@pytest.mark.parametrize(
    ("notice", "gone"),
    [
        ("notifications/tools/list_changed", {"tools/list"}),
        ("notifications/prompts/list_changed", {"prompts/list"}),
        ("notifications/resources/list_changed", {"resources/list", "resources/templates/list"}),
        ("notifications/resources/updated", {"resources/read"}),
        ("notifications/message", set()),
    ],
)
def test_a_notification_forgets_what_it_is_about(notice, gone):
    kept = Keeping()
    methods = ["tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"]
    for method in methods:
        kept.keep(method, "a://b", raw(ttlMs=1000), 0.0)
    kept.heed(notice, {"uri": "a://b"})
    assert {method for method in methods if kept.find(method, "a://b", 0.0) is None} == gone


def listing(script=stateless, **members):
    def rest(server, said):
        params = said.get("params", {})
        if "inputResponses" not in params and params.get("uri") == "asks://first":
            asked = {"k": {"method": "roots/list"}}
            return {"resultType": "input_required", "inputRequests": asked}
        return {"tools": [tool()], "contents": [], "ttlMs": 60_000, "cacheScope": "public", **members}

    return Scripted(script(rest))


def test_a_list_that_holds_is_not_asked_for_again_until_it_changes_or_the_line_does(run):
    async def main():
        server = listing()
        count = lambda: server.methods().count("tools/list")  # noqa: E731
        async with Client(server, reconnect=QUICK) as client:
            first = await client.list_tools()
            assert await client.list_tools() == first and count() == 1
            await client.list_tools(fresh=True)
            assert count() == 2
            server.lines[0].notify("notifications/tools/list_changed")
            await client.ping()
            await client.list_tools()
            assert count() == 3
            server.lines[0].drop(1012)
            await until(lambda: len(server.lines) == 2 and client.connected)
            await client.list_tools()
            assert count() == 4

    run(main())


def test_what_was_asked_with_answers_to_questions_is_never_kept(run):
    async def main():
        server = listing()
        async with Client(server, roots=["file:///x"]) as client:
            for _ in range(2):
                await client.read("asks://first")
                await client.read("plain://x")
        uris = [said["params"]["uri"] for said in server.heard if said["method"] == "resources/read"]
        assert uris.count("asks://first") == 4 and uris.count("plain://x") == 1

    run(main())


def test_in_the_handshake_era_nothing_is_kept(run):
    async def main():
        server = listing(handshake)
        async with Client(server) as client:
            await client.list_tools()
            await client.list_tools()
        assert server.methods().count("tools/list") == 2

    run(main())


def test_a_ping_is_never_answered_from_what_was_kept(run):
    async def main():
        server = listing()
        async with Client(server) as client:
            await client.ping()
            await client.ping()
        assert server.methods().count("server/discover") == 3

    run(main())
