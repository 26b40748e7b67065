"""A budget for answers: a call that takes longer is answered in time, with a handle for its result.

Some callers give up after ten seconds, whatever happens. Here the work goes on, and the tool `result_of` waits for its
result, again for as long as the budget allows. A handle is for its caller alone, cannot be guessed, and expires.
Refuses to keep more than so many: then the slow call is ended, and its caller is told. A tool under a budget may
answer with a handle, so that its listing promises no output schema.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from fairlead.catalog import Catalog, Tool, tool
from fairlead.catalog.faults import ResultError
from fairlead.errors import BUSY, PeerError, ToolError, UsageError
from fairlead.kernel import Call, Send
from fairlead.spec.content import Text
from fairlead.spec.descriptors import UNSET
from fairlead.spec.results import Passed, ToolResult
from fairlead.wire import encode

NAME: Final = "result_of"
Outcome = ToolResult | Passed | PeerError
KEEP: Final = 600.0
"""Seconds that late work may take, and that its result is kept afterwards."""

MOST_OF_ONE: Final = 64
"""Handles of one conversation; a dialled line keeps its own over reconnections."""

MOST: Final = 1024
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of results that wait to be fetched, in all."""


async def result_of(handle: str) -> Any:
    """Wait for the result of a call that took too long to be answered at once, by the handle it was answered with."""
    raise ToolError(f"No call has been answered with the handle {handle[:40]!r} here.")


_TOOL_HINTS: Final = {"read_only_hint": True, "idempotent_hint": True, "open_world_hint": False}


class Late:
    """A call that was answered with a handle, and what became of it since."""

    __slots__ = ("call", "expiry", "fetched", "handle", "name", "outcome", "owner", "principal", "size")

    def __init__(self, call: Call):
        self.handle = secrets.token_urlsafe(12)
        self.name = call.name
        self.principal = call.principal
        self.owner = owner(call)
        self.call = call
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.expiry: asyncio.TimerHandle | None = None
        self.fetched = False
        self.size = 0


def owner(call: Call) -> Any:
    """Who is counted: the caller that proved who it is, else the conversation."""
    return call.session if call.principal is None else call.principal


class Budget:
    """The late calls of one server. Every method is for its event loop's thread."""

    def __init__(self, seconds: float, catalog: Catalog, settled: Callable[[], None]):
        """Adds `result_of` to the catalog. Raises UsageError where the name is taken."""
        self.seconds = seconds
        self._settled = settled
        self._late: dict[str, Late] = {}
        self._bytes = 0
        self._catalog = catalog
        known = catalog.tools.find(NAME)
        if known is None:
            catalog.add_tool(tool.from_function(result_of, hints=_TOOL_HINTS, output=False))
        elif known.function is not result_of:
            raise UsageError(f"answer_within needs the name {NAME!r} for a tool of its own: rename yours.")
        self._loosen("tools")
        catalog.listen(self._loosen)

    async def run(self, call: Call, work: Callable[[], Awaitable[Any]]) -> Any:
        """The value of the call; what it is worth once a handle was given for it, nobody asks."""
        entry = call.entry
        if not isinstance(entry, Tool) or call.job is not None:
            return await work()
        if entry.function is result_of:
            return await self._fetch(call)
        watch = _Watch(self, call)
        try:
            value = await work()
            watch.settle(value)
            return value
        except BaseException as fault:  # the late caller is told, and then whoever runs the call
            watch.fail(fault)
            raise
        finally:
            watch.end()

    def running(self) -> int:
        """Late calls that still work."""
        return sum(not late.outcome.done() for late in self._late.values())

    def close(self) -> None:
        """End them all, when the server goes away."""
        for late in list(self._late.values()):
            self._forget(late)

    # A call that is late.

    def give(self, call: Call) -> Late | None:
        """A handle for the call; None where there is no room."""
        mine = [late for late in self._late.values() if late.owner == owner(call)]
        if len(mine) >= MOST_OF_ONE or len(self._late) >= MOST:
            fetched = next((late for late in mine if late.fetched), None)
            if fetched is None:
                return None
            self._forget(fetched)
        late = Late(call)
        self._late[late.handle] = late
        self._renew(late)
        return late

    def settle(self, late: Late, outcome: Outcome) -> None:
        """The work has ended."""
        if late.outcome.done() or late.handle not in self._late:
            return
        late.size = 0 if isinstance(outcome, PeerError) else len(encode.encode(outcome))
        if self._bytes + late.size > MOST_BYTES:
            late.size, outcome = 0, _failed(f"The result of {late.name!r} was too large to be kept.")
        self._bytes += late.size
        late.outcome.set_result(outcome)
        self._renew(late)
        self._settled()

    def promise(self, late: Late, first: str) -> ToolResult:
        """What the caller is told instead of the result."""
        text = f'{first} The work goes on: call {NAME} with {{"handle": "{late.handle}"}} to wait for the result.'
        return ToolResult([Text(text)])

    async def _fetch(self, call: Call) -> ToolResult | Passed:
        given = (call.arguments or {})["handle"]
        late = self._late.get(given)
        if late is None or late.principal != call.principal:
            raise ToolError("There is no such handle: it never was, or its result is no longer kept. Call again.")
        try:
            async with asyncio.timeout(self.seconds):
                outcome = await asyncio.shield(late.outcome)
        except TimeoutError:
            return self.promise(late, f"{late.name!r} is still at work.")
        late.fetched = True
        if isinstance(outcome, PeerError):
            raise outcome
        return outcome

    def _renew(self, late: Late) -> None:
        if late.expiry is not None:
            late.expiry.cancel()
        late.expiry = asyncio.get_running_loop().call_later(KEEP, self._forget, late)

    def _forget(self, late: Late) -> None:
        if self._late.pop(late.handle, None) is None:
            return
        self._bytes -= late.size
        if late.expiry is not None:
            late.expiry.cancel()
        if not late.outcome.done():
            late.outcome.set_result(_failed(f"{late.name!r} took too long and was ended."))
            if late.call.task is not None:
                late.call.task.cancel()
            self._settled()

    def _loosen(self, kind: str) -> None:
        if kind != "tools":
            return
        for offered in self._catalog.tools:
            if offered.descriptor.output_schema is not UNSET:
                offered.descriptor = msgspec.structs.replace(offered.descriptor, output_schema=UNSET)


class _Watch:
    """One call against its budget."""

    __slots__ = ("_budget", "_call", "_late", "_timer")

    def __init__(self, budget: Budget, call: Call):
        self._budget = budget
        self._call = call
        self._late: Late | None = None
        self._arm()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._budget.seconds, self._due)

    def _due(self) -> None:
        call, budget = self._call, self._budget
        if call.ended or call.job is not None:
            return
        if call.parked:
            self._arm()  # Its caller is away to answer a question, and waits for nothing.
            return
        self._late = late = budget.give(call)
        if late is None:
            frame = call.session.fail(call, _busy())
            call.task.cancel()
        else:
            frame = call.session.finish(call, budget.promise(late, f"This takes longer than {budget.seconds:g} s."))
        if frame is not None:
            call.home.tell([Send(frame, call)])

    def settle(self, value: Any) -> None:
        if self._late is None:
            return
        try:
            outcome = value if type(value) is Passed else self._call.entry.conclude(value)  # type: ignore[union-attr]
            encode.encode(outcome)
        except (ResultError, TypeError, ValueError, RecursionError, OverflowError):
            outcome = _failed(f"{self._late.name!r} returned a value that does not fit what it declares.")
        self._budget.settle(self._late, outcome)

    def fail(self, fault: BaseException) -> None:
        if self._late is None:
            return
        if isinstance(fault, PeerError):
            self._budget.settle(self._late, fault)
            return
        meant = isinstance(fault, ToolError)
        masked = f"The tool {self._late.name!r} failed. The server's log has the cause."
        self._budget.settle(self._late, _failed(str(fault) if meant else masked))

    def end(self) -> None:
        self._timer.cancel()


def _failed(text: str) -> ToolResult:
    return ToolResult([Text(text)], is_error=True)


def _busy() -> PeerError:
    told = {
        "limit": MOST_OF_ONE,
        "retryable": False,
        "next": f"Fetch the results that wait for you with {NAME}; this call was ended, and may have had its effect.",
    }
    return PeerError(BUSY, f"{MOST_OF_ONE} results of slow calls wait for you already.", data=told)
