"""`Fairlead`: a catalog, its settings and its lines in one object.

    mcp = Fairlead("my tools")

    @mcp.tool
    async def add(a: int, b: int) -> int:
        "Adds two numbers."
        return a + b

    mcp.run()

Refuses to offer two things under one name, and settings that do not fit.
"""

import asyncio
import socket
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, overload

import msgspec

from fairlead.__about__ import __version__
from fairlead.catalog import Catalog, Completion, Prompt, Resource, Tool, prompt, resource, tool
from fairlead.errors import UsageError
from fairlead.guard.cors import Cors
from fairlead.guard.forwarded import Forwarded
from fairlead.guard.origin import OriginGuard
from fairlead.kernel import Terms
from fairlead.serve.application import Application
from fairlead.serve.calling import call_tool
from fairlead.serve.company import Companion
from fairlead.serve.memory import MemoryLine
from fairlead.serve.place import Place, take
from fairlead.serve.station import Station
from fairlead.serve.stdio import run_stdio
from fairlead.settings import Settings, settings
from fairlead.spec.descriptors import UNSET, Icon, Implementation
from fairlead.spec.results import Called
from fairlead.wire import Limits

if TYPE_CHECKING:
    from fairlead.connect.credentials import Provider
    from fairlead.serve.dial import Dial
    from fairlead.serve.dialling import Dialling

F = TypeVar("F", bound=Callable[..., Any])
Transport = Literal["network", "stdio", "dial"]


class Fairlead:
    """An MCP server. Keyword arguments beyond the description are settings (`fairlead.settings.Settings`)."""

    def __init__(
        self,
        name: str,
        *,
        version: str | None = None,
        title: str | None = None,
        instructions: str | None = None,
        website_url: str | None = None,
        icons: list[Icon] | None = None,
        **given: Any,
    ):
        self.name = name
        self._settings = settings(**given)
        self.catalog = Catalog()
        self._description: dict[str, Any] = {
            "server": Implementation(
                name=name,
                version=version or __version__,
                title=title or UNSET,
                website_url=website_url or UNSET,
                icons=icons or UNSET,
            ),
            "instructions": instructions,
        }
        self._station: Station | None = None
        self._place: Place | None = None
        self._companions: list[Companion] = []
        self._dialling: Dialling | None = None
        self._stations: list[Station] = []  # Also those of earlier settings, whose apps may be mounted somewhere.

    def __repr__(self) -> str:
        return f"Fairlead({self.name!r}, tools={len(self.catalog.tools)})"

    def summary(self) -> str:
        """What is served, in a few words."""
        offered = len(self.catalog.tools)
        return f"{self.name}: {offered} tool{'' if offered == 1 else 's'}"

    # What is offered.

    @overload
    def tool(self, function: F, /) -> F: ...
    @overload
    def tool(self, name: str | None = None, /, **options: Any) -> Callable[[F], F]: ...
    def tool(self, function: Any = None, /, **options: Any) -> Any:
        """Offer a function as a tool: `@mcp.tool`, or `@mcp.tool("name", title=…, hints={"read_only_hint": True}, …)`.

        The options are those of `fairlead.catalog.tool.from_function`. Returns the function unchanged. Raises
        UsageError for a function whose arguments no JSON could fill.
        """
        if function is None or isinstance(function, str):
            return lambda real: self.tool(real, **({"name": function} if function else {}), **options)
        self.catalog.add_tool(tool.from_function(function, **options))
        return function

    def resource(self, uri: str, **options: Any) -> Callable[[F], F]:
        """Offer what a function returns as a resource: `@mcp.resource("notes://{name}", mime_type="text/markdown")`.

        A URI with `{variables}` is a family of resources, and the variables are the function's arguments.
        """

        def keep(function: F) -> F:
            self.catalog.add_resource(resource.from_function(uri, function, **options))
            return function

        return keep

    @overload
    def prompt(self, function: F, /) -> F: ...
    @overload
    def prompt(self, name: str | None = None, /, **options: Any) -> Callable[[F], F]: ...
    def prompt(self, function: Any = None, /, **options: Any) -> Any:
        """Offer a function as a prompt: it returns text, messages, or a list of either."""
        if function is None or isinstance(function, str):
            return lambda real: self.prompt(real, **({"name": function} if function else {}), **options)
        self.catalog.add_prompt(prompt.from_function(function, **options))
        return function

    def completion(self, target: str, argument: str) -> Callable[[F], F]:
        """Propose values for an argument of a prompt (by name) or resource template (by URI).

        The function takes the text typed so far, and perhaps a dictionary of the arguments already settled.
        """

        def keep(function: F) -> F:
            self.catalog.add_completion(Completion(target, argument, function))
            return function

        return keep

    def add(self, entry: Tool | Resource | Prompt) -> None:
        """Offer something made elsewhere."""
        if isinstance(entry, Tool):
            self.catalog.add_tool(entry)
        elif isinstance(entry, Resource):
            self.catalog.add_resource(entry)
        else:
            self.catalog.add_prompt(entry)

    def remove_tool(self, name: str) -> None:
        """Offer a tool no longer; clients are told. Raises UsageError if there is none."""
        self.catalog.tools.remove(name)

    def enable(self, name: str) -> None:
        """Offer a tool again that was switched off; clients are told."""
        self.catalog.tools.switch(name, True)

    def disable(self, name: str) -> None:
        """Switch a tool off: it is neither listed nor callable; clients are told."""
        self.catalog.tools.switch(name, False)

    def notify_updated(self, uri: str) -> None:
        """A resource has new contents: tell who subscribed to it. Safe from any thread."""
        for station in self._stations:
            station.updated(uri)

    # How it is reached.

    @property
    def settings(self) -> Settings:
        """What it was made with; may be replaced until somebody is connected.

        Replaced, they hold for what `asgi()` and `run()` make from then on; an app made before keeps its own. Raises
        UsageError while a conversation runs under the old ones.
        """
        return self._settings

    @settings.setter
    def settings(self, chosen: Settings) -> None:
        if any(station.conversations for station in self._stations):
            raise UsageError("Settings cannot change while clients are connected: assign them before run().")
        self._settings = chosen
        self._station = None

    @property
    def station(self) -> Station:
        """What all conversations of this server share."""
        if self._station is None:
            self._station = self._build_station()
            self._stations.append(self._station)
        return self._station

    def _build_station(self) -> Station:
        chosen = self.settings
        return Station(
            self._terms(),
            threads=chosen.threads,
            call_timeout=chosen.call_timeout,
            answer_within=chosen.answer_within,
            companions=self._companions,
        )

    def _terms(self) -> Terms:
        chosen = self.settings
        secret: dict[str, Any] = {} if chosen.secret is None else {"secret": chosen.secret.encode()}
        return Terms(
            catalog=self.catalog,
            limits=Limits(frame_bytes=chosen.frame_bytes),
            in_flight=chosen.in_flight,
            mark="" if self._place is None else self._place.mark,
            page_size=chosen.page_size,
            ttl_ms=chosen.ttl_ms,
            tasks=chosen.tasks,
            task_ttl=chosen.task_ttl,
            task_poll=chosen.task_poll,
            **self._description,
            **secret,
        )

    def asgi(self) -> Any:
        """An ASGI application with all network lines, to run or to mount at any prefix of another application.

        It needs no lifespan. Beneath a server of somebody else's, the guard of the protocol is missing (ping floods,
        half-sent handshakes): `run()` and `fairlead serve` have it.
        """
        return self._guarded(Application(self.station, self.settings))

    def _guarded(self, app: Application) -> Any:
        chosen = self.settings
        guard = OriginGuard(Cors(app), allowed_origins=chosen.allowed_origins, allowed_hosts=chosen.allowed_hosts)
        return Forwarded(guard, trusted=chosen.trusted_proxies, root_path=chosen.root_path)

    def run(self, transport: Transport = "network", *, started: Callable[[list[str]], None] | None = None) -> None:
        """Serve until a signal (or, on stdio, the end of input) ends it. Blocks.

        `"dial"` listens nowhere, and serves on the lines of `dial()` alone.
        `started` is called with the addresses once the server listens. With several `workers`, each of them runs this
        program anew up to this call, serves in it, and ends with it; here the call waits for them. Raises LineError
        where the address cannot be used.
        """
        if transport == "stdio":
            run_stdio(self.station)
        elif transport == "dial":
            self.dialling.run(self.station)
        elif transport == "network":
            self._serve(started or _say)
        else:
            raise UsageError(f"There is no transport {transport!r}: use 'network', 'stdio' or 'dial'.")

    def _serve(self, started: Callable[[list[str]], None]) -> None:
        # uvicorn is a third of the cost of `import fairlead`, and stdio and mounted apps never need it.
        from fairlead.guard.protocol import guarded_protocols  # noqa: PLC0415
        from fairlead.serve.process import serve_network  # noqa: PLC0415

        taken = take()
        if taken is not None:
            self._work(*taken)
        elif self.settings.workers > 1:
            from fairlead.serve.workers import keep_workers  # noqa: PLC0415

            self.asgi()  # What does not fit is told here, and once.
            keep_workers(self.settings, started=started)
        else:
            protocols = guarded_protocols()
            serve_network(self.asgi(), self.station, self.settings, protocols=protocols, started=started)

    def _work(self, place: Place, lifeline: socket.socket) -> NoReturn:
        """Serve as one of several workers. What the program does after `run()` is for the process that keeps them."""
        from fairlead.guard.protocol import ProtocolLimits, guarded_protocols  # noqa: PLC0415
        from fairlead.serve.passing import Passing  # noqa: PLC0415
        from fairlead.serve.worker import serve_worker  # noqa: PLC0415

        self._place = place
        self.dialling.muted = place.index > 0
        self.settings = msgspec.structs.replace(self.settings, secret=place.secret)
        app = Application(self.station, self.settings, passing=Passing(place, self.station, self.settings))
        usual = ProtocolLimits()
        # Between workers a request has one line more than its client was allowed, and that line holds the URL.
        wider = ProtocolLimits(
            head_bytes=4 * usual.head_bytes, line_bytes=4 * usual.line_bytes, head_count=usual.head_count + 8
        )
        serve_worker(
            self._guarded(app),
            app,
            self.station,
            self.settings,
            place=place,
            lifeline=lifeline,
            outside=guarded_protocols(),
            inside=guarded_protocols(wider),
        )
        raise SystemExit(0)

    def dial(
        self, url: str, *, headers: Mapping[str, str] | None = None, token: "str | Provider | None" = None
    ) -> "Dial":
        """Serve on a WebSocket that we open: to a relay or a voice assistant's cloud, through any NAT.

        Any number at once, each a conversation of its own, opened again when it breaks. Where the server runs, or an
        event loop does, it begins now; otherwise with the server. Returns what can `hang_up()`. Raises UsageError.
        """
        dial = self.dialling.add(url, headers=headers, token=token)
        if asyncio.events._get_running_loop() is not None:
            self.station.wake("dial()")
        return dial

    @property
    def dialling(self) -> "Dialling":
        """The outbound lines of this server."""
        if self._dialling is None:
            # What opens sockets is a good part of the cost of `import fairlead`, and most servers never dial.
            from fairlead.serve.dialling import Dialling  # noqa: PLC0415

            self._dialling = Dialling(lambda: self._settings)
            self.accompany(self._dialling)
        return self._dialling

    def accompany(self, companion: Companion) -> None:
        """Let something begin and end with the server: see `fairlead.serve.company.Companion`.

        Where the server runs already, it begins now.
        """
        self._companions.append(companion)
        for station in self._stations:
            station.company.joined(station, companion)

    def dock(self) -> MemoryLine:
        """The client's end of a line inside this process: what `Client(server)` talks over."""
        return MemoryLine(self.station)

    async def call(self, name: str, arguments: dict[str, Any] | None = None, /, **more: Any) -> Called:
        """Call a tool from a test or script: `(await mcp.call("add", a=1, b=2)).value`.

        Raises CallError where a client would get a protocol error; a tool that fails is a result with `is_error`.
        """
        return await call_tool(self.station, name, {**(arguments or {}), **more})


def _say(addresses: list[str]) -> None:
    sys.stderr.write("".join(f"MCP over WebSocket: ws://{address}/mcp\n" for address in addresses))
