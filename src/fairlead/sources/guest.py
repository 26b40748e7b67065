"""A server of the official SDK or of FastMCP, run by its own kernel: its lifespan, and the streams it talks on.

Everything of the SDK's that is not found on its objects is imported here, inside the functions that need it. Refuses to
read what it carries: which message belongs to which line is `sources.passage`'s business.
"""

import asyncio
import contextvars
import importlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fairlead.errors import INTERNAL_ERROR, PeerError
from fairlead.serve.station import Station

logger = logging.getLogger("fairlead")

_FAREWELL: Final = 5.0
"""Seconds that the end of its lifespan may take."""


class Guest:
    """One foreign server. Its lifespan is begun once, with ours or with the first message, and ends with ours."""

    def __init__(self, kernel: Any):
        self.kernel = kernel
        """The SDK's low-level `Server`, which MCPServer and FastMCP are built around."""

        self._keeper: asyncio.Task[None] | None = None
        self._state: asyncio.Future[Any] | None = None
        self._over = asyncio.Event()

    def begin(self, station: Station) -> None:
        """The server runs: so does the lifespan."""
        station.company.await_for(self._begun())

    async def end(self) -> None:
        """End the lifespan, and wait for that a while."""
        keeper, self._keeper, self._state = self._keeper, None, None
        if keeper is None:
            return
        self._over.set()
        _, late = await asyncio.wait([keeper], timeout=_FAREWELL)
        if late:
            logger.warning("The lifespan of %r did not end within %g s: it is cancelled.", self.kernel.name, _FAREWELL)
            keeper.cancel()

    async def state(self) -> Any:
        """What the lifespan gave to its calls. Raises PeerError where it could not begin."""
        try:
            return await asyncio.shield(self._begun())
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - the author's own code: whatever it raised was told in the log
            raise PeerError(INTERNAL_ERROR, "This server could not start. Its log has the cause.") from None

    def _begun(self) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        if self._state is None or self._state.get_loop() is not loop:
            self._state, self._over = loop.create_future(), asyncio.Event()
            # A task of its own enters and leaves it: cancel scopes that it opens belong to one task.
            self._keeper = loop.create_task(self._keep(self._state, self._over))
        return self._state

    async def _keep(self, state: "asyncio.Future[Any]", over: asyncio.Event) -> None:
        try:
            async with self.kernel.lifespan(self.kernel) as given:
                state.set_result(given)
                await over.wait()
        except Exception as fault:  # noqa: BLE001 - the edge of the task, and the author's own code
            logger.exception("The lifespan of %r failed.", self.kernel.name)
            if not state.done():
                state.set_exception(fault)
                state.exception()  # It is told above, also where nobody asks for the state.
        finally:
            if not state.done():
                state.cancel()


class Inward:
    """Their stream of what the client says. It has no end: who talks on it is cancelled."""

    def __init__(self) -> None:
        self._queued: asyncio.Queue[tuple[contextvars.Context, Any]] = asyncio.Queue()
        self.last_context: contextvars.Context | None = None
        """The context of whoever put in what was taken last: the SDK runs the request's handler in it."""

    def put(self, message: Any) -> None:
        """One message more."""
        self._queued.put_nowait((contextvars.copy_context(), message))

    async def receive(self) -> Any:
        """The next one."""
        self.last_context, message = await self._queued.get()
        return message

    def __aiter__(self) -> "Inward":
        return self

    async def __anext__(self) -> Any:
        return await self.receive()

    async def __aenter__(self) -> "Inward":
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def aclose(self) -> None:
        """Nothing is held."""


class Outward:
    """Their stream of what the server says: whoever puts something in waits until our line has taken it."""

    def __init__(self, send: Callable[[Any], Awaitable[None]]):
        self.send = send

    async def __aenter__(self) -> "Outward":
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def aclose(self) -> None:
        """Nothing is held."""


class Talk:
    """Their kernel at work on one pair of streams, in one era, until it is closed."""

    def __init__(self, guest: Guest, send: Callable[[Any], Awaitable[None]], ended: Callable[[PeerError], None]):
        self._guest = guest
        self._inward = Inward()
        self._outward = Outward(send)
        self._ended = ended
        self._task = asyncio.get_running_loop().create_task(self._run())

    def request(self, id: int | str, method: str, params: Any, about: Any = None) -> None:
        """Hand over a request; `about` is the metadata that goes with it."""
        from mcp_types import JSONRPCRequest

        more = {} if params is None else {"params": params}
        self._put(JSONRPCRequest(jsonrpc="2.0", id=id, method=method, **more), about)

    def notify(self, method: str, params: Any) -> None:
        """Hand over a notification."""
        from mcp_types import JSONRPCNotification

        more = {} if params is None else {"params": params}
        self._put(JSONRPCNotification(jsonrpc="2.0", method=method, **more))

    def answer(self, message: Mapping[str, Any]) -> None:
        """Hand over the answer to one of their requests, or its refusal."""
        from mcp_types import jsonrpc_message_adapter

        self._put(jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", **message}))

    def close(self) -> None:
        """End it, and every handler that still runs."""
        self._task.cancel()

    def _put(self, message: Any, about: Any = None) -> None:
        from mcp.shared.message import SessionMessage

        self._inward.put(SessionMessage(message, about))

    async def _run(self) -> None:
        from mcp.server.runner import serve_dual_era_loop

        why = PeerError(INTERNAL_ERROR, "This server has ended under the call.")
        try:
            state = await self._guest.state()
            # By their protocols these are streams; the SDK names no more of them than is here.
            outward: Any = self._outward
            await serve_dual_era_loop(self._guest.kernel, self._inward, outward, lifespan_state=state)
        except PeerError as refusal:
            why = refusal
        except Exception as fault:  # noqa: BLE001 - the edge of the task: what their kernel let through ends the talk
            # Never its text, which may hold what a client said.
            logger.error("The kernel of %r failed: %s.", self._guest.kernel.name, type(fault).__name__)
        self._ended(why)


def metadata(headers: Mapping[str, str], release: Callable[[], None] | None) -> Any:
    """What goes along with a request: the headers of its line as a Starlette request, as over their own HTTP.

    `release` lets the reader of the answer go early, where the line can.
    """
    from mcp.shared.message import ServerMessageMetadata

    if not headers and release is None:
        return None

    async def let_go() -> None:
        if release is not None:
            release()

    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": raw}
    # The SDK has loaded it already; for everybody else it would make the command line slow to start.
    request = importlib.import_module("starlette.requests").Request(scope) if headers else None
    return ServerMessageMetadata(request_context=request, close_sse_stream=let_go if release else None)
