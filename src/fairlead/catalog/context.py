"""What a tool may ask of the conversation it runs in: progress, log, questions to the user, the request.

A function gets one by naming a parameter of this type. The same methods work in both eras; whoever
carries the call (`Port`) knows how. A Context refuses to outlive its call: afterwards nothing it sends goes out.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from fairlead.catalog.schema import elicitation_schema
from fairlead.errors import ToolError
from fairlead.spec.descriptors import Implementation
from fairlead.spec.params import LogLevel
from fairlead.spec.results import Elicited, Root, Sampled

if TYPE_CHECKING:
    from fairlead.catalog.calling import Calling

T = TypeVar("T")


class Port(Protocol):
    """The conversation's side of a Context."""

    async def progress(self, call: "Calling", done: float, total: float | None, message: str | None) -> None:
        """Tell the caller how far the call is."""

    async def log(self, call: "Calling", level: LogLevel, data: Any, logger: str | None) -> None:
        """Send a log message to the caller, if the caller wants that level."""

    async def ask(self, call: "Calling", method: str, params: dict[str, Any], within: float | None) -> Any:
        """Ask the client and wait for its answer. Raises CallError, RequestTimeout or PeerError."""

    async def detach(self, call: "Calling", message: str | None) -> bool:
        """Make the call a task, if it may be one. Returns whether it is one now."""

    async def close_stream(self, call: "Calling") -> None:
        """Let the caller come back for the rest, where its line can."""

    def wait(self, awaitable: Awaitable[T]) -> T:
        """From a worker thread: run `awaitable` on the conversation's loop and wait for it."""


class Answer(msgspec.Struct):
    """The user's answer to a question. False unless the user accepted; `data` is then what was asked for."""

    action: str
    data: Any = None

    def __bool__(self) -> bool:
        return self.action == "accept"


class _Roots(msgspec.Struct):
    roots: list[Root] = []


class Context:
    """One call's way back to its caller."""

    __slots__ = ("_call", "_port")

    def __init__(self, call: "Calling", port: Port):
        self._call = call
        self._port = port

    @property
    def call(self) -> "Calling":
        """The call itself, for those who carry calls on to somewhere else."""
        return self._call

    @property
    def request_id(self) -> int | str:
        """The id under which the client made the call."""
        return self._call.id

    @property
    def client(self) -> Implementation | None:
        """Who calls, as the client introduced itself."""
        return self._call.client

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client said it can do."""
        return self._call.capabilities

    @property
    def protocol_version(self) -> str:
        """The version of MCP that this call speaks."""
        return self._call.version.date

    @property
    def meta(self) -> Mapping[str, Any]:
        """The `_meta` of the request, with members that Fairlead does not know."""
        return self._call.meta()

    @property
    def session(self) -> dict[str, Any]:
        """A dictionary that lives as long as the conversation; in the stateless era, as long as the call."""
        return self._call.session_state

    @property
    def principal(self) -> str | None:
        """Who the caller proved to be, where credentials are asked for."""
        return self._call.principal

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the HTTP request or WebSocket handshake, lower-case; empty on other lines."""
        return self._call.headers

    @property
    def deadline(self) -> float | None:
        """The loop time at which the call is given up, where one is set."""
        return self._call.deadline

    @property
    def cancelled(self) -> bool:
        """Whether the caller no longer waits. For functions in threads, which nobody can interrupt."""
        return self._call.ended

    async def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Tell the caller how far the call is. Values that do not grow are left out, as the protocol asks."""
        await self._port.progress(self._call, done, total, message)

    async def log(self, level: LogLevel, data: Any, *, logger: str | None = None) -> None:
        """Send a message to the caller's log, if the caller wants that level."""
        await self._port.log(self._call, level, data, logger)

    async def debug(self, data: Any) -> None:
        """Log at `debug`."""
        await self.log("debug", data)

    async def info(self, data: Any) -> None:
        """Log at `info`."""
        await self.log("info", data)

    async def warning(self, data: Any) -> None:
        """Log at `warning`."""
        await self.log("warning", data)

    async def error(self, data: Any) -> None:
        """Log at `error`."""
        await self.log("error", data)

    async def elicit(
        self, message: str, wanted: type | dict[str, Any], *, within: float | None = None, key: str | None = None
    ) -> Answer:
        """Ask the user for a flat object (a dataclass, Struct or TypedDict of simple fields, or a schema).

        `key` names the question to clients of the stateless era, which may answer it with the call itself.
        Raises ToolError if the user's data does not fit, CallError if the client answers with an error,
        RequestTimeout after `within` seconds, PeerError (-32021) if the client cannot ask its user.
        """
        schema = wanted if isinstance(wanted, dict) else elicitation_schema(wanted)
        params = {"message": message, "requestedSchema": schema}
        got = await self._ask("elicitation/create", params, Elicited, within, key)
        if got.action != "accept" or isinstance(wanted, dict):
            return Answer(got.action, got.content)
        try:
            return Answer(got.action, msgspec.convert(got.content or {}, wanted))
        except msgspec.ValidationError as fault:
            raise ToolError(f"The user's answer does not fit what was asked: {fault}") from None

    async def elicit_url(
        self, message: str, url: str, *, id: str, within: float | None = None, key: str | None = None
    ) -> Answer:
        """Ask the user to open `url` (to pay, to log in). Accepting means that the user agreed, not that it is done."""
        params = {"mode": "url", "message": message, "url": url, "elicitationId": id}
        got = await self._ask("elicitation/create", params, Elicited, within, key)
        return Answer(got.action, got.content)

    async def sample(
        self,
        messages: str | list[dict[str, Any]],
        *,
        max_tokens: int = 1024,
        within: float | None = None,
        key: str | None = None,
        **options: Any,
    ) -> Sampled:
        """Ask the client's model. `options` are the protocol's own (`systemPrompt`, `temperature`, `tools`, …)."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": {"type": "text", "text": messages}}]
        params = {"messages": messages, "maxTokens": max_tokens, **options}
        return await self._ask("sampling/createMessage", params, Sampled, within, key)

    async def roots(self, *, within: float | None = None, key: str | None = None) -> list[Root]:
        """The folders that the client's user works in."""
        return (await self._ask("roots/list", {}, _Roots, within, key)).roots

    async def ask(
        self, method: str, params: dict[str, Any], *, within: float | None = None, key: str | None = None
    ) -> Any:
        """Ask the client anything that it can be asked, with the protocol's own words, and get its result as it came.

        Raises CallError, RequestTimeout, PeerError, or ToolError where this client cannot be asked.
        """
        self._call.name_question(key)
        return await self._port.ask(self._call, method, params, within)

    async def detach(self, message: str | None = None) -> bool:
        """Make this call a task: its caller is answered at once, asks for the outcome later, and may leave.

        Returns whether it is a task now: not where the tool forbids it or the client cannot take one; then the caller
        waits, and nothing else differs. What was asked before is answered with the call itself; what is asked, and
        the progress that is made, from here on is shown to whoever asks for the task.
        """
        return await self._port.detach(self._call, message)

    async def close_stream(self) -> None:
        """End the stream that the answer would come on, so that no connection is held while a long call works.

        The client comes back for the rest. Does nothing on lines where there is nothing to come back to.
        """
        await self._port.close_stream(self._call)

    def wait(self, awaitable: Awaitable[T]) -> T:
        """In a plain function, which runs in a thread: `ctx.wait(ctx.progress(1, 3))`."""
        return self._port.wait(awaitable)

    async def _ask(
        self,
        method: str,
        params: dict[str, Any],
        shape: Callable[..., T] | type[T],
        within: float | None,
        key: str | None,
    ) -> T:
        got = await self.ask(method, params, within=within, key=key)
        try:
            return msgspec.convert(got, shape)
        except msgspec.ValidationError as fault:
            raise ToolError(f"The client answered {method} in a shape that cannot be read: {fault}") from None
