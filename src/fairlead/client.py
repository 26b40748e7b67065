"""`Client`: calls to a server over any line.

    async with Client("ws://127.0.0.1:8000/mcp") as client:
        print((await client.call_tool("add", {"a": 1, "b": 2})).value)

The version is found out by itself. A line that breaks is opened again, and what was in flight is repeated only where
that is safe: if it was never sent, or changes nothing. Everything else ends at once with `ConnectionLost`, whose
`state` says whether the server may have acted. Refuses to guess beyond that.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from fairlead.__about__ import __version__
from fairlead.catalog.prompt import read_message
from fairlead.connect.conversation import Conversation, Progressed
from fairlead.connect.era import Era, agree
from fairlead.connect.handlers import Handlers
from fairlead.connect.lifeline import Lifeline
from fairlead.connect.target import Target, line_to
from fairlead.errors import CallError, ConnectionLost, UsageError
from fairlead.kernel.client import ClientSession
from fairlead.spec.content import BlobContents, TextContents, read_contents
from fairlead.spec.descriptors import (
    Implementation,
    PromptDescriptor,
    ResourceDescriptor,
    TemplateDescriptor,
    ToolDescriptor,
)
from fairlead.spec.params import LogLevel
from fairlead.spec.results import UNSET, Called, Message

T = TypeVar("T")
_ROUNDS = 16
"""Times that one call may come back with questions: far past any dialogue, and an end to one that never ends."""

Heard = Callable[[str, Any], Any]


class Client:
    """A client of one server. Use it in `async with`; safe for any number of concurrent calls on one loop.

    `target` is a URL (ws, wss, http, https), a command line as a list, or a `Fairlead` in this process. `elicit`,
    `sample` and `roots` answer the server's questions; `heard(method, params)` is told of notifications.
    """

    def __init__(
        self,
        target: Target,
        *,
        era: Era = "auto",
        reconnect: bool = True,
        timeout: float | None = 60.0,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        elicit: Callable[[dict[str, Any]], Any] | None = None,
        sample: Callable[[dict[str, Any]], Any] | None = None,
        roots: Any = None,
        heard: Heard | None = None,
        log_level: LogLevel | None = None,
        name: str = "fairlead",
    ):
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        self._line = line_to(target, headers=sent, env=env, cwd=cwd)
        self._era: Era = era
        self._timeout = timeout
        self._handlers = Handlers(elicit=elicit, sample=sample, roots=roots)
        self._heard = heard
        self._log_level = log_level
        self._me = Implementation(name=name, version=__version__)
        self._tools: dict[str, ToolDescriptor] = {}
        self._subscribed: set[str] = set()
        self._lifeline = Lifeline(self._meet, reconnect=reconnect)

    async def __aenter__(self) -> "Client":
        await self._lifeline.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the line. What waits fails with ConnectionLost."""
        await self._lifeline.close()

    async def _meet(self) -> Conversation:
        """A line, open and with a version agreed; subscriptions of the handshake era are restored."""
        session = ClientSession(self._me, self._handlers.capabilities())
        session.log_level = self._log_level
        conversation = Conversation(session, self._line(), self._handlers, self._heed)
        try:
            await conversation.open()
            await agree(conversation, self._era)
            for uri in self._subscribed:
                await conversation.request("resources/subscribe", {"uri": uri}, within=self._timeout)
        except BaseException:
            await conversation.close()  # Whatever ended it, cancellation too: no half-open line is left behind.
            raise
        return conversation

    def _heed(self, method: str, params: Any) -> None:
        if method == "notifications/tools/list_changed":
            self._tools.clear()
        if self._heard is not None:
            self._heard(method, params)

    # What the server is.

    @property
    def server(self) -> Implementation | None:
        """Who the server says it is."""
        return self._session.server

    @property
    def protocol_version(self) -> str:
        """The version of MCP that is spoken."""
        version = self._session.version
        return "" if version is None else version.date

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the server offers."""
        return self._session.offers

    @property
    def instructions(self) -> str | None:
        """What the server wants its users to know."""
        return self._session.instructions

    @property
    def _session(self) -> ClientSession:
        if self._lifeline.current is None:
            raise UsageError("The client is not open: use it in `async with Client(…) as client`.")
        return self._lifeline.current.session

    # Asking.

    async def request(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        safe: bool = True,
        progress: Progressed | None = None,
        within: float | None = None,
        meta: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Any request; questions of the stateless era are answered by the handlers on the way.

        `safe`: it may be repeated after a line broke, since it changes nothing. Raises CallError, ConnectionLost or
        RequestTimeout. Cancelling it cancels it at the server.
        """
        params = dict(params or {})
        for _ in range(_ROUNDS):
            raw = await self._repeat(method, params, safe=safe, progress=progress, within=within, meta=meta)
            result: dict[str, Any] = msgspec.json.decode(raw)
            if result.get("resultType") != "input_required":
                return result
            params.pop("inputResponses", None)
            params.pop("requestState", None)
            asked = result.get("inputRequests") or {}
            if asked:
                params["inputResponses"] = dict(zip(asked, await self._answers(asked), strict=True))
            if "requestState" in result:
                params["requestState"] = result["requestState"]
        raise CallError(0, f"{method} asked for input {_ROUNDS} times and was given up.")

    async def _answers(self, asked: dict[str, dict[str, Any]]) -> list[Any]:
        return await asyncio.gather(
            *(self._handlers.answer(one.get("method", ""), one.get("params") or {}) for one in asked.values())
        )

    async def _repeat(
        self,
        method: str,
        params: dict[str, Any],
        *,
        safe: bool,
        progress: Progressed | None,
        within: float | None,
        meta: dict[str, Any] | None,
    ) -> msgspec.Raw:
        limit = self._timeout if within is None else within
        async with asyncio.timeout(limit):
            while True:
                conversation = await self._lifeline.conversation()
                try:
                    return await conversation.request(method, params, progress=progress, meta=meta)
                except ConnectionLost as lost:
                    if not self._lifeline.reconnects or (lost.state != "not_sent" and not safe):
                        raise
                    # Once more on the next line, within the same time.

    async def ping(self) -> None:
        """See that the server answers. The stateless era has no ping: there it is asked who it is."""
        stateless = self._session.version is not None and self._session.version.era == "stateless"
        await self.request("server/discover" if stateless else "ping")

    async def list_tools(self) -> list[ToolDescriptor]:
        """All tools, of all pages."""
        tools = await self._all("tools/list", "tools", ToolDescriptor)
        self._tools = {tool.name: tool for tool in tools}
        return tools

    async def list_resources(self) -> list[ResourceDescriptor]:
        """All resources, of all pages."""
        return await self._all("resources/list", "resources", ResourceDescriptor)

    async def list_templates(self) -> list[TemplateDescriptor]:
        """All families of resources, of all pages."""
        return await self._all("resources/templates/list", "resourceTemplates", TemplateDescriptor)

    async def list_prompts(self) -> list[PromptDescriptor]:
        """All prompts, of all pages."""
        return await self._all("prompts/list", "prompts", PromptDescriptor)

    async def _all(self, method: str, member: str, shape: type[T]) -> list[T]:
        entries: list[T] = []
        cursor: str | None = None
        while True:
            page = await self.request(method, {} if cursor is None else {"cursor": cursor})
            entries += msgspec.convert(page.get(member, []), list[shape])  # type: ignore[valid-type]
            following = page.get("nextCursor")
            if following is None or following == cursor:
                return entries
            cursor = following

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        progress: Progressed | None = None,
        within: float | None = None,
        meta: dict[str, Any] | None = None,
    ) -> Called:
        """Call a tool. A tool that fails is a result with `is_error`; see `Client.request` for what is raised."""
        params = {"name": name, "arguments": dict(arguments or {})}
        result = await self.request(
            "tools/call", params, safe=self._is_safe(name), progress=progress, within=within, meta=meta
        )
        return msgspec.convert(result, Called)

    async def invoke_tool(self, name: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """What a tool returned. Raises CallError where it failed."""
        called = await self.call_tool(name, arguments, **options)
        if called.is_error:
            raise CallError(0, called.text)
        return called.value

    def _is_safe(self, name: str) -> bool:
        """Whether the tool says that calling it twice does no harm. Known only of tools that were listed."""
        tool = self._tools.get(name)
        if tool is None or tool.annotations is UNSET:
            return False
        return tool.annotations.read_only_hint is True or tool.annotations.idempotent_hint is True

    async def read(self, uri: str) -> list[TextContents | BlobContents]:
        """The contents of a resource."""
        result = await self.request("resources/read", {"uri": uri})
        return [read_contents(one) for one in result.get("contents", [])]

    async def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> list[Message]:
        """The messages of a prompt."""
        result = await self.request("prompts/get", {"name": name, "arguments": dict(arguments or {})})
        return [read_message(one) for one in result.get("messages", [])]

    async def complete(
        self, target: str, argument: str, typed: str, *, settled: Mapping[str, str] | None = None
    ) -> list[str]:
        """Values for an argument of a prompt (by its name) or of a resource template (by its URI)."""
        ref = {"type": "ref/resource", "uri": target} if "://" in target else {"type": "ref/prompt", "name": target}
        params: dict[str, Any] = {"ref": ref, "argument": {"name": argument, "value": typed}}
        if settled:
            params["context"] = {"arguments": dict(settled)}
        result = await self.request("completion/complete", params)
        values: list[str] = result.get("completion", {}).get("values", [])
        return values

    async def set_log_level(self, level: LogLevel) -> None:
        """Choose which log messages the server sends; `heard` is told of them."""
        self._log_level = self._session.log_level = level
        if self._session.version is not None and self._session.version.era == "handshake":
            await self.request("logging/setLevel", {"level": level})

    async def subscribe(self, uri: str) -> None:
        """Handshake era: hear of changes to a resource, also after a reconnection. `heard` is told."""
        await self.request("resources/subscribe", {"uri": uri})
        self._subscribed.add(uri)

    async def unsubscribe(self, uri: str) -> None:
        """Hear no more of it."""
        self._subscribed.discard(uri)
        await self.request("resources/unsubscribe", {"uri": uri})

    @asynccontextmanager
    async def listen(self, *, uris: Sequence[str] = (), kinds: Sequence[str] = ()) -> AsyncIterator[None]:
        """Stateless era: hear of changes while in here; `kinds` are `tools`, `prompts`, `resources`. `heard` is told.

        A line that breaks is listened to anew.
        """
        wanted: dict[str, Any] = {f"{kind}ListChanged": True for kind in kinds}
        if uris:
            wanted["resourceSubscriptions"] = list(uris)

        async def forever() -> None:
            while True:
                conversation = await self._lifeline.conversation()
                try:
                    await conversation.request("subscriptions/listen", {"notifications": wanted})
                except ConnectionLost:
                    continue

        task = asyncio.create_task(forever())
        try:
            yield
        finally:
            task.cancel()
