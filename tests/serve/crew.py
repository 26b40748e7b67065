"""Several workers of one server, as the processes that they are, and clients that know which of them they talk to."""

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.serve.harbour import ROOT, WAIT
from tests.serve.peer import CAPABILITIES, HANDSHAKE, STATELESS, VERSION

FLEET = ROOT / "tests/serve/fleet.py"
BOTH = "application/json, text/event-stream"
EXTENSION = "io.modelcontextprotocol/tasks"

Message = dict[str, Any]
_ids = itertools.count(1000)  # Several connections share a session, whose ids must differ.


class Crew:
    """A running `fairlead serve … --workers N`."""

    def __init__(self, keeper: subprocess.Popen[bytes], log: Path) -> None:
        self.keeper = keeper
        self._log = log
        self.address = ""

    @property
    def log(self) -> str:
        """What all of them wrote to standard error so far."""
        return self._log.read_text("utf-8")

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def says(self, pattern: str) -> re.Match[str]:
        """Wait until a line like this stands in the log."""
        until = time.monotonic() + WAIT
        while (found := re.search(pattern, self.log)) is None:
            assert time.monotonic() < until, f"{pattern!r} was not said:\n{self.log}"
            assert self.keeper.poll() is None or re.search(pattern, self.log), self.log
            time.sleep(0.02)
        return found

    def ends(self, within: float = WAIT) -> int:
        """The exit code of the process that keeps the workers."""
        return self.keeper.wait(within)


@contextmanager
def crew(*words: str, workers: int = 2, program: tuple[str, ...] = (), env: Any = None) -> Iterator[Crew]:
    """Workers that serve `tests/serve/fleet.py`, unless `program` says what to run."""
    command = program or ("-m", "fairlead", "serve", str(FLEET), "--port", "0", "--workers", str(workers), *words)
    with tempfile.NamedTemporaryFile(suffix=".err") as errors:
        keeper = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stderr=errors,
            stdout=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **(env or {})},
            start_new_session=True,
        )
        made = Crew(keeper, Path(errors.name))
        try:
            yield made
        finally:
            if keeper.poll() is None:
                keeper.terminate()
                try:
                    keeper.wait(2)
                except subprocess.TimeoutExpired:
                    keeper.terminate()  # A second one ends what still runs.
                    try:
                        keeper.wait(WAIT)
                    except subprocess.TimeoutExpired:
                        keeper.kill()
                        keeper.wait(WAIT)


@contextmanager
def afloat(*words: str, **options: Any) -> Iterator[Crew]:
    """The same, once all workers listen."""
    with crew(*words, **options) as made:
        made.address = made.says(r"ws://([^/]+)/mcp")[1]
        yield made


class Link:
    """One kept connection to one worker; `pid` and `index` say which."""

    def __init__(self, client: httpx2.AsyncClient, url: str, pid: int) -> None:
        self._client = client
        self._url = url
        self.pid = pid
        self.session: str | None = None
        self.version = HANDSHAKE

    def headers(self) -> dict[str, str]:
        told = {"accept": BOTH, "content-type": "application/json"}
        if self.session is not None:
            told |= {"mcp-session-id": self.session, "mcp-protocol-version": self.version}
        return told

    async def request(self, method: str, path: str = "/mcp", **options: Any) -> httpx2.Response:
        options.setdefault("headers", self.headers())
        return await self._client.request(method, self._url + path, **options)

    async def post(self, method: str, params: Message | None = None, *, id: Any = None, **more: Any) -> httpx2.Response:
        """POST a request of the handshake era."""
        message = {"jsonrpc": "2.0", "id": next(_ids) if id is None else id, "method": method}
        return await self.request("POST", json={**message, "params": params or {}}, **more)

    async def shake(self, **capabilities: Any) -> str:
        """Open a session; returns its id."""
        self.session = None
        params = {
            "protocolVersion": self.version,
            "capabilities": capabilities,
            "clientInfo": {"name": "t", "version": "1"},
        }
        answer = await self.post("initialize", params)
        assert answer.status_code == 200, answer.text
        self.session = answer.headers["mcp-session-id"]
        told = await self.request("POST", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert told.status_code == 202
        return self.session

    def join(self, session: str) -> "Link":
        """Go on with a session that was opened elsewhere."""
        self.session = session
        return self

    async def call(self, name: str, arguments: Message | None = None) -> Any:
        """What a tool of the handshake session returns."""
        answer = await self.post("tools/call", {"name": name, "arguments": arguments or {}})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return result_in(answer)

    async def ask(self, method: str, params: Message, *, headers: Any = None, extensions: bool = False) -> Message:
        """A request of the stateless era, and its answer."""
        declared: Message = {"elicitation": {"form": {}}}
        if extensions:
            declared["extensions"] = {EXTENSION: {}}
        params = {**params, "_meta": {VERSION: STATELESS, CAPABILITIES: declared}}
        named = params.get("name") or params.get("taskId")
        told = {**self.headers(), "mcp-protocol-version": STATELESS, "mcp-method": method, **(headers or {})}
        told |= {"mcp-name": named} if named else {}
        message = {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": params}
        answer = await self.request("POST", json=message, headers=told)
        return message_in(answer)

    @asynccontextmanager
    async def stream(self, method: str, path: str = "/mcp", **options: Any) -> AsyncIterator["Stream"]:
        options["headers"] = {**self.headers(), **options.get("headers", {})}
        async with self._client.stream(method, self._url + path, **options) as answer:
            stream = Stream(answer)
            try:
                yield stream
            finally:
                await stream.lines.aclose()


class Stream:
    """Events of one answer."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.lines = answer.aiter_lines()
        self.last_id = ""

    async def event(self) -> tuple[str, str]:
        """The next event that says something: its kind and its data."""
        kind, data = "message", ""
        async with asyncio.timeout(WAIT):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "id":
                    self.last_id = value
                elif name == "data":
                    data += value
                elif not line and data:
                    return kind, data
                elif not line:
                    kind = "message"
        raise AssertionError("the stream ended")

    async def message(self) -> Message:
        return json.loads((await self.event())[1])


def message_in(answer: httpx2.Response) -> Message:
    """The last message in an answer, JSON or events."""
    if answer.headers["content-type"] == "application/json":
        return answer.json()
    return json.loads([line for line in answer.text.splitlines() if line.startswith("data: {")][-1][6:])


def result_in(answer: httpx2.Response) -> Any:
    message = message_in(answer)
    assert "result" in message, message
    return message["result"]["structuredContent"]["result"]


@asynccontextmanager
async def links(made: Crew, *, each: int = 1) -> AsyncIterator[dict[int, list[Link]]]:
    """Kept connections to the workers, `each` to every one of them, by the worker's process."""
    found: dict[int, list[Link]] = {}
    clients: list[httpx2.AsyncClient] = []
    try:
        async with asyncio.timeout(WAIT):
            workers = None
            while workers is None or len(found) < workers or min(map(len, found.values())) < each:
                limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
                client = httpx2.AsyncClient(limits=limits, timeout=WAIT, trust_env=False)
                clients.append(client)
                health = (await client.get(f"{made.url}/health")).json()
                workers, pid = health["workers"], health["pid"]
                kept = found.setdefault(pid, [])
                if len(kept) < each:
                    kept.append(Link(client, made.url, pid))
        yield found
    finally:
        for client in clients:
            await client.aclose()


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
