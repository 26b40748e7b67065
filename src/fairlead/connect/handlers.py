"""What a client's program answers when the server asks: the user, the model, the folders.

Each handler may be a plain function or a coroutine function. What there is a handler for is what the client declares it
can do. Refuses what there is none for (-32601), and masks a handler that fails (-32603).
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from fairlead.errors import INTERNAL_ERROR, METHOD_NOT_FOUND, PeerError
from fairlead.spec.results import Elicited, Root, Sampled

logger = logging.getLogger("fairlead")


class Handlers(msgspec.Struct, kw_only=True):
    """The program's answers. `elicit` and `sample` get the request's params, `roots` gets nothing."""

    elicit: Callable[[dict[str, Any]], Any] | None = None
    sample: Callable[[dict[str, Any]], Any] | None = None
    roots: Callable[[], Any] | list[str | Root] | None = None

    def capabilities(self) -> dict[str, Any]:
        """What the client declares."""
        told: dict[str, Any] = {}
        if self.elicit is not None:
            told["elicitation"] = {"form": {}, "url": {}}
        if self.sample is not None:
            told["sampling"] = {}
        if self.roots is not None:
            told["roots"] = {"listChanged": True}
        return told

    async def answer(self, method: str, params: dict[str, Any]) -> Any:
        """The result for a request of the server's. Raises PeerError."""
        act = {"elicitation/create": self._elicit, "sampling/createMessage": self._sample, "roots/list": self._roots}
        if method not in act:
            raise PeerError(METHOD_NOT_FOUND, f"This client answers no {method[:100]!r}.")
        try:
            return await act[method](params)
        except PeerError:
            raise
        except Exception as fault:  # noqa: BLE001 - the program's own code: its defect becomes an answer
            logger.error("The handler of %s failed: %s.", method, type(fault).__name__)
            raise PeerError(INTERNAL_ERROR, f"The client's handler of {method} failed.") from None

    async def _elicit(self, params: dict[str, Any]) -> Any:
        got = await _result(self._needed(self.elicit, "elicitation/create"), params)
        if got is None:
            return Elicited("decline")
        if isinstance(got, Elicited):
            return got
        return Elicited("accept", msgspec.to_builtins(got))

    async def _sample(self, params: dict[str, Any]) -> Any:
        got = await _result(self._needed(self.sample, "sampling/createMessage"), params)
        return Sampled("assistant", {"type": "text", "text": got}) if isinstance(got, str) else got

    async def _roots(self, params: dict[str, Any]) -> Any:
        listed = self.roots if isinstance(self.roots, list) else await _result(self._needed(self.roots, "roots/list"))
        return {"roots": [Root(one) if isinstance(one, str) else one for one in listed]}

    def _needed(self, handler: Any, method: str) -> Callable[..., Any]:
        if handler is None:
            raise PeerError(METHOD_NOT_FOUND, f"This client answers no {method}.")
        return handler  # type: ignore[no-any-return]


async def _result(handler: Callable[..., Any], *given: Any) -> Any:
    got = handler(*given)
    return await got if inspect.isawaitable(got) else got


NONE: Final = Handlers()
"""A client that answers nothing but pings."""
