"""stdio with real processes: framing, what stays off the wire, slow readers, and every way to end."""

import asyncio
import json
import signal

import pytest

from tests.serve.harbour import PIER, WAIT, child
from tests.serve.peer import CAPABILITIES, STATELESS, VERSION, Peer, text

META = {VERSION: STATELESS, CAPABILITIES: {}}
SERVE = ("serve", str(PIER), "--transport", "stdio")
NOISY = """
import os, sys
from fairlead import Fairlead
print("from the top")
os.write(1, b"from its descriptor\\n")
mcp, kept = Fairlead("noisy"), sys.stdout
@mcp.tool
def late() -> str:
    print("late", file=kept, flush=True)
    return "ok"
"""


def request(id: int, name: str, **arguments) -> bytes:
    params = {"name": name, "arguments": arguments, "_meta": {**META, "progressToken": id}}
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).encode()


def peer_of(running) -> Peer:
    async def send(frame: str) -> None:
        await running.write(frame.encode() + b"\n")

    return Peer(send, running.line)


async def result(running) -> dict:
    return json.loads(await running.line())["result"]


def test_what_tools_print_goes_to_standard_error_and_never_on_the_wire(run):
    async def talk():
        async with child(*SERVE) as running:
            peer = peer_of(running)
            assert text(await peer.call("loud")) == "was loud"
            for told in ("from print", "from the descriptor", "from a child"):
                await running.says(told)
            running.hang_up()
            assert await running.rest() == b""

    run(talk(), within=20)


def test_what_the_source_prints_while_it_is_loaded_stays_off_the_wire(run, tmp_path):
    source = tmp_path / "noisy.py"
    source.write_text(NOISY)

    async def talk():
        async with child("serve", str(source), "--transport", "stdio") as running:
            assert text(await peer_of(running).call("late")) == "ok"
            for told in ("from the top", "from its descriptor", "late"):
                await running.says(told)
            running.hang_up()
            assert await running.rest() == b""

    run(talk(), within=20)


def test_a_tool_that_reads_standard_input_finds_its_end(run):
    async def talk():
        async with child(*SERVE) as running:
            assert text(await peer_of(running).call("read_input")) == "''"

    run(talk(), within=20)


def test_lines_may_end_in_crlf_be_blank_come_in_pieces_or_together(run):
    async def talk():
        async with child(*SERVE) as running:
            one, two = request(1, "add", a=1, b=2), request(2, "add", a=3, b=4)
            await running.write(b"\n\r\n  \n" + one + b"\r\n" + two + b"\n")
            got = [json.loads(await running.line())["id"] for _ in range(2)]
            assert sorted(got) == [1, 2]
            await running.write(one[:20])
            await running.write(one[20:] + b"\n")
            line = await running.line()
            assert line.endswith(b"\n") and b"\r" not in line and json.loads(line)["id"] == 1
            # The last line may lack its end.
            await running.write(two)
            running.hang_up()
            assert json.loads(await running.rest())["id"] == 2

    run(talk(), within=20)


def test_bad_json_and_bad_utf8_are_answered_and_the_next_line_works(run):
    async def talk():
        async with child(*SERVE) as running:
            for broken in (b"{ no", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', b"\x00"):
                await running.write(broken + b"\n")
                assert json.loads(await running.line())["error"]["code"] == -32700
            await running.write(request(1, "add", a=1, b=2) + b"\n")
            assert (await result(running))["structuredContent"] == {"result": 3}

    run(talk(), within=20)


def test_an_overlong_line_is_answered_and_the_next_line_works(run):
    async def talk():
        async with child(*SERVE, "--frame-bytes", "4096") as running:
            await running.write(b'"' + b"x" * 200_000 + b'"\n' + request(1, "add", a=1, b=2) + b"\n")
            refusal = json.loads(await running.line())
            assert refusal["error"]["code"] == -32600 and "4096" in refusal["error"]["message"]
            assert (await result(running))["structuredContent"] == {"result": 3}

    run(talk(), within=20)


def test_input_from_a_regular_file_is_answered_to_its_end(run, tmp_path):
    path = tmp_path / "input"
    path.write_bytes(b"".join(request(id, "add", a=id, b=1) + b"\n" for id in range(60)))

    async def talk():
        with path.open("rb") as file:
            async with child(*SERVE, stdin=file) as running:
                answers = [json.loads(line) for line in (await running.rest()).splitlines()]
                assert await running.ends() == 0
        assert {a["id"]: a["result"]["structuredContent"]["result"] for a in answers} == {
            id: id + 1 for id in range(60)
        }

    run(talk(), within=20)


@pytest.mark.parametrize("tool", ["hang", "block", "block_elsewhere", "stubborn"])
def test_the_end_of_input_ends_the_process_also_while_a_tool_hangs(run, tool):
    async def talk():
        async with child(*SERVE) as running:
            await running.write(request(1, tool) + b"\n")
            assert b"notifications/progress" in await running.line()
            running.hang_up()
            assert await running.ends(within=5) == (1 if tool == "stubborn" else 0)

    run(talk(), within=20)


def test_the_end_of_input_ends_the_process_also_while_a_tool_holds_the_loop(run):
    async def talk():
        async with child(*SERVE) as running:
            await running.write(request(1, "hold_the_loop") + b"\n")
            await running.says("holding the loop")
            running.hang_up()
            assert await running.ends(within=5) == 1
            assert "a tool has not" in running.stderr

    run(talk(), within=20)


def test_a_call_that_is_nearly_done_is_answered_after_the_end_of_input(run):
    async def talk():
        async with child(*SERVE) as running:
            await running.write(request(1, "later", seconds=0.1) + b"\n")
            running.hang_up()
            assert b'"later"' in await running.rest()
            assert await running.ends() == 0

    run(talk(), within=20)


def test_a_reader_that_does_not_read_blocks_neither_the_loop_nor_the_end(run):
    async def talk():
        async with child(*SERVE) as running:
            peer = peer_of(running)
            pipe = running.process.stdout._transport
            pipe.pause_reading()
            for id in range(10, 14):
                await running.write(request(id, "large", size=300_000) + b"\n")
            # The loop goes on: a cancellation still finds its call, and the call that follows runs.
            slow = request(50, "hang")
            await running.write(slow + b"\n")
            await peer.cancel(50)
            await running.write(request(51, "add", a=1, b=2) + b"\n")
            pipe.resume_reading()
            seen = set()
            while 51 not in seen:
                seen.add(json.loads(await running.line()).get("id"))
            pipe.pause_reading()
            for id in range(60, 64):
                await running.write(request(id, "large", size=300_000) + b"\n")
            running.hang_up()
            assert await running.ends(within=5) == 0
            pipe.resume_reading()

    run(talk(), within=20)


def test_large_answers_are_whole_when_the_input_ends_right_after_the_question(run):
    async def talk():
        async with child(*SERVE, limit=32_768) as running:
            await running.write(b"".join(request(id, "large", size=1_000_000) + b"\n" for id in range(3)))
            running.hang_up()
            got = b""
            while chunk := await running.process.stdout.read(65_536):
                got += chunk
                await asyncio.sleep(0.06)  # a reader that takes longer than a process with a hung tool is given
            answers = [json.loads(line) for line in got.splitlines()]
            assert {answer["id"] for answer in answers} == {0, 1, 2}
            assert await running.ends() == 0

    run(talk(), within=20)


def test_a_reader_that_is_gone_ends_the_line_without_a_traceback(run):
    async def talk():
        async with child(*SERVE) as running:
            await peer_of(running).call("add", {"a": 1, "b": 2})
            running.process.stdout._transport.close()
            await running.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n' * 3)
            running.hang_up()
            await running.ends()
            assert "Traceback" not in running.stderr and "BrokenPipe" not in running.stderr

    run(talk(), within=20)


def test_standard_error_may_be_the_same_pipe_as_standard_output(run):
    async def talk():
        async with child(*SERVE, stderr=asyncio.subprocess.STDOUT) as running:
            await running.write(request(1, "add", a=1, b=2) + b"\n")
            assert (await result(running))["structuredContent"] == {"result": 3}
            await running.write(request(2, "large", size=200_000) + b"\n")
            while not (line := await running.line()).startswith(b'{"jsonrpc"'):
                pass
            assert json.loads(line)["id"] == 2
            running.hang_up()
            assert await running.ends() == 0

    run(talk(), within=20)


@pytest.mark.parametrize("tool", ["hang", "block"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_a_signal_ends_the_process_also_while_a_tool_hangs(run, tool, number, code):
    async def talk():
        async with child(*SERVE) as running:
            await running.write(request(1, tool) + b"\n")
            assert b"notifications/progress" in await running.line()
            running.process.send_signal(number)
            assert await running.ends(within=5) == code
            assert "Traceback" not in running.stderr

    run(talk(), within=20)


def test_the_first_answer_comes_soon_after_the_start(run):
    async def talk():
        began = asyncio.get_running_loop().time()
        async with child(*SERVE) as running:
            await running.write(request(1, "add", a=1, b=2) + b"\n")
            assert await result(running)
            assert asyncio.get_running_loop().time() - began < WAIT

    run(talk(), within=20)
