"""One connection to another server, and the calls of ours that run on it.

Carries a call there with its progress and its cancellation, and brings back what the server asks and says meanwhile:
questions go to the caller of the call that they came up in. In the stateless era the protocol says which one that is;
in the handshake era it is the call that began last, so that calls of different callers never share a connection on
which questions may come. Refuses to repeat anything.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, cast

import msgspec

from fairlead.catalog import Context, Tool
from fairlead.connect.conversation import Conversation
from fairlead.connect.era import Era, agree
from fairlead.connect.handlers import Handlers
from fairlead.connect.headers import AnnotationError, carried, param_headers
from fairlead.connect.line import Line
from fairlead.errors import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    CallError,
    LineError,
    PeerError,
    ToolError,
)
from fairlead.kernel import Call
from fairlead.kernel.client import ClientSession
from fairlead.sources.foreign import ForeignError
from fairlead.spec.descriptors import Implementation
from fairlead.spec.params import LOG_LEVEL, UNSET

Heard = Callable[["Link", str, dict[str, Any]], None]

_ROUNDS: Final = 16
"""Times that one call may come back with questions: far past any dialogue, and an end to one that never ends."""

_OURS: Final = ("progressToken", "io.modelcontextprotocol/")
"""Metadata of one hop; all other members are handed on."""

_LEVEL_SECONDS: Final = 10.0

ROOM: Final = 56
"""Calls that run on one connection at once; more wait. Servers refuse a peer that asks too much: many at 64."""


class Errand:
    """One call of ours while it runs at the other server."""

    __slots__ = ("_told", "call", "ctx")

    def __init__(self, ctx: Context):
        self.ctx = ctx
        self.call = cast("Call", ctx.call)
        self._told: set[asyncio.Task[None]] = set()

    def tell(self, word: Coroutine[Any, Any, None]) -> None:
        """Say something to the caller, before the result."""

        async def attempt() -> None:
            try:
                await word
            except OSError:
                pass  # The caller has left: the reader of its line ends the call.

        task = asyncio.get_running_loop().create_task(attempt())
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def settle(self) -> None:
        """Returns when all was said."""
        if self._told:
            await asyncio.wait(tuple(self._told))

    def progress(self, done: float, total: float | None, message: str | None) -> None:
        """The other server tells how far it is."""
        self.tell(self.ctx.progress(done, total, message))

    def meta(self) -> dict[str, Any]:
        """The caller's own metadata."""
        if self.call.params.meta is UNSET:
            return {}
        return {name: value for name, value in self.ctx.meta.items() if not name.startswith(_OURS)}

    def headers(self, params: Mapping[str, Any]) -> dict[str, str] | None:
        """What HTTP repeats of the arguments, as the tool's schema wants it."""
        entry = self.call.entry
        if not isinstance(entry, Tool):
            return None
        if entry.in_headers is None:
            try:
                entry.in_headers = carried(entry.descriptor.input_schema)
            except AnnotationError:
                entry.in_headers = {}
        if not entry.in_headers:
            return None
        given = params.get("arguments")
        return param_headers(entry.in_headers, {} if given is None else msgspec.json.decode(given))


class Link:
    """One open connection. `capabilities` are what the other server is told that its client can do."""

    def __init__(self, name: str, line: Line, capabilities: Mapping[str, Any], heard: Heard):
        me = Implementation(name=name)
        self.session = ClientSession(me, dict(capabilities))
        self.errands: list[Errand] = []
        self.used = asyncio.get_running_loop().time()
        self.leased = False
        """Whether a call has it for itself."""

        self.home: Any = None
        """Our conversation with the one client that this link belongs to; None where several share it."""

        self._heard = heard
        self._room = asyncio.Semaphore(ROOM)
        self._level: str | None = None
        self._conversation = Conversation(self.session, line, _Handed(link=self, told=dict(capabilities)), self._heed)

    @property
    def lost(self) -> bool:
        """Whether it is over."""
        return self._conversation.ended

    @property
    def stateless(self) -> bool:
        """Whether the other server speaks the stateless era."""
        version = self.session.version
        return version is not None and version.era == "stateless"

    async def open(self, era: Era) -> None:
        """Connect, and settle on a version. Raises ConnectError, ConnectionLost or RequestTimeout."""
        try:
            await self._conversation.open()
            await agree(self._conversation, era)
        except BaseException:
            await self._conversation.close()  # Whatever ended it, cancellation too: nothing is left half open.
            raise

    async def close(self) -> None:
        """End it, and what runs on it."""
        await self._conversation.close()

    async def ended(self) -> None:
        """Returns when the line is lost."""
        await asyncio.shield(self._conversation.lost_for)

    async def ask(self, method: str, params: dict[str, Any] | None = None, *, within: float | None) -> dict[str, Any]:
        """A request of our own. Raises CallError, ConnectionLost or RequestTimeout."""
        raw = await self._conversation.request(method, params, within=within)
        return cast("dict[str, Any]", msgspec.json.decode(raw))

    async def notify(self, method: str) -> None:
        """Tell the other server something. Raises ConnectionLost."""
        await self._conversation.notify(method)

    async def listen(self, wanted: dict[str, Any]) -> None:
        """Stateless era: hear of changes for as long as this runs."""
        await self._conversation.request("subscriptions/listen", {"notifications": wanted})

    async def carry(self, ctx: Context, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask on behalf of a call, and answer what is asked on the way. Raises PeerError or ConnectionLost."""
        errand = Errand(ctx)
        self.errands.append(errand)
        try:
            async with self._room:
                await self._set_level(errand)
                return await self._rounds(errand, method, params)
        except CallError as fault:
            code = fault.code
            if method == "resources/read" and code in (RESOURCE_NOT_FOUND, INVALID_PARAMS):
                code = errand.call.version.resource_not_found  # The eras have a code of their own for it.
            raise ForeignError(code, fault.message, fault.data) from None
        finally:
            self.errands.remove(errand)
            self.used = asyncio.get_running_loop().time()

    async def _rounds(self, errand: Errand, method: str, params: dict[str, Any]) -> dict[str, Any]:
        progress = errand.progress if errand.call.progress_token is not None else None
        meta = errand.meta()
        level = errand.call.log_level
        if self.stateless and level is not None:
            meta[LOG_LEVEL] = level
        headers = errand.headers(params) if self.stateless else None
        for _ in range(_ROUNDS):
            raw = await self._conversation.request(
                method, params, progress=progress, meta=meta or None, headers=headers
            )
            result: dict[str, Any] = msgspec.json.decode(raw)
            await errand.settle()
            if result.get("resultType") != "input_required":
                return result
            params = {name: value for name, value in params.items() if name not in ("inputResponses", "requestState")}
            asked: dict[str, dict[str, Any]] = result.get("inputRequests") or {}
            if asked:
                answers = await asyncio.gather(*(_put(errand, one) for one in asked.values()))
                params["inputResponses"] = dict(zip(asked, answers, strict=True))
            if "requestState" in result:
                params["requestState"] = result["requestState"]
        raise CallError(0, f"{method} asked for input {_ROUNDS} times and was given up.")

    async def _set_level(self, errand: Errand) -> None:
        """Handshake era: the other server is to tell as much as the caller wants to hear."""
        level = errand.call.log_level
        if self.stateless or level is None or level == self._level or "logging" not in self.session.offers:
            return
        self._level = level
        try:
            await self.ask("logging/setLevel", {"level": level}, within=_LEVEL_SECONDS)
        except (CallError, LineError):
            pass  # It says what it says; what its caller does not want is left out on the way.

    # What comes from the other side.

    def newest(self) -> Errand | None:
        """The call that began last and still has its caller: what belongs to no request is taken to be about it."""
        return next((errand for errand in reversed(self.errands) if not errand.call.ended), None)

    def _heed(self, method: str, params: dict[str, Any]) -> None:
        if method != "notifications/message":
            self._heard(self, method, params)
            return
        errand = self.newest()
        # On a link that several callers share, nobody knows whose message it is: it may hold what is one's alone.
        if errand is not None and (self.home is not None or len(self.errands) == 1):
            level, logger = params.get("level", "info"), params.get("logger")
            errand.tell(errand.ctx.log(level, params.get("data"), logger=logger))
        else:
            self._heard(self, method, params)


class _Handed(Handlers, kw_only=True):
    """Hands every question on to the caller of a call."""

    link: Link
    told: dict[str, Any]

    def capabilities(self) -> dict[str, Any]:
        """What the client behind us can do."""
        return self.told

    async def answer(self, method: str, params: dict[str, Any]) -> Any:
        """The answer of the client behind us. Raises PeerError."""
        errand = self.link.newest()
        if errand is None:
            raise PeerError(METHOD_NOT_FOUND, f"No call runs whose client could be asked {method[:100]!r}.")
        return await _put(errand, {"method": method, "params": params})


async def _put(errand: Errand, asked: dict[str, Any]) -> Any:
    """Put a question of the other server to the caller. Raises PeerError where there is no answer."""
    method, params = str(asked.get("method", "")), dict(asked.get("params") or {})
    params.pop("_meta", None)
    try:
        return await errand.ctx.ask(method, params)
    except CallError as refusal:
        raise ForeignError(refusal.code, refusal.message, refusal.data) from None
    except (ToolError, KeyError) as fault:
        raise PeerError(
            METHOD_NOT_FOUND, str(fault) if isinstance(fault, ToolError) else "No client knows this."
        ) from None
