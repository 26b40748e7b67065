"""A server whose catalog is that of others: `bridge("ws://…")`, `bridge(["npx", "some-server"])`, `bridge("mcp.json")`.

Everything passes both ways, between the eras too. Each client has a session of its own where the other server keeps
any. Several servers are joined under prefixed names; one that goes away takes only its own tools along, and they come
back with it. A tool that is described otherwise than before is told of in the log: who had looked it over looks again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from fairlead.catalog.registry import Shelf
from fairlead.connect.era import Era
from fairlead.errors import METHOD_NOT_FOUND, RESOURCE_NOT_FOUND, PeerError, UsageError
from fairlead.kernel import Send
from fairlead.kernel.answers import wanted
from fairlead.serve.conversation import Conversation
from fairlead.serve.station import Station
from fairlead.server import Fairlead
from fairlead.sources import foreign
from fairlead.sources.foreign import Carry
from fairlead.sources.link import Link
from fairlead.sources.names import name_all, name_tool
from fairlead.sources.upstream import HIDE, Keeper, Remote
from fairlead.sources.upstreams import Source, upstreams_of
from fairlead.wire import encode

logger = logging.getLogger("fairlead")


def bridge(
    source: Source,
    *,
    name: str | None = None,
    share: bool = False,
    era: Era = "auto",
    hide_after: float = HIDE,
    **given: Any,
) -> Fairlead:
    """A server that offers what another one does: a URL, a command, a configuration with `mcpServers`, or `Upstream`s.

    `share`: all clients use one session at the other server. `era` is what is spoken with it, if not found out. What a
    server offered goes from the lists when it has been away for `hide_after` seconds. `given` are settings.
    Raises UsageError for what is no source.
    """
    upstreams = [upstream for upstream in upstreams_of(source) if not upstream.disabled]
    if not upstreams:
        raise UsageError("There is no server to bridge to: the source names none that is switched on.")
    mcp = Fairlead(name or (upstreams[0].name if len(upstreams) == 1 else "fairlead"), **given)
    mcp.accompany(Bridge(mcp, [partial(Remote, one, share=share, era=era, hide_after=hide_after) for one in upstreams]))
    return mcp


class Bridge:
    """Keeps a catalog like those of other servers. Fulfils `Companion` and `Watcher` of a station, and `Keeper`."""

    def __init__(self, mcp: Fairlead, makers: Iterable[Callable[[Keeper], Remote]]):
        self._mcp = mcp
        self._catalog = mcp.catalog
        self._remotes = [make(self) for make in makers]
        self._station: Station | None = None
        self._known: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._follows: set[asyncio.Task[None]] = set()
        self._catalog.otherwise = foreign.everything(self._somewhere)
        self._catalog.on_follow(self._follow)

    @property
    def remotes(self) -> list[Remote]:
        """The servers behind."""
        return self._remotes

    def begin(self, station: Station) -> None:
        """Connect to all."""
        self._station = station
        if self not in station.company.watchers:
            station.company.watchers.append(self)
        for remote in self._remotes:
            station.company.await_for(remote.begin())

    async def end(self) -> None:
        """Close all connections."""
        if self._station is not None and self in self._station.company.watchers:
            self._station.company.watchers.remove(self)
        for task in self._follows:
            task.cancel()
        await asyncio.gather(*(remote.end() for remote in self._remotes))

    # What becomes of the servers.

    def learned(self, remote: Remote) -> None:
        """Offer what it offers now."""
        with self._catalog.together():
            self._named(remote, "tools", self._catalog.tools, foreign.tool)
            self._named(remote, "prompts", self._catalog.prompts, foreign.prompt)
            self._addressed(remote, "resources", "uri", self._catalog.resources)
            self._addressed(remote, "templates", "uriTemplate", self._catalog.templates)
        link = remote.lookout
        if link is not None and "completions" in link.session.offers:
            self._offer_completions(remote)
        self._instruct()

    def gone(self, remote: Remote) -> None:
        """Take what it offered off the lists, until it is back."""
        logger.warning("The server %r has been away for long: what it offers is no longer listed.", remote.name)
        with self._catalog.together():
            for kind in ("tools", "prompts", "resources", "templates"):
                shelf: Shelf[Any] = getattr(self._catalog, kind)
                for key in self._known.get((remote.name, kind), {}):
                    shelf.switch(key, False)

    def said(self, link: Link, method: str, params: dict[str, Any]) -> None:
        """Hand on what a server says by itself."""
        home: Conversation | None = link.home
        if method == "notifications/resources/updated":
            self._mcp.notify_updated(str(params.get("uri", "")))
        elif home is None or not home.session.ready:
            return  # It is nobody's in particular.
        elif method == "notifications/elicitation/complete":
            home.tell([Send(encode.notification(method, params))])
        elif method == "notifications/message" and wanted(home.session.log_level, str(params.get("level"))):
            home.tell([Send(encode.notification(method, params))])

    # What becomes of the clients.

    def left(self, conversation: Conversation) -> None:
        """End the sessions that were kept for a client."""
        for remote in self._remotes:
            remote.left(id(conversation.session))

    def heard(self, conversation: Conversation, notice: str) -> None:
        """Hand on that a client works in other folders."""
        if notice == "notifications/roots/list_changed":
            for remote in self._remotes:
                remote.tell(id(conversation.session), notice)

    # The catalog.

    def _prefix(self, remote: Remote) -> str | None:
        return remote.name if len(self._remotes) > 1 else None

    def _named(self, remote: Remote, kind: str, shelf: Shelf[Any], make: Callable[..., Any]) -> None:
        """Tools and prompts: known by names of ours."""
        told = {str(entry["name"]): entry for entry in remote.lists.get(kind, ()) if isinstance(entry.get("name"), str)}
        names = name_all(told, self._prefix(remote))
        before = self._known.get((remote.name, kind), {})
        wares: dict[str, Any] = {}
        for theirs, entry in told.items():
            ours = names[theirs]
            if ours not in before and ours in shelf:
                ours = name_tool(theirs, remote.name, marked=True)  # Another server has it.
            wares[ours] = entry
        self._put(remote, kind, shelf, wares, lambda entry, ours: make(entry, ours, remote.carry))

    def _addressed(self, remote: Remote, kind: str, member: str, shelf: Shelf[Any]) -> None:
        """Resources and their templates: known by addresses that nobody may change."""
        before = self._known.get((remote.name, kind), {})
        wares: dict[str, Any] = {}
        for entry in remote.lists.get(kind, ()):
            address = entry.get(member)
            if not isinstance(address, str):
                continue
            if address in shelf and address not in before:
                logger.warning("%r of the server %r is another server's already: left out.", address, remote.name)
                continue
            wares[address] = entry
        self._put(remote, kind, shelf, wares, lambda entry, _: foreign.resource(entry, remote.carry))

    def _put(
        self,
        remote: Remote,
        kind: str,
        shelf: Shelf[Any],
        wares: Mapping[str, dict[str, Any]],
        make: Callable[[dict[str, Any], str], Any],
    ) -> None:
        """Make the shelf hold these of this server, with as few changes as that takes."""
        known = self._known.setdefault((remote.name, kind), {})
        for key in [key for key in known if key not in wares]:
            shelf.remove(key)
            del known[key]
        for key, told in wares.items():
            if known.get(key) != told:
                try:
                    entry = make(told, key)
                except (msgspec.ValidationError, UsageError) as fault:
                    logger.warning("%s %r of the server %r was left out: %s", kind, key, remote.name, fault)
                    continue
                if key in known:
                    _tell_change(remote, kind, key, known[key], told)
                    shelf.replace(key, entry)
                else:
                    shelf.add(key, entry)
                known[key] = told
            shelf.switch(key, True)

    def _offer_completions(self, remote: Remote) -> None:
        for key, prompt in self._known.get((remote.name, "prompts"), {}).items():
            for argument in prompt.get("arguments") or ():
                self._complete(key, argument, {"type": "ref/prompt", "name": prompt["name"]}, remote.carry)
        for key in self._known.get((remote.name, "templates"), {}):
            found = self._catalog.templates.find(key)
            for variable in () if found is None or found.template is None else found.template.names:
                self._complete(key, {"name": variable}, {"type": "ref/resource", "uri": key}, remote.carry)

    def _complete(self, target: str, argument: Any, ref: dict[str, Any], carry: Carry) -> None:
        name = argument.get("name") if isinstance(argument, dict) else None
        if isinstance(name, str) and self._catalog.find_completion(target, name) is None:
            self._catalog.add_completion(foreign.ForeignCompletion(target, name, ref, carry))

    def _instruct(self) -> None:
        """The instructions of all, each under its server's name where they are several."""
        told = {
            remote.name: remote.lookout.session.instructions
            for remote in self._remotes
            if remote.lookout is not None and remote.lookout.session.instructions
        }
        if self._station is None or not told:
            return
        if len(self._remotes) == 1:
            self._station.terms.instructions = next(iter(told.values()))
        else:
            self._station.terms.instructions = "\n\n".join(f"# {name}\n\n{text}" for name, text in told.items())

    # Addresses that are on no list.

    async def _somewhere(self, ctx: Any, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask each server that has resources, until one knows the address."""
        last: PeerError | None = None
        for remote in self._remotes:
            if remote.lookout is None or "resources" not in remote.lookout.session.offers:
                continue
            try:
                return await remote.carry(ctx, method, params)
            except PeerError as fault:
                last = fault
        if last is not None and (len(self._remotes) == 1 or last.code not in (RESOURCE_NOT_FOUND, METHOD_NOT_FOUND)):
            raise last
        uri = str(params.get("uri"))
        code = ctx.call.version.resource_not_found
        raise PeerError(code, f"There is no resource {uri[:200]!r} here.", data={"uri": uri})

    def _follow(self, uri: str) -> None:
        """A client wants to hear of changes to a resource: so do we. Called on the loop, or while none runs."""
        if self._station is None:
            return
        owners = [remote for remote in self._remotes if uri in self._known.get((remote.name, "resources"), {})]
        for remote in owners or self._remotes:
            task = asyncio.get_running_loop().create_task(remote.follow(uri))
            self._follows.add(task)
            task.add_done_callback(self._follows.discard)


def _tell_change(remote: Remote, kind: str, key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """What people looked over when they took a tool is no longer what they get."""
    changed = [
        name
        for name in ("title", "description", "inputSchema", "outputSchema", "annotations")
        if before.get(name) != now.get(name)
    ]
    if kind == "tools" and changed:
        logger.warning(
            "The server %r changed the %s of its tool %r: look at it again.", remote.name, ", ".join(changed), key
        )
