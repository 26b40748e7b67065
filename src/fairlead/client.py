"""`Client`: calls to a server over any line.

    async with Client("ws://127.0.0.1:8000/mcp") as client:
        print((await client.call_tool("add", {"a": 1, "b": 2})).value)

The version is found out by itself. A line that breaks is opened again, and what was in flight is repeated only where
that is safe: if it was never sent, or changes nothing. Everything else ends at once with `ConnectionLost`, whose
`state` says whether the server may have acted. Refuses to guess beyond that.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from fairlead.__about__ import __version__
from fairlead.catalog.prompt import read_message
from fairlead.connect.asking import Asker, Options, read
from fairlead.connect.config import Transport
from fairlead.connect.conversation import Conversation, Heed, Progressed
from fairlead.connect.credentials import Provider, TokenPlace
from fairlead.connect.era import Era, agree
from fairlead.connect.handlers import Handlers
from fairlead.connect.headers import AnnotationError, Carried, carried, param_headers
from fairlead.connect.keeping import Keeping
from fairlead.connect.lifeline import STOP, Backoff, Lifeline
from fairlead.connect.listening import Listening
from fairlead.connect.target import Access, Target, way_to
from fairlead.errors import HEADER_MISMATCH, INVALID_REQUEST, CallError, ConnectionLost, PeerError, UsageError
from fairlead.kernel.client import ClientSession
from fairlead.spec import Version
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
Logged = Callable[[dict[str, Any]], Any]

_object: Final = msgspec.json.Decoder(dict[str, Any])
logger = logging.getLogger("fairlead")


class Client:
    """A client of one server. Use it in `async with`; safe for any number of concurrent calls on one loop.

    `target` is a URL (ws, wss, http, https), a command line as a list, a configuration in `mcpServers` notation with
    one server (a dictionary, or the path of a file), or a `Fairlead` in this process. A URL whose path ends in `/sse`
    is spoken to as one of 2024-11-05, unless `transport` says otherwise.

    `token` is a bearer token, or a function that is asked for one, and asked again when the server refuses it.
    `elicit`, `sample` and `roots` answer the server's questions; `heard(method, params)` is told of notifications and
    `logged(params)` of log messages.

    A call is repeated after a broken line only if the tool is annotated as read-only or idempotent in the list that
    `list_tools` brought last: nothing is listed behind the caller's back, and a tool that was never listed is not
    taken for safe.
    """

    def __init__(
        self,
        target: Target,
        *,
        era: Era = "auto",
        transport: Transport | None = None,
        reconnect: bool | Backoff = True,
        timeout: float | None = 60.0,
        headers: Mapping[str, str] | None = None,
        token: str | Provider | None = None,
        token_place: TokenPlace = "header",
        ca: str | Path | ssl.SSLContext | None = None,
        proxy: bool | str = True,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        elicit: Callable[[dict[str, Any]], Any] | None = None,
        sample: Callable[[dict[str, Any]], Any] | None = None,
        roots: Any = None,
        heard: Heed | None = None,
        logged: Logged | None = None,
        log_level: LogLevel | None = None,
        name: str = "fairlead",
    ):
        self._kept = Keeping()
        access = Access(
            headers=dict(headers or {}),
            token=token,
            token_place=token_place,
            ca=ca,
            proxy=proxy,
            transport=transport,
            env=env,
            cwd=cwd,
        )
        self._way = way_to(target, access, changed=self._kept.forget_private)
        self._era: Era = era
        self._timeout = timeout
        self._handlers = Handlers(elicit=elicit, sample=sample, roots=roots)
        self._heard = heard
        self._logged = logged
        self._log_level: LogLevel | None = log_level
        self._me = Implementation(name=name, version=__version__)
        self._tools: dict[str, ToolDescriptor] = {}
        self._carried: dict[str, Carried] = {}
        self._subscribed: dict[str, int] = {}
        self._lifeline = Lifeline(
            self._meet,
            reconnect=bool(reconnect),
            backoff=reconnect if isinstance(reconnect, Backoff) else None,
            credentials=self._way.credentials,
        )
        self._asker = Asker(self._lifeline, self._handlers, timeout=timeout)

    async def __aenter__(self) -> "Client":
        try:
            await self._lifeline.open()
        except BaseException:
            await self._lifeline.close()  # Whatever ended it, cancellation too.
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the line. What waits fails with ConnectionLost."""
        await self._lifeline.close()

    async def _meet(self) -> Conversation:
        """A line, open and with a version agreed."""
        try:
            return await self._try(self._era)
        except ConnectionLost as lost:
            if self._era != "auto" or lost.state == "not_sent" or lost.code in STOP:
                raise
            # Some servers of the handshake era end at what they do not know, the probe.
            return await self._try("handshake")

    async def _try(self, era: Era) -> Conversation:
        session = ClientSession(self._me, self._handlers.capabilities())
        session.log_level = self._log_level
        conversation = Conversation(session, self._way.line(), self._handlers, self._heed)
        try:
            await conversation.open()
            await agree(conversation, era)
            await self._restore(conversation)
        except BaseException:
            await conversation.close()  # Whatever ended it, cancellation too: no half-open line is left behind.
            raise
        self._kept.clear()  # Nobody told of changes meanwhile.
        return conversation

    async def _restore(self, conversation: Conversation) -> None:
        """What a server of the handshake era knew of us on the line before."""
        session = conversation.session
        if session.version is None or session.version.era != "handshake":
            return
        wanted: list[tuple[str, dict[str, Any]]] = [("resources/subscribe", {"uri": uri}) for uri in self._subscribed]
        if self._log_level is not None and "logging" in session.offers:
            wanted.append(("logging/setLevel", {"level": self._log_level}))
        for method, params in wanted:
            try:
                await conversation.request(method, params, within=self._timeout)
            except CallError as refusal:
                logger.warning("%s was refused on the new line: %s", method, refusal)

    def _heed(self, method: str, params: dict[str, Any]) -> Any:
        self._kept.heed(method, params)
        if method == "notifications/tools/list_changed":
            self._tools.clear()
            self._carried.clear()
        told = [] if self._heard is None else [self._heard(method, params)]
        if method == "notifications/message" and self._logged is not None:
            told.append(self._logged(params))
        waiting = [one for one in told if asyncio.iscoroutine(one)]
        return asyncio.gather(*waiting) if waiting else None

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
    def connected(self) -> bool:
        """Whether there is a line at this moment."""
        current = self._lifeline.current
        return current is not None and not current.ended and self._lifeline.ended is None

    @property
    def _session(self) -> ClientSession:
        if self._lifeline.current is None:
            ended = self._lifeline.ended
            if ended is not None:
                raise ConnectionLost(str(ended), state="not_sent")
            raise UsageError("The client is not open: use it in `async with Client(…) as client`.")
        return self._lifeline.current.session

    @property
    def _stateless(self) -> bool:
        version: Version | None = self._session.version
        return version is not None and version.era == "stateless"

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

        `safe`: it may be repeated after a line broke, since it changes nothing. Raises CallError, ConnectionLost,
        RequestTimeout, or PeerError for an answer that is none. Cancelling it cancels it at the server.
        """
        self._session  # noqa: B018 - raises where the client is not open
        options = Options(safe=safe, progress=progress, within=within, meta=meta)
        raw, _ = await self._asker.ask(method, params or {}, options)
        return read(method, _object, raw)

    async def _fetch(self, method: str, params: dict[str, Any], *, fresh: bool) -> dict[str, Any]:
        """A result that may be kept for a while, if the server says so."""
        about = str(params.get("uri", params.get("cursor")))
        now = asyncio.get_running_loop().time()
        raw = self._kept.find(method, about, now) if self._stateless and not fresh else None
        if raw is None:
            raw, simple = await self._asker.ask(method, params, Options())
            if simple and self._stateless:
                self._kept.keep(method, about, raw, now)
        return read(method, _object, raw)

    async def ping(self, *, within: float | None = None) -> None:
        """See that the server answers. The stateless era has no ping: there it is asked who it is."""
        await self.request("server/discover" if self._stateless else "ping", within=within)

    async def list_tools(self, *, fresh: bool = False) -> list[ToolDescriptor]:
        """All tools, of all pages. `fresh`, here and below: ask, also if the server said that its last answer holds.

        In the stateless era, a tool that wants arguments repeated in headers in a way that cannot be is left out.
        """
        tools = await self._all("tools/list", "tools", ToolDescriptor, fresh=fresh)
        if self._stateless:
            tools = [tool for tool in tools if self._is_sound(tool)]
        self._tools = {tool.name: tool for tool in tools}
        return tools

    def _is_sound(self, tool: ToolDescriptor) -> bool:
        self._carried.pop(tool.name, None)
        try:
            annotated = carried(tool.input_schema)
        except AnnotationError as fault:
            logger.warning("The tool %r is left out: %s.", tool.name[:100], fault)
            return False
        if annotated:
            self._carried[tool.name] = annotated
        return True

    async def list_resources(self, *, fresh: bool = False) -> list[ResourceDescriptor]:
        """All resources, of all pages."""
        return await self._all("resources/list", "resources", ResourceDescriptor, fresh=fresh)

    async def list_templates(self, *, fresh: bool = False) -> list[TemplateDescriptor]:
        """All families of resources, of all pages."""
        return await self._all("resources/templates/list", "resourceTemplates", TemplateDescriptor, fresh=fresh)

    async def list_prompts(self, *, fresh: bool = False) -> list[PromptDescriptor]:
        """All prompts, of all pages."""
        return await self._all("prompts/list", "prompts", PromptDescriptor, fresh=fresh)

    async def _all(self, method: str, member: str, shape: type[T], *, fresh: bool) -> list[T]:
        entries: list[T] = []
        seen: set[str] = set()
        params: dict[str, Any] = {}
        while True:
            page = await self._fetch(method, params, fresh=fresh)
            listed = page.get(member)
            for one in listed if isinstance(listed, list) else []:
                try:
                    entries.append(msgspec.convert(one, shape))
                except msgspec.ValidationError as fault:
                    logger.warning("An entry of %s is left out: %s.", method, fault)
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str):
                return entries
            if cursor in seen:
                raise PeerError(INVALID_REQUEST, f"The pages of {method} lead back to one that was read.")
            seen.add(cursor)  # "" is a cursor like any other.
            params = {"cursor": cursor}

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
        self._session  # noqa: B018 - raises where the client is not open
        params = {"name": name, "arguments": arguments or {}}
        options = Options(
            safe=self._is_safe(name),
            progress=progress,
            within=within,
            meta=meta,
            headers=self._headers(name, arguments),
        )
        try:
            return await self._asker.call(params, options)
        except CallError as refusal:
            if refusal.code != HEADER_MISMATCH:
                raise
        # The server refused before anything was done: what it wants repeated in headers, its list says.
        await self.list_tools(fresh=True)
        options = msgspec.structs.replace(options, headers=self._headers(name, arguments))
        return await self._asker.call(params, options)

    def _headers(self, name: str, arguments: Mapping[str, Any] | None) -> dict[str, str] | None:
        annotated = self._carried.get(name)
        return None if annotated is None else param_headers(annotated, arguments or {})

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

    async def read(self, uri: str, *, fresh: bool = False) -> list[TextContents | BlobContents]:
        """The contents of a resource. One that is not there is a CallError, -32002 from servers before 2026."""
        result = await self._fetch("resources/read", {"uri": uri}, fresh=fresh)
        return _each("resources/read", result, "contents", read_contents)

    async def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> list[Message]:
        """The messages of a prompt."""
        result = await self.request("prompts/get", {"name": name, "arguments": dict(arguments or {})})
        return _each("prompts/get", result, "messages", read_message)

    async def complete(
        self, target: str, argument: str, typed: str, *, settled: Mapping[str, str] | None = None
    ) -> list[str]:
        """Values for an argument of a prompt (by its name) or of a resource template (by its URI)."""
        ref = {"type": "ref/resource", "uri": target} if "://" in target else {"type": "ref/prompt", "name": target}
        params: dict[str, Any] = {"ref": ref, "argument": {"name": argument, "value": typed}}
        if settled:
            params["context"] = {"arguments": dict(settled)}
        result = await self.request("completion/complete", params)
        completion = result.get("completion")
        return _each("completion/complete", completion if isinstance(completion, dict) else {}, "values", str)

    async def set_log_level(self, level: LogLevel) -> None:
        """Choose which log messages the server sends; `logged` and `heard` are told of them. Kept on later lines."""
        self._log_level = self._session.log_level = level
        if not self._stateless:
            await self.request("logging/setLevel", {"level": level})

    async def roots_changed(self) -> None:
        """Handshake era: tell the server that the folders changed. In the other it asks anew each time."""
        if not self._stateless:
            await (await self._lifeline.conversation()).notify("notifications/roots/list_changed")

    async def subscribe(self, uri: str) -> None:
        """Handshake era: hear of changes to a resource, also after a reconnection. `heard` is told."""
        await self.request("resources/subscribe", {"uri": uri})
        self._subscribed[uri] = self._subscribed.get(uri, 0) + 1

    async def unsubscribe(self, uri: str) -> None:
        """Hear no more of it, once as often as it was subscribed to."""
        left = self._subscribed.pop(uri, 1) - 1
        if left:
            self._subscribed[uri] = left
            return
        await self.request("resources/unsubscribe", {"uri": uri})

    @asynccontextmanager
    async def listen(self, *, uris: Sequence[str] = (), kinds: Sequence[str] = ()) -> AsyncIterator[None]:
        """Hear of changes while in here: of resources, and of lists (`tools`, `prompts`, `resources`). `heard` is told.

        A line that breaks is listened to anew. In the handshake era servers tell of lists in any case.
        """
        if not self._stateless:
            for uri in uris:
                await self.subscribe(uri)
            try:
                yield
            finally:
                for uri in uris:
                    await self.unsubscribe(uri)
            return
        wanted: dict[str, Any] = {f"{kind}ListChanged": True for kind in kinds}
        if uris:
            wanted["resourceSubscriptions"] = list(uris)
        listening = Listening(self._lifeline, wanted)
        await listening.begin(within=self._timeout)
        try:
            yield
        finally:
            await listening.end()


def _each(method: str, result: dict[str, Any], member: str, make: Callable[[Any], T]) -> list[T]:
    """The entries of a result as their type. Raises PeerError where one of them is none."""
    listed = result.get(member, [])
    try:
        return [make(one) for one in listed]
    except (msgspec.ValidationError, TypeError, AttributeError) as fault:
        raise PeerError(INVALID_REQUEST, f"The server's answer to {method} is none: {fault}.") from None
