"""The WebSocket line: one JSON-RPC message, or one batch of the handshake era, per text frame.

The binding is described in docs/websocket.md. Refuses binary frames (1003); frames that are too large (1009) or no
UTF-8 (1007) never get here: the server below closes those. A peer that does not read is given up (1013).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from fairlead.kernel import Call
from fairlead.serve.conversation import Conversation
from fairlead.serve.outlet import Outlet
from fairlead.serve.station import Station

logger = logging.getLogger("fairlead")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SUBPROTOCOL: Final = "mcp"
BINARY: Final = 1003
RESTART: Final = 1012
TRY_AGAIN: Final = 1013
_PARTING: Final = 1.0
"""Seconds that the close of a peer that does not read may take to be handed over; no server of ours waits at all."""


class WebSocketLine:
    """One accepted socket."""

    def __init__(self, station: Station, scope: Scope, receive: Receive, send: Send, *, bound: int, stall: float):
        self._station = station
        self._scope = scope
        self._receive = receive
        self._send = send
        self._given_up = False
        self._over = False
        self._task: asyncio.Task[Any] | None = None
        extensions = scope.get("extensions") or {}
        self._abort: Callable[[], None] | None = extensions.get("fairlead.abort")
        # Our own server takes frames as they are; the ASGI way wants text, which it encodes again.
        self._put: Callable[[bytes, bool], bool] = extensions.get("fairlead.put") or (lambda frame, last: False)
        self._outlet = Outlet(
            bound=bound,
            stall=stall,
            # Another server than ours does not tell what its transport holds; what waits before it is then the measure.
            unsent=extensions.get("fairlead.unsent") or (lambda: 0),
            give_up=self._give_up,
            loop=asyncio.get_running_loop(),
        )

    async def run(self) -> None:
        """Talk until the peer leaves or is given up."""
        event = await self._receive()
        if event["type"] != "websocket.connect":
            return
        offered = self._scope.get("subprotocols") or []
        await self._send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if SUBPROTOCOL in offered else None})
        session = self._station.session(headers=_headers(self._scope))
        conversation = Conversation(self._station, session, self.send)
        conversation.waiting = self._outlet.waiting
        self._task = asyncio.current_task()
        try:
            await self._read(conversation)
        except OSError:
            pass  # The peer left while an answer was on its way: the same as leaving.
        except asyncio.CancelledError:
            if not self._given_up:
                raise
            await self._part()
        finally:
            self._outlet.close()
            conversation.close()

    async def _read(self, conversation: Conversation) -> None:
        outlet, receive = self._outlet, self._receive
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                return
            text = event.get("text")
            if text is None:
                self._over = True
                await self._send({"type": "websocket.close", "code": BINARY, "reason": "send text frames, not binary"})
                return
            await conversation.receive(text)
            await outlet.room()

    async def send(self, frame: bytes, about: Call | None) -> None:
        """Put one frame on the socket. Raises OSError when it is gone."""
        # Answers of one turn leave in one write, unless this one is the last that this peer waits for.
        if self._put(frame, about is not None and not about.session.calls):
            return
        size = len(frame)
        self._outlet.enter(size)
        try:
            await self._send({"type": "websocket.send", "text": frame.decode()})
        except OSError:
            self._outlet.close()  # Nobody makes room any more: let the reader see that the peer has left.
            raise
        except RuntimeError:
            # What waited to be sent when we closed wakes up behind the close, which ASGI takes for a mistake.
            if not self._over:
                raise
            raise BrokenPipeError("the socket was closed") from None
        finally:
            self._outlet.leave(size)

    def _give_up(self) -> None:
        logger.warning("A peer does not read what it asked for: closed with %d.", TRY_AGAIN)
        self._given_up = self._over = True
        if self._task is not None:
            self._task.cancel()

    async def _part(self) -> None:
        """Say why, for a peer that may read again one day; but do not wait for that day."""
        if self._task is not None:
            self._task.uncancel()
        try:
            async with asyncio.timeout(_PARTING):
                await self._send(
                    {"type": "websocket.close", "code": TRY_AGAIN, "reason": "read faster, then try again"}
                )
        except (OSError, TimeoutError):
            if self._abort is not None:
                self._abort()


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", ())}
