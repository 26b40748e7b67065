"""Hearing of changes for as long as somebody wants to, over lines that come and go.

In the stateless era a request (`subscriptions/listen`) stands open for it and is made anew on every line; in the
handshake era the server tells of lists by itself, and of resources that are subscribed to.
"""

import asyncio
import logging
import random
from typing import Any

from fairlead.connect.lifeline import Lifeline
from fairlead.errors import ConnectionLost, FairleadError, RequestTimeout

logger = logging.getLogger("fairlead")


class Listening:
    """One open listen request, and the task that keeps it open."""

    def __init__(self, lifeline: Lifeline, wanted: dict[str, Any]):
        self._lifeline = lifeline
        self._wanted = wanted
        self._heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    async def begin(self, *, within: float | None) -> None:
        """Ask, and wait until the server has taken it up. Raises CallError, ConnectionLost, RequestTimeout."""
        self._task = asyncio.create_task(self._keep())
        try:
            done, _ = await asyncio.wait([self._heard], timeout=within)
            if not done:
                raise RequestTimeout(f"The server did not take subscriptions/listen up within {within} s.")
            self._heard.result()
        except BaseException:
            await self.end()  # Whatever ended it, cancellation too: nobody listens in vain.
            raise

    async def end(self) -> None:
        """Hear no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _keep(self) -> None:
        try:
            while True:
                conversation = await self._lifeline.conversation()
                try:
                    await conversation.request(
                        "subscriptions/listen", {"notifications": self._wanted}, acknowledged=self._acknowledge
                    )
                except ConnectionLost:
                    if not self._lifeline.reconnects:
                        raise
                if not conversation.ended:
                    await asyncio.sleep(random.uniform(0.5, 1.5))  # The server ended it, and goes on without us.
        except FairleadError as fault:
            if self._heard.done():
                logger.warning("Changes of the server are heard no more: %s", fault)
            else:
                self._heard.set_exception(fault)

    def _acknowledge(self) -> None:
        if not self._heard.done():
            self._heard.set_result(None)
