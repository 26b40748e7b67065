"""What another server offers, as it tells it, and how it is heard when that changes.

Lists are read whole, page by page; what is no object in them is left out. A server that tells of no changes is none
the worse for it.
"""

import asyncio
from typing import Any, Final

from fairlead.errors import METHOD_NOT_FOUND, CallError, LineError
from fairlead.sources.link import Link

Lists = dict[str, list[dict[str, Any]]]

_SECONDS: Final = 20.0
_PAGES: Final = 200
_MOST: Final = 2048
_PAUSE: Final = 1.0
_LISTS: Final = {
    "tools": ("tools/list", "tools", "tools"),
    "resources": ("resources/list", "resources", "resources"),
    "templates": ("resources/templates/list", "resourceTemplates", "resources"),
    "prompts": ("prompts/list", "prompts", "prompts"),
}
"""By our word for it: the method, the member of its result, the capability."""


async def learn(link: Link) -> Lists:
    """All lists. Raises CallError, ConnectionLost or RequestTimeout."""
    return {
        kind: await _all(link, method, member) if capability in link.session.offers else []
        for kind, (method, member, capability) in _LISTS.items()
    }


async def _all(link: Link, method: str, member: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        try:
            page = await link.ask(method, None if cursor is None else {"cursor": cursor}, within=_SECONDS)
        except CallError as refusal:
            if refusal.code == METHOD_NOT_FOUND and cursor is None:
                return []  # A server with resources may have no templates.
            raise
        entries += [entry for entry in page.get(member) or [] if isinstance(entry, dict)]
        following = page.get("nextCursor")
        if not isinstance(following, str) or following == cursor:
            break
        cursor = following
    return entries


class Ear:
    """Hears of changes: by a request that stays open, or by subscriptions. Keeps what is wanted for the next line."""

    def __init__(self) -> None:
        self._uris: set[str] = set()

    async def listen(self, link: Link) -> None:
        """Ask to be told on this line. Stateless era: returns when the line is lost, or the server tells of nothing."""
        if not link.stateless:
            for uri in tuple(self._uris):
                await self._subscribe(link, uri)
            return
        wanted: dict[str, Any] = {f"{kind}ListChanged": True for kind in ("tools", "prompts", "resources")}
        while not link.lost:
            if self._uris:
                wanted["resourceSubscriptions"] = sorted(self._uris)
            try:
                await link.listen(wanted)
            except CallError:
                return
            except LineError:
                pass  # The loop sees whether the line is lost with it.
            await asyncio.sleep(_PAUSE)

    async def follow(self, uri: str, link: Link | None) -> None:
        """Hear of one resource more, on this line if it is there and on those after it. Raises nothing."""
        if uri in self._uris or len(self._uris) >= _MOST:
            return
        self._uris.add(uri)
        if link is not None and link.stateless:
            try:
                await link.listen({"resourceSubscriptions": [uri]})
            except (CallError, LineError):
                pass  # The next listen request names it with the others.
        elif link is not None:
            await self._subscribe(link, uri)

    async def _subscribe(self, link: Link, uri: str) -> None:
        resources = link.session.offers.get("resources")
        if not isinstance(resources, dict) or not resources.get("subscribe"):
            return
        try:
            await link.ask("resources/subscribe", {"uri": uri}, within=_SECONDS)
        except (CallError, LineError):
            self._uris.discard(uri)
