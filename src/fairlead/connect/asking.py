"""One request from its first try to its end: over lines that break, and through questions that it is answered with.

A request is repeated after its line broke only if it was never sent, or changes nothing (`safe`). Questions of the
stateless era are answered by the program's handlers, and the request goes out again: as a new one, with the server's
state exactly as it came.
"""

import asyncio
import random
from typing import Any, Final, TypeVar

import msgspec

from fairlead.connect.conversation import Conversation, Progressed
from fairlead.connect.handlers import Handlers
from fairlead.connect.lifeline import TOO_LARGE, Lifeline
from fairlead.errors import INVALID_REQUEST, CallError, ConnectionLost, PeerError, RequestTimeout
from fairlead.spec.results import UNSET, Called, Unset

_ROUNDS: Final = 16
"""Times that one call may come back with questions: far past any dialogue, and an end to one that never ends."""

_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0

Decoder = msgspec.json.Decoder
T = TypeVar("T")


class Answered(Called):
    """What a tool answered, or asks first."""

    content: list[dict[str, Any]] = []
    result_type: str = msgspec.field(name="resultType", default="complete")
    questions: dict[str, Any] | Unset = msgspec.field(name="inputRequests", default=UNSET)
    state: Any = msgspec.field(name="requestState", default=UNSET)


class Members(msgspec.Struct, gc=False):
    """What any result says of itself."""

    result_type: str = msgspec.field(name="resultType", default="complete")
    questions: dict[str, Any] | Unset = msgspec.field(name="inputRequests", default=UNSET)
    state: Any = msgspec.field(name="requestState", default=UNSET)


_members: Final = Decoder(Members)
_called: Final = Decoder(Answered)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a request is to be made."""

    safe: bool = True
    progress: Progressed | None = None
    within: float | None = None
    meta: dict[str, Any] | None = None
    headers: dict[str, str] | None = None


class Asker:
    """Makes requests on whatever line there is."""

    def __init__(self, lifeline: Lifeline, handlers: Handlers, *, timeout: float | None):
        self._lifeline = lifeline
        self._handlers = handlers
        self._timeout = timeout

    async def ask(self, method: str, params: dict[str, Any], options: Options) -> tuple[msgspec.Raw, bool]:
        """The bytes of a complete result, and whether it came without questions."""
        deadline = self._deadline(options)
        for turn in range(_ROUNDS):
            raw = await self._once(method, params, options, deadline)
            members = read(method, _members, raw)
            if not self._asks(method, members.result_type):
                return raw, turn == 0
            params = await self._next(method, params, members, deadline)
        raise _too_many(method)

    async def call(self, params: dict[str, Any], options: Options) -> Called:
        """A tool's answer. It is decoded once, the questions with it."""
        deadline = self._deadline(options)
        for _ in range(_ROUNDS):
            answer = read("tools/call", _called, await self._once("tools/call", params, options, deadline))
            if not self._asks("tools/call", answer.result_type):
                return answer
            params = await self._next("tools/call", params, answer, deadline)
        raise _too_many("tools/call")

    def _deadline(self, options: Options) -> float | None:
        limit = self._timeout if options.within is None else options.within
        return None if limit is None else asyncio.get_running_loop().time() + limit

    def _asks(self, method: str, result_type: str) -> bool:
        """Whether a result is none yet. Raises PeerError for a kind of result that nobody here knows."""
        if result_type == "complete":
            return False
        current = self._lifeline.current
        if current is not None and current.session.version is not None and current.session.version.era == "handshake":
            return False  # There it is a member like any other.
        if result_type != "input_required":
            raise PeerError(INVALID_REQUEST, f"The server answered {method} with a {result_type[:40]!r} result.")
        return True

    async def _next(
        self, method: str, params: dict[str, Any], asked: Members | Answered, deadline: float | None
    ) -> dict[str, Any]:
        """The parameters of the next round."""
        last = ("inputResponses", "requestState")
        following = {name: value for name, value in params.items() if name not in last}
        if isinstance(asked.questions, dict) and asked.questions:
            try:
                async with asyncio.timeout_at(deadline) as timer:
                    following["inputResponses"] = await self._answers(asked.questions)
            except TimeoutError:
                if not timer.expired():
                    raise
                raise RequestTimeout(f"The questions of {method} were not answered in time.") from None
        if asked.state is not UNSET:
            following["requestState"] = asked.state
        return following

    async def _answers(self, questions: dict[str, Any]) -> dict[str, Any]:
        tasks = {key: asyncio.ensure_future(self._answer(one)) for key, one in questions.items()}
        try:
            return {key: await task for key, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()

    async def _answer(self, question: Any) -> Any:
        if not isinstance(question, dict):
            raise PeerError(INVALID_REQUEST, "The server asked a question without a method.")
        method, params = question.get("method"), question.get("params")
        return await self._handlers.answer(str(method), params if isinstance(params, dict) else {})

    async def _once(self, method: str, params: dict[str, Any], options: Options, deadline: float | None) -> msgspec.Raw:
        loop = asyncio.get_running_loop()
        unsure: ConnectionLost | None = None
        pause = _PAUSE
        while True:
            conversation = self._lifeline.current
            if conversation is None or conversation.ended or self._lifeline.ended is not None:
                conversation = await self._wait(deadline, unsure)
            try:
                return await conversation.request(
                    method,
                    params,
                    progress=options.progress,
                    meta=options.meta,
                    headers=options.headers,
                    within=None if deadline is None else max(0.0, deadline - loop.time()),
                )
            except ConnectionLost as lost:
                if lost.state != "not_sent":
                    unsure = lost
                repeats = self._lifeline.reconnects and lost.code != TOO_LARGE
                if not repeats or (unsure is not None and not options.safe):
                    raise unsure or lost from None
                if not conversation.ended:
                    # Only this request failed, as over HTTP: the next may meet the same fate.
                    pause = await self._pause(pause, deadline, unsure or lost)

    async def _wait(self, deadline: float | None, unsure: ConnectionLost | None) -> Conversation:
        """The next line. What may have been done before keeps its state, whatever keeps it from being done again."""
        try:
            async with asyncio.timeout_at(deadline) as timer:
                return await self._lifeline.conversation()
        except TimeoutError:
            if not timer.expired():
                raise
            trouble = self._lifeline.trouble
            raise unsure or ConnectionLost(f"There was no line in time: {trouble}", state="not_sent") from None
        except ConnectionLost as ended:
            raise unsure or ended from None

    async def _pause(self, pause: float, deadline: float | None, lost: ConnectionLost) -> float:
        length = random.uniform(0, pause)
        if deadline is not None and asyncio.get_running_loop().time() + length >= deadline:
            raise lost
        await asyncio.sleep(length)
        return min(2 * pause, _LONGEST_PAUSE)


def read(method: str, decoder: "Decoder[T]", raw: msgspec.Raw) -> T:
    """A result as its type. Raises PeerError where the server answered with something else."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as fault:
        raise PeerError(INVALID_REQUEST, f"The server's answer to {method} is none: {fault}.") from None


def _too_many(method: str) -> CallError:
    return CallError(0, f"{method} asked for input {_ROUNDS} times and was given up.")
