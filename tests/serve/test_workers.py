"""Several workers are one server to their clients: every request finds what it is about, at whichever it arrives."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.serve.crew import Crew, Link, afloat, crew, links, result_in, stop
from tests.serve.harbour import WAIT
from tests.serve.peer import connected

pytestmark = [
    pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="workers need Unix-domain sockets"),
    pytest.mark.within(60),
]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Crew]:
    """Two workers for all tests that leave them alive."""
    with afloat() as made:
        yield made


def two(found: dict[int, list[Link]]) -> tuple[list[Link], list[Link]]:
    """The connections to one worker, and those to another one."""
    here, there, *_ = found.values()
    return here, there


# Sessions.


def test_fifty_sessions_are_served_over_fresh_connections(run) -> None:
    async def use() -> None:
        async with httpx2.AsyncClient(timeout=WAIT, trust_env=False, headers={"connection": "close"}) as client:

            async def session() -> tuple[int, set[int]]:
                link = Link(client, made.url, 0)
                id = await link.shake()
                pids = {await link.call("where") for _ in range(4)}
                assert (await link.request("DELETE")).status_code == 204
                assert (await link.post("tools/list")).status_code == 404
                return int(id.partition("-")[0]), pids

            opened = await asyncio.gather(*[session() for _ in range(50)])
        pids: dict[int, set[int]] = {}
        for index, found in opened:
            assert len(found) == 1, "a session is kept by one worker"
            pids.setdefault(index, set()).update(found)
        assert len(pids) > 1, "one worker alone was met"
        assert all(len(found) == 1 for found in pids.values())

    with afloat(workers=3) as made:
        run(use(), within=40)


def test_a_session_is_served_at_every_worker_and_runs_at_one(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            assert await here.call("where") == await there.call("where") == here.pid

    run(use())


def test_an_id_that_no_worker_signed_is_unknown_everywhere(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            id = await here.shake()
            signature = id.rpartition(".")[2]
            changed = id[:-1] + ("0" if id[-1] != "0" else "1")
            for forged in (changed, f"0-x.{signature}", f"1-x.{signature}", "0-", "1-.", "x", "7-a.b"):
                for link in (here, there):
                    answer = await link.join(forged).post("tools/list")
                    assert answer.status_code == 404, (forged, answer.text)

    run(use())


def test_bad_input_is_refused_alike_wherever_it_arrives(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            told = here.headers()
            cases = [
                {"content": b"{}", "headers": {**told, "content-type": "text/plain"}},
                {"content": b"{}", "headers": {**told, "accept": "image/png"}},
                {"content": b"{", "headers": told},
                {"content": b"x" * (4 * 1024 * 1024 + 1), "headers": told},
                {"content": b'{"jsonrpc":"2.0","id":9,"method":"no/such"}', "headers": told},
            ]
            for case in cases:
                near, far = await here.request("POST", **case), await there.request("POST", **case)
                assert (near.status_code, near.content) == (far.status_code, far.content)
            assert [case.status_code for case in (await there.request("PUT"), await there.request("HEAD"))] == [
                405,
                405,
            ]
            assert await there.call("where") == here.pid, "the connection between workers is as good as before"

    run(use())


def test_large_and_chunked_bodies_go_both_ways(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            text = "ü" * 400_000
            assert await there.call("length", {"text": text}) == len(text)

            async def pieces():
                params = {"name": "length", "arguments": {"text": text}}
                whole = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": params}).encode()
                for start in range(0, len(whole), 100_000):
                    yield whole[start : start + 100_000]

            assert result_in(await there.request("POST", content=pieces())) == len(text)

    run(use())


# Streams.


def test_progress_streams_through_another_worker(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            params = {"name": "steps", "arguments": {"seconds": 0.1}, "_meta": {"progressToken": "p"}}
            message = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}
            async with there.stream("POST", json=message) as stream:
                told = [await stream.message() for _ in range(4)]
            assert [one["params"]["progress"] for one in told[:3]] == [1, 2, 3]
            assert told[3]["result"]["structuredContent"] == {"result": here.pid}

    run(use())


def test_a_question_is_answered_by_a_post_at_another_worker(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet, each=2) as found:
            (here, _), (there, answering) = two(found)
            id = await here.shake(elicitation={})
            there.join(id), answering.join(id)
            message = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "ask", "arguments": {}}}
            for asking, replying in ((there, answering), (here, answering), (there, here)):
                async with asking.stream("POST", json=message) as stream:
                    question = await stream.message()
                    assert question["method"] == "elicitation/create"
                    result = {"action": "accept", "content": {"n": 3}}
                    reply = {"jsonrpc": "2.0", "id": question["id"], "result": result}
                    assert (await replying.request("POST", json=reply)).status_code == 202
                    answer = await stream.message()
                assert answer["result"]["structuredContent"]["result"].endswith(f"at {here.pid}")

    run(use())


def test_a_stream_that_one_worker_reads_brings_what_another_worker_says(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            async with there.stream("GET") as stream:
                assert stream.answer.status_code == 200
                await here.call("change")
                assert (await stream.message())["method"] == "notifications/tools/list_changed"

    run(use())


def test_who_leaves_a_stream_at_one_worker_has_left_it_at_the_other(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet, each=2) as found:
            (here, _), (there, other) = two(found)
            id = await here.shake()
            there.join(id), other.join(id)
            async with there.stream("GET") as stream:
                assert stream.answer.status_code == 200
                assert (await other.request("GET")).status_code == 409
            async with asyncio.timeout(WAIT):
                while True:
                    async with here.stream("GET") as stream:
                        if stream.answer.status_code == 200:
                            break
                        assert stream.answer.status_code == 409
                    await asyncio.sleep(0.02)

    run(use(), within=20)


def test_a_broken_stream_is_taken_up_at_another_worker(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet, each=2) as found:
            (here, _), (there, other) = two(found)
            id = await here.shake()
            there.join(id), other.join(id)
            params = {"name": "steps", "arguments": {"seconds": 0.1}, "_meta": {"progressToken": "p"}}
            message = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}
            for first, second in ((there, other), (here, other), (other, here)):
                async with first.stream("POST", json=message) as stream:
                    assert (await stream.message())["params"]["progress"] == 1
                    seen = stream.last_id
                async with second.stream("GET", headers={"last-event-id": seen}) as stream:
                    told = [await stream.message() for _ in range(3)]
                assert [one["params"]["progress"] for one in told[:2]] == [2, 3]
                assert told[2]["result"]["structuredContent"] == {"result": here.pid}

    run(use(), within=20)


def test_streams_hold_up_no_other_request(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet, each=20) as found:
            here, there = two(found)
            id = await here[0].shake()
            for link in there:
                link.join(id)
            waiting = [asyncio.create_task(link.call("wait_for_go")) for link in there[:12]]
            assert await there[12].call("where") == here[0].pid
            assert await there[13].call("give") == here[0].pid
            assert set(await asyncio.gather(*waiting)) == {here[0].pid}

    run(use(), within=20)


def test_the_old_line_takes_posts_at_another_worker(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            async with here.stream("GET", "/sse") as stream:
                kind, path = await stream.event()
                assert kind == "endpoint"
                params = {
                    "protocolVersion": "2024-11-05",
                    "capabilities": {},
                    "clientInfo": {"name": "t", "version": "1"},
                }
                for id, method, given in ((1, "initialize", params), (2, "tools/call", {"name": "where"})):
                    message = {"jsonrpc": "2.0", "id": id, "method": method, "params": given}
                    assert (await there.request("POST", path, json=message)).status_code == 202
                    answer = await stream.message()
                    assert answer["id"] == id and "result" in answer, answer
                assert str(here.pid) in json.dumps(answer)
            async with asyncio.timeout(WAIT):
                while (await there.request("POST", path, json={})).status_code != 404:
                    await asyncio.sleep(0.02)  # until the worker has seen that its client left

    run(use())


# The stateless era.


def test_a_retry_finds_its_suspended_call_at_another_worker(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            for first, second in ((here, there), (there, here), (here, here)):
                asked = (await first.ask("tools/call", {"name": "ask", "arguments": {}}))["result"]
                assert asked["resultType"] == "input_required"
                (key,) = asked["inputRequests"]
                given = {key: {"action": "accept", "content": {"n": 3}}}
                params = {
                    "name": "ask",
                    "arguments": {},
                    "inputResponses": given,
                    "requestState": asked["requestState"],
                }
                answer = await second.ask("tools/call", params)
                assert answer["result"]["structuredContent"]["result"].endswith(f"at {first.pid}"), answer

    run(use())


def test_a_task_is_found_at_every_worker(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            begun = (await here.ask("tools/call", {"name": "job", "arguments": {}}, extensions=True))["result"]
            async with asyncio.timeout(WAIT):
                while True:
                    told = (await there.ask("tasks/get", {"taskId": begun["taskId"]}, extensions=True))["result"]
                    if told["status"] == "completed":
                        break
                    await asyncio.sleep(0.02)
            assert told["result"]["structuredContent"] == {"result": here.pid}
            lost = await there.ask("tasks/get", {"taskId": "0-none"}, extensions=True)
            assert lost["error"]["data"]["errorCode"] == "TASK_NOT_FOUND"

    run(use())


def test_a_watch_of_a_task_goes_to_the_worker_that_runs_it(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            (here,), (there,) = two(found)
            begun = (await here.ask("tools/call", {"name": "job", "arguments": {}}, extensions=True))["result"]
            meta = {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
            }
            params = {"notifications": {"taskIds": [begun["taskId"]]}, "_meta": meta}
            message = {"jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen", "params": params}
            told = {"mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"}
            async with there.stream("POST", json=message, headers=told) as stream:
                acknowledged = await stream.message()
                assert acknowledged["params"]["notifications"]["taskIds"] == [begun["taskId"]]

    run(use())


# WebSocket and the process itself.


def test_websockets_are_spread_over_the_workers(run, fleet) -> None:
    async def use() -> None:
        pids = []
        for _ in range(40):
            async with connected(fleet.address) as peer:
                pids.append((await peer.call("where"))["structuredContent"]["result"])
        assert len(set(pids)) == 2, pids

    run(use(), within=20)


def test_health_tells_the_workers_and_which_one_answers(run, fleet) -> None:
    async def use() -> None:
        async with links(fleet) as found:
            assert len(found) == 2
            assert fleet.keeper.pid not in found

    run(use())


def test_the_address_is_told_once(fleet) -> None:
    assert fleet.log.count("/health") == 1
    assert not fleet.address.endswith(":0")


def test_the_secret_stands_neither_in_the_environment_nor_in_the_command(run, fleet) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("this system has no /proc")

    async def workers() -> list[int]:
        async with links(fleet) as found:
            return list(found)

    keeper = Path(f"/proc/{fleet.keeper.pid}")
    own = set((keeper / "environ").read_bytes().split(b"\0"))
    for pid in run(workers()):
        added = set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")) - own
        assert [entry.partition(b"=")[0] for entry in added] == [b"FAIRLEAD_LIFELINE"]
        assert added.pop().partition(b"=")[2].isdigit()
        assert Path(f"/proc/{pid}/cmdline").read_bytes() == (keeper / "cmdline").read_bytes()


def test_a_killed_worker_loses_its_sessions_alone_and_is_started_again(run) -> None:
    async def use() -> None:
        async with links(made, each=2) as found:
            (here, _), (there, other) = two(found)
            lost, kept = await here.shake(), await other.shake()
            assert await there.join(lost).call("where") == here.pid
            stop(here.pid)
            await asyncio.to_thread(made.says, rf"Worker \d \(process {here.pid}\) ended with SIGKILL")
            answer = await there.post("tools/list")
            assert answer.status_code == 404, answer.text
            assert await there.join(kept).call("where") == other.pid
            await asyncio.to_thread(made.says, r"Worker \d \(process \d+\) serves")
        async with links(made) as found:
            assert other.pid in found and here.pid not in found
            answer = await found[other.pid][0].join(lost).post("tools/list")
            assert answer.status_code == 404, "the new worker at the same place knows nothing of it"
            (new,) = [kept[0] for pid, kept in found.items() if pid != other.pid]
            assert await new.join(kept).call("where") == other.pid
            found[other.pid][0].join(await new.shake())
            assert await found[other.pid][0].call("where") == new.pid

    with afloat("--log-level", "info") as made:
        run(use(), within=30)


def test_a_retry_whose_worker_died_is_replayed_or_told_so(run) -> None:
    async def use() -> None:
        async with links(made) as found:
            (here,), (there,) = two(found)
            asked = {}
            for name in ("ask", "ask_again"):
                asked[name] = (await here.ask("tools/call", {"name": name, "arguments": {}}))["result"]
            stop(here.pid)
            await asyncio.to_thread(made.says, "ended with SIGKILL")
            answers = {}
            for name, told in asked.items():
                (key,) = told["inputRequests"]
                given = {key: {"action": "accept", "content": {"n": 3}}}
                params = {"name": name, "arguments": {}, "inputResponses": given, "requestState": told["requestState"]}
                answers[name] = await there.ask("tools/call", params)
            assert answers["ask"]["error"]["data"]["errorCode"] == "STATE_LOST"
            assert answers["ask_again"]["result"]["structuredContent"]["result"].endswith(f"at {there.pid}")

    with afloat() as made:
        run(use(), within=20)


def test_a_request_whose_worker_dies_under_it_is_told_so(run) -> None:
    async def use() -> None:
        async with links(made) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            asking = asyncio.create_task(there.post("tools/call", {"name": "later", "arguments": {"seconds": 60}}))
            await asyncio.to_thread(made.says, "later began")
            stop(here.pid)
            answer = await asking
            assert answer.status_code == 502
            assert answer.json()["error"]["code"] == "WORKER_LOST"

    with afloat() as made:
        run(use(), within=20)


def test_a_signal_lets_calls_end_also_those_passed_on(run) -> None:
    async def use() -> None:
        async with links(made) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            waiting = asyncio.create_task(there.call("later", {"seconds": 1.5}))
            await asyncio.to_thread(made.says, "later began")
            made.keeper.send_signal(signal.SIGTERM)
            assert await waiting == here.pid
        assert await asyncio.to_thread(made.ends) == 0

    with afloat() as made:
        run(use(), within=20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_all_at_once(run, number: signal.Signals) -> None:
    async def use() -> list[int]:
        async with links(made) as found:
            (here,), (there,) = two(found)
            there.join(await here.shake())
            waiting = asyncio.create_task(there.post("tools/call", {"name": "hang", "arguments": {}}))
            await asyncio.to_thread(made.says, "hang began")
            made.keeper.send_signal(number)
            await asyncio.sleep(0.3)  # two signals of one number at the same moment are one
            made.keeper.send_signal(number)
            began = time.monotonic()
            assert await asyncio.to_thread(made.ends) == 0
            assert time.monotonic() - began < 4, "the drain of 6 s was waited for"
            waiting.cancel()
            await asyncio.wait([waiting])
            return [here.pid, there.pid]

    with afloat() as made:
        for pid in run(use(), within=20):
            assert not _is_there(pid)


def test_workers_end_when_their_keeper_is_killed(run) -> None:
    async def pids() -> list[int]:
        async with links(made) as found:
            return list(found)

    with afloat() as made:
        workers = run(pids())
        made.keeper.kill()
        made.keeper.wait(WAIT)
        until = time.monotonic() + WAIT
        while any(map(_is_there, workers)):
            assert time.monotonic() < until, "a worker outlives its keeper"
            time.sleep(0.02)


def _is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_workers_that_cannot_start_end_all_with_an_error(tmp_path) -> None:
    source = tmp_path / "tools.py"
    source.write_text(
        "import os, sys\nfrom fairlead import Fairlead\nmcp = Fairlead('x')\n"
        "if 'FAIRLEAD_LIFELINE' in os.environ:\n    sys.exit('no boats today')\n"
    )
    words = ("-m", "fairlead", "serve", str(source), "--port", "0", "--workers", "3")
    with crew(program=words) as made:
        assert made.ends() == 4
        assert "no boats today" in made.log
        assert "ended with code 1" in made.log and "Traceback" not in made.log
        assert "/health" not in made.log


@pytest.mark.parametrize(
    "words", [("--workers", "0"), ("--trust-proxy", "my-proxy"), ("--root-path", "/a b"), ("--workers", "many")]
)
def test_flags_that_do_not_fit_are_told_once_before_any_worker_starts(words: tuple[str, str]) -> None:
    with crew(*words) as made:
        assert made.ends() == 1
        assert words[1] in made.log and "Worker" not in made.log and "Traceback" not in made.log


def test_a_taken_port_is_told_once(fleet) -> None:
    port = fleet.address.rpartition(":")[2]
    with crew("--port", port) as made:
        assert made.ends() == 4
        assert made.log.count("something listens there already") == 1


def test_a_program_goes_on_after_its_run_and_its_workers_do_not(tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom fairlead import Fairlead\nmcp = Fairlead('x', port=0, workers=2)\n"
        "mcp.run(started=lambda where: sys.stderr.write(f'ws://{where[0]}/mcp\\n'))\nsys.stderr.write('went on\\n')\n"
    )
    with afloat(program=(str(program),)) as made:
        made.keeper.send_signal(signal.SIGTERM)
        assert made.ends() == 0
        assert made.log.count("went on") == 1
        assert made.log.count("ws://") == 1


def test_a_lifeline_that_leads_nowhere_is_refused() -> None:
    with crew(env={"FAIRLEAD_LIFELINE": "999"}) as made:
        assert made.ends() == 1
        assert "unset it" in made.log


def test_nothing_is_left_in_the_temporary_folder(tmp_path) -> None:
    with afloat(env={"TMPDIR": str(tmp_path)}) as made:
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert sorted(one.name for one in folder.iterdir()) == ["0", "1"]
        made.keeper.send_signal(signal.SIGTERM)
        assert made.ends() == 0
    assert not list(tmp_path.iterdir())
