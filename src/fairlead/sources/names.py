"""Names of tools and prompts that come from other servers: told apart by their server's, and short enough for clients.

The same names come out of the same servers each time, whatever the order in which their lists arrive. Refuses nothing:
what no client would take as a name is rewritten.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 64
"""Characters that every known client takes."""

_MARK: Final = 8
"""Characters of the digest that tells shortened names apart."""

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_./-]")


def name_tool(name: str, server: str | None = None, *, marked: bool = False) -> str:
    """The name of a server's tool among those of others; without `server`, where it is the only one.

    A name that is too long keeps its beginning and ends in a digest of the whole; `marked` ones always do.
    """
    whole = name if server is None else f"{server}_{name}"
    fit = _UNFIT.sub("_", whole) or "_"
    if len(fit) <= LONGEST and not marked:
        return fit
    digest = hashlib.sha256(f"{server}\0{name}".encode(errors="replace")).hexdigest()[:_MARK]
    return f"{fit[: LONGEST - _MARK - 1]}_{digest}"


def name_all(names: Iterable[str], server: str | None = None) -> dict[str, str]:
    """Our name for each of a server's. Where two would be the same, the one that had to be rewritten is marked."""
    known = list(dict.fromkeys(names))
    chosen = {name: name_tool(name, server) for name in known}
    plain = {ours for name, ours in chosen.items() if _is_kept(name, ours, server)}
    taken: set[str] = set()
    for name in sorted(known):
        ours = chosen[name]
        if not _is_kept(name, ours, server) and (ours in plain or ours in taken):
            ours = chosen[name] = name_tool(name, server, marked=True)
        taken.add(ours)
    return {name: chosen[name] for name in known}


def _is_kept(name: str, ours: str, server: str | None) -> bool:
    return ours == (name if server is None else f"{server}_{name}")
