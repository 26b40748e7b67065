"""What sessions leave behind in a process of its own: nothing."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.serve.harbour import PIER, child
from tests.serve.web import called, web

CYCLES, SESSIONS = 10, 200
WARM = 4
"""Cycles that fill what is filled once: pools, caches, the interpreter's own arenas."""


def resident(pid: int) -> int:
    """Memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0])


async def use(address: str) -> None:
    """One session: opened, used over streams and plain answers, and ended; its connections are dropped."""
    async with web(address) as one:
        await one.shake()
        stream = await one.post(called(1, "chatter", _meta={"progressToken": 1}))
        assert len(await stream.rest()) == 7
        assert (await one.post(called(2, "large", {"size": 20_000}))).status == 200
        async with web(address, one) as ear:
            assert (await ear.listen()).streams
            ended = await one.ask("DELETE", headers={"mcp-session-id": one.session})
            assert ended.status == 204


async def cycle(address: str) -> None:
    for _ in range(SESSIONS // 20):
        await asyncio.gather(*(use(address) for _ in range(20)))
    async with web(address) as one:
        health = (await one.ask("GET", "/health")).json
        assert (health["connections"], health["in_flight"]) == (0, 0)


@pytest.mark.requirement("HTTP-34")
@pytest.mark.within(120)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc to read memory from")
def test_two_hundred_sessions_opened_used_and_dropped_leave_no_memory(run):
    async def talk():
        async with child("serve", str(PIER), "--port", "0") as server:
            address = await server.address()
            seen = []
            for _ in range(CYCLES):
                await cycle(address)
                seen.append(resident(server.process.pid))
            assert seen[-1] <= seen[WARM] * 1.02, seen

    run(talk(), within=110)
