"""Servers of the official SDK (`MCPServer`, its low-level `Server`) and of FastMCP, served on every line of ours.

    from fairlead.sources.sdk import from_sdk

    from_sdk(their_server).run()

Their own kernel answers, so that nothing that they can do is lost; docs/decisions/0008 says why. Refuses SDKs before
2.3, which lack the stateless era, and to leave open what a server of theirs protects by credentials over HTTP.
"""

from typing import Any, Final, NoReturn

from fairlead.catalog import Catalog, Completion, Prompt, Resource, Tool
from fairlead.errors import UsageError
from fairlead.kernel import ServerSession
from fairlead.serve.application import Application
from fairlead.serve.station import Station
from fairlead.server import Fairlead
from fairlead.sources.guest import Guest
from fairlead.sources.passage import Passage

_KERNELS: Final = {"MCPServer": "_lowlevel_server", "FastMCP": "_mcp_server", "Server": ""}
"""Classes of theirs, and where each keeps the low-level server that it is built around."""

_PACKAGES: Final = ("mcp", "fastmcp")


class _NoCatalog(Catalog):
    """What their server offers, it keeps to itself."""

    def add_tool(self, tool: Tool) -> NoReturn:
        self._refuse()

    def add_resource(self, resource: Resource) -> NoReturn:
        self._refuse()

    def add_prompt(self, prompt: Prompt) -> NoReturn:
        self._refuse()

    def add_completion(self, completion: Completion) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UsageError("This server is another SDK's: offer it there, where the others are.")


class _GuestStation(Station):
    """A station whose conversations are passed on."""

    guest: Guest

    def session(self, **options: Any) -> ServerSession:
        self.wake("the first conversation")
        return Passage(self.guest, self.terms, self.parking, **options)


class ForeignServer(Fairlead):
    """A server of another SDK's behind our lines. Made by `from_sdk`."""

    def __init__(self, theirs: Any, kernel: Any, **given: Any):
        super().__init__(
            str(kernel.name),
            version=getattr(kernel, "version", None) or "unknown",
            title=getattr(kernel, "title", None),
            instructions=kernel.instructions,
            **given,
        )
        self.catalog = _NoCatalog()
        self.guest = Guest(kernel)
        self._guarded_by_them = _asks_for_credentials(theirs)
        self._kind = _kind(theirs) or ""
        self.accompany(self.guest)

    def __repr__(self) -> str:
        return f"ForeignServer({self.name!r}, {self._kind})"

    def summary(self) -> str:
        """What is served, in a few words."""
        return f"{self.name}: {self._kind} of {self.guest.kernel.__class__.__module__.partition('.')[0]}"

    def _build_station(self) -> Station:
        if self.settings.answer_within is not None:
            raise UsageError("answer_within needs a tool of ours beside theirs: it does not work with another SDK's.")
        station = _GuestStation(
            self._terms(),
            threads=self.settings.threads,
            call_timeout=self.settings.call_timeout,
            companions=self._companions,
        )
        station.guest = self.guest
        return station

    def _guarded(self, app: Application) -> Any:
        if self._guarded_by_them:
            raise UsageError(
                f"{self.name!r} asks for credentials over HTTP, and that guard stands in its own HTTP application: "
                "served from here it would be open. Take its `auth` away, or serve it on stdio."
            )
        return super()._guarded(app)


def is_foreign(thing: Any) -> bool:
    """Whether this is a server of the official SDK or of FastMCP. Imports neither."""
    return _kind(thing) is not None


def from_sdk(theirs: Any, **given: Any) -> Fairlead:
    """Their server as one of ours: `run()`, `asgi()`, `dock()`; keywords are settings (`fairlead.settings.Settings`).

    Raises UsageError for anything else, and for an SDK that is too old.
    """
    kind = _kind(theirs)
    if kind is None:
        raise UsageError(f"{type(theirs).__name__} is no server of the official SDK's, nor one of FastMCP.")
    place = _KERNELS[kind]
    kernel = getattr(theirs, place, None) if place else theirs
    if kernel is None or not _is_new_enough():
        raise UsageError(f"This {kind} is built on an MCP SDK before 2.3: pip install 'mcp>=2.3,<3', or FastMCP 4.")
    return ForeignServer(theirs, kernel, **given)


def _kind(thing: Any) -> str | None:
    for base in type(thing).__mro__:
        if base.__name__ in _KERNELS and base.__module__.partition(".")[0] in _PACKAGES:
            return base.__name__
    return None


def _is_new_enough() -> bool:
    try:
        from mcp.server.runner import serve_dual_era_loop
    except ImportError:
        return False
    return callable(serve_dual_era_loop)


def _asks_for_credentials(theirs: Any) -> bool:
    """`auth` of FastMCP, or the settings and the verifier of MCPServer."""
    settings = getattr(theirs, "settings", None)
    return any(
        one is not None
        for one in (
            getattr(theirs, "auth", None),
            getattr(settings, "auth", None),
            getattr(theirs, "_token_verifier", None),
        )
    )
