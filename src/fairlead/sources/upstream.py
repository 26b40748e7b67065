"""One server behind this one: a lookout that knows what it offers and whether it is there, and links for the calls.

The lookout is opened again when it breaks, with growing pauses; its lists are read anew then, and when the server says
that they changed. Calls to a server that is away fail at once and say so; they are not kept for later.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

from fairlead.catalog import Context, Tool
from fairlead.connect.config import Transport
from fairlead.connect.era import Era
from fairlead.connect.lifeline import STOP, Backoff
from fairlead.connect.line import ConnectError
from fairlead.connect.target import Access, Target, way_to
from fairlead.errors import UNREACHABLE, CallError, ConnectionLost, LineError, PeerError
from fairlead.kernel import Call
from fairlead.sources.config import Upstream
from fairlead.sources.link import Link
from fairlead.sources.links import Links, askable, key_of
from fairlead.sources.lists import Ear, Lists, learn

logger = logging.getLogger("fairlead")

HIDE: Final = 45.0
"""Seconds after which a server that is away has nothing on our lists any more."""

_LOOK: Final = 15.0
_CHILDREN: Final = 64
_SOCKETS: Final = 2048
_EVERYTHING: Final[dict[str, Any]] = {
    "elicitation": {"form": {}, "url": {}},
    "sampling": {},
    "roots": {"listChanged": True},
}
_TRANSPORTS: Final[dict[str, Transport]] = {"stdio": "stdio", "http": "http", "sse": "sse", "websocket": "ws"}


class Keeper(Protocol):
    """Who is told what becomes of a server."""

    def learned(self, remote: "Remote") -> None:
        """It is there, and its lists are known."""

    def gone(self, remote: "Remote") -> None:
        """It has been away for long."""

    def said(self, link: Link, method: str, params: dict[str, Any]) -> None:
        """It notified its client."""


class Remote:
    """One upstream server. `share`: all clients of ours use one connection, and with it one session."""

    def __init__(
        self, upstream: Upstream, keeper: Keeper, *, share: bool = False, era: Era = "auto", hide_after: float = HIDE
    ):
        self.name = upstream.name
        self.lists: Lists = {}
        self.lookout: Link | None = None
        self.fault: Exception | None = None
        """Why it is away."""

        self._keeper = keeper
        self._share = share
        self._hide_after = hide_after
        self._local = upstream.kind == "stdio"
        self._line = _lines(upstream)
        self._usual = self._era = era
        self._news = asyncio.Event()
        self._ear = Ear()
        self._links = Links(self._open, most=_CHILDREN if self._local else _SOCKETS)
        self._task: asyncio.Task[None] | None = None
        self._hiding: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def begin(self) -> "asyncio.Future[None]":
        """Look out for it from now on. What is returned is done once it is known, or will never be there."""
        known = asyncio.get_running_loop().create_future()
        self.lookout, self._hiding, self._news = None, None, asyncio.Event()
        self._links.clear()  # Of a loop that was closed under them there is nothing left to end.
        self._task = asyncio.create_task(self._keep(known), name=f"upstream {self.name}")
        return known

    async def end(self) -> None:
        """Close everything."""
        if self._hiding is not None:
            self._hiding.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._close(self._links.clear())
        if self._closing:
            await asyncio.wait(tuple(self._closing))

    # The lookout.

    async def _keep(self, known: "asyncio.Future[None]") -> None:
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            up: float | None = None
            try:
                link = await self._lookout()
                try:
                    up = loop.time()
                    self._arrived(link, known)
                    await self._watch(link)
                finally:
                    self.lookout = None
                    await link.close()
            except (LineError, CallError, PeerError) as fault:
                self._lost(fault, known)
            except Exception as fault:  # noqa: BLE001 - one server's oddity must not end the watch over it
                logger.exception("What the server %r said could not be taken.", self.name)
                self._lost(fault, known)
            if up is not None:
                backoff.opened_for(loop.time() - up)
            await asyncio.sleep(backoff.next())

    async def _lookout(self) -> Link:
        link = await self._open(_EVERYTHING if self._share else {})
        try:
            self._era = "stateless" if link.stateless else "handshake"
            self.lists = await learn(link)
        except BaseException:
            await link.close()  # Whatever ended it, cancellation too.
            raise
        return link

    def _arrived(self, link: Link, known: "asyncio.Future[None]") -> None:
        if self.fault is not None:
            logger.info("The server %r is back.", self.name)
        self.lookout, self.fault = link, None
        if self._hiding is not None:
            self._hiding.cancel()
            self._hiding = None
        self._keeper.learned(self)
        if not known.done():
            known.set_result(None)

    def _lost(self, fault: Exception, known: "asyncio.Future[None]") -> None:
        if self.fault is None:
            logger.warning("The server %r cannot be reached: %s", self.name, fault)
        self.fault = fault
        # It may speak another era when it comes back.
        self._era = self._usual
        if self._hiding is None:
            self._hiding = asyncio.get_running_loop().call_later(self._hide_after, self._keeper.gone, self)
        if isinstance(fault, ConnectError) and fault.final and not known.done():
            known.set_result(None)

    async def _watch(self, link: Link) -> None:
        """Returns or raises when the line is lost."""
        listening = asyncio.create_task(self._ear.listen(link))
        ended = asyncio.create_task(link.ended())
        news = asyncio.create_task(self._news.wait())
        try:
            while not link.lost:
                await asyncio.wait((ended, news), timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
                self._close(self._links.sweep(asyncio.get_running_loop().time()))
                if news.done() and not link.lost:
                    self._news.clear()
                    news = asyncio.create_task(self._news.wait())
                    self.lists = await learn(link)
                    self._keeper.learned(self)
                elif not link.lost and not self._local:
                    await link.ask("server/discover" if link.stateless else "ping", within=_LOOK)
        finally:
            for task in (listening, ended, news):
                task.cancel()
            await asyncio.wait((listening, ended, news))
        raise ConnectionLost("the connection ended.", state="unknown_outcome")

    # What it tells.

    async def follow(self, uri: str) -> None:
        """Somebody wants to hear of changes to a resource. Raises nothing: it is asked for again with the next line."""
        await self._ear.follow(uri, self.lookout)

    def _heed(self, link: Link, method: str, params: dict[str, Any]) -> None:
        if method.endswith("/list_changed"):
            self._news.set()
        else:
            self._keeper.said(link, method, params)

    # Calls.

    async def carry(self, ctx: Context, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask the server on behalf of a call. Raises PeerError: the server's own, or that it cannot be reached."""
        call: Call = ctx.call  # type: ignore[assignment]
        capabilities = _EVERYTHING if self._share else askable(call)
        key = key_of(call, capabilities, shared=self._share or self._era == "stateless")
        for sure in (False, True):
            link = self.lookout if self._share else self._links.find(key)
            if link is None or link.lost:
                if self.lookout is None:
                    raise self._unreachable(self.fault, "not_sent")
                link = await self._taken(call, key, capabilities)
            link.leased = True
            try:
                return await link.carry(ctx, method, params)
            except ConnectionLost as lost:
                if lost.state == "not_sent" and not sure:
                    continue
                raise self._unreachable(lost, lost.state, call) from None
            except LineError as fault:
                raise self._unreachable(fault, "unknown_outcome", call) from None
            finally:
                link.leased = False
        raise AssertionError("unreachable")

    async def _taken(self, call: Call, key: Any, capabilities: dict[str, Any]) -> Link:
        try:
            link = await self._links.take(key, capabilities)
        except (LineError, CallError) as fault:
            raise self._unreachable(fault, "not_sent") from None
        if key.session:
            link.home = call.home
        return link

    async def _open(self, capabilities: dict[str, Any]) -> Link:
        era = self._era
        try:
            return await self._try(capabilities, era)
        except ConnectionLost as lost:
            if era != "auto" or lost.state == "not_sent" or lost.code in STOP:
                raise
            # Some servers of the handshake era end at what they do not know, the probe.
            return await self._try(capabilities, "handshake")

    async def _try(self, capabilities: dict[str, Any], era: Era) -> Link:
        link = Link("fairlead", self._line(), capabilities, self._heed)
        await link.open(era)
        return link

    def _unreachable(self, fault: Exception | None, state: str, call: Call | None = None) -> PeerError:
        why = "it is not there yet" if fault is None else str(fault).rstrip(".")
        data: dict[str, Any] = {"server": self.name, "state": state}
        text = f"The server {self.name!r} cannot be reached now: {why}."
        if state != "not_sent":
            text = f"The server {self.name!r} went away during the call, and may have acted: {why}."
            if not _is_safe(call):
                data |= {"retryable": False, "next": "See whether it acted before you call again."}
        return PeerError(UNREACHABLE, text, data=data)

    # Clients of ours.

    def left(self, session: int) -> None:
        """A client of ours has left."""
        if len(self._links):
            self._close(self._links.leave(session))

    def tell(self, session: int, notice: str) -> None:
        """A client of ours notified us of what its own connections should know."""
        for link in self._links.of(session):
            self._later(link.notify(notice))

    def _close(self, links: list[Link]) -> None:
        for link in links:
            self._later(link.close())

    def _later(self, act: Any) -> None:
        async def attempt() -> None:
            try:
                await act
            except LineError:
                pass  # It is over already.

        task = asyncio.get_running_loop().create_task(attempt())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _is_safe(call: Call | None) -> bool:
    """Whether doing it twice does no harm."""
    entry = None if call is None else call.entry
    if not isinstance(entry, Tool):
        return True
    hints = entry.descriptor.annotations
    if not isinstance(hints, Mapping):
        return False
    return hints.get("readOnlyHint") is True or hints.get("idempotentHint") is True


def _lines(upstream: Upstream) -> Any:
    """What makes a line to the server. Raises UsageError for what cannot be one."""
    target: Target
    if upstream.kind == "stdio":
        target = [upstream.command or "", *upstream.args]
        return way_to(target, Access(env=upstream.env or None, cwd=upstream.cwd)).line
    transport = _TRANSPORTS[upstream.kind]
    return way_to(upstream.url or "", Access(headers=upstream.headers, transport=transport)).line
