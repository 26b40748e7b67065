"""The connections to one upstream server by the clients that they serve.

A server of the handshake era keeps a session for each connection, so that each client of ours has one of its own; what
comes without a connection of its own (a stateless request over HTTP) shares one that nothing can be asked on, or has
one to itself for as long as its call runs. A server of the stateless era keeps nothing: its connections are shared.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final

import msgspec

from fairlead.errors import BUSY, PeerError
from fairlead.kernel import Call
from fairlead.sources.link import Link

IDLE: Final = 60.0
"""Seconds after which a connection that belongs to nobody is closed."""

CROWD: Final = 32
"""Calls on a shared connection from which on another one is opened."""

_ASKED: Final = {"elicitation": ("form", "url"), "sampling": ("tools", "context"), "roots": ()}

Open = Callable[[dict[str, Any]], Awaitable[Link]]


class Key(msgspec.Struct, frozen=True):
    """Whose connections they are. `session` is the number of the one client's session, 0 where several share them."""

    session: int
    principal: str | None
    capabilities: Hashable
    alone: bool
    """Whether each serves one call at a time."""


class Links:
    """All of one server. `most` bounds them, since each may be a process."""

    def __init__(self, open: Open, *, most: int):
        self._open = open
        self._most = most
        self._links: dict[Key, list[Link]] = {}
        self._opening: dict[Key, asyncio.Task[Link]] = {}
        self._orphans: list[Link] = []
        self._begun = 0
        """Connections for one call that are being opened."""

    def __len__(self) -> int:
        return sum(len(links) for links in self._links.values()) + len(self._opening) + self._begun

    def find(self, key: Key) -> Link | None:
        """A connection that is open: free where calls have it to themselves, else not crowded if there may be more."""
        links = [link for link in self._links.get(key, ()) if not link.lost and not (key.alone and link.leased)]
        if not links or key.session or key.alone:
            return links[0] if links else None
        link = min(links, key=lambda one: len(one.errands))
        crowded = len(link.errands) >= CROWD and len(self) < self._most // 2
        return None if crowded else link

    async def take(self, key: Key, capabilities: dict[str, Any]) -> Link:
        """A connection for a call. Raises PeerError (busy), and what opening one raises."""
        link = self.find(key)
        if link is None:
            if key not in self._opening and len(self) >= self._most:
                raise PeerError(BUSY, f"{self._most} connections to this server are open already.")
            link = await self._opened(key, capabilities)
        link.leased = True
        return link

    async def _opened(self, key: Key, capabilities: dict[str, Any]) -> Link:
        if key.alone:
            self._begun += 1
            try:
                link = await self._open(capabilities)
            finally:
                self._begun -= 1
            self._links.setdefault(key, []).append(link)
            return link
        task = self._opening.get(key)
        if task is None:
            task = self._opening[key] = asyncio.ensure_future(self._open(capabilities))
            task.add_done_callback(lambda done: self._arrived(key, done))
        # Shielded: others may wait for the same one.
        return await asyncio.shield(task)

    def _arrived(self, key: Key, task: asyncio.Task[Link]) -> None:
        awaited = self._opening.pop(key, None) is not None
        if task.cancelled() or task.exception() is not None:
            return
        if awaited:
            self._links.setdefault(key, []).append(task.result())
        else:
            self._orphans.append(task.result())  # Its client left at the moment when it was there.

    def of(self, session: int) -> list[Link]:
        """The connections of one client."""
        return [link for key, links in self._links.items() if key.session == session for link in links]

    def leave(self, session: int) -> list[Link]:
        """A client has left: its connections, to be closed."""
        keys = [key for key in (*self._links, *self._opening) if key.session == session]
        left: list[Link] = []
        for key in keys:
            left += self._links.pop(key, [])
            task = self._opening.pop(key, None)
            if task is not None:
                task.cancel()
        return left

    def sweep(self, now: float) -> list[Link]:
        """Those that are lost, and those that belong to nobody and were not used for a while, to be closed."""
        swept, self._orphans = self._orphans, []
        for key, links in list(self._links.items()):
            over = [link for link in links if link.lost or (not key.session and _is_idle(link, now))]
            swept += over
            kept = [link for link in links if link not in over]
            if kept:
                self._links[key] = kept
            else:
                del self._links[key]
        return swept

    def clear(self) -> list[Link]:
        """All, to be closed."""
        for task in self._opening.values():
            task.cancel()
        self._opening.clear()
        every = [*self._orphans, *(link for links in self._links.values() for link in links)]
        self._orphans.clear()
        self._links.clear()
        return every


def _is_idle(link: Link, now: float) -> bool:
    return not link.errands and not link.leased and link.used < now - IDLE


def askable(call: Call) -> dict[str, Any]:
    """What the caller can be asked, in the words of the protocol: nothing else of its capabilities is told upstream."""
    told: dict[str, Any] = {}
    for name, parts in _ASKED.items():
        had = call.capabilities.get(name)
        if isinstance(had, dict):
            told[name] = {part: {} for part in parts if isinstance(had.get(part), dict)}
    if told.get("elicitation") == {}:
        told["elicitation"] = {"form": {}}
    if "roots" in told:
        told["roots"] = {"listChanged": True}
    return told


def key_of(call: Call, capabilities: dict[str, Any], *, shared: bool) -> Key:
    """Whose connection a call needs. `shared`: the server keeps nothing for a connection."""
    told = tuple((name, tuple(parts)) for name, parts in capabilities.items())
    if shared:
        return Key(0, None, told, False)
    # Over HTTP a request may stand alone: its session is made for it, and gone with it.
    single = call.session.stateless_only or getattr(call.home, "id", None) == ""
    if single:
        return Key(0, call.principal, told, bool(told))
    return Key(id(call.session), call.principal, told, False)
