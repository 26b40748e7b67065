"""Runs a call in the task of its request, which has nothing else to do meanwhile: no task and no timer for most calls.

A call that takes a while gets a companion: a task that watches the reader, begins a stream when the silence is long,
and sends the answer in the end. Refuses calls that could say or ask anything before their answer.
"""

import asyncio
from collections.abc import Mapping

from fairlead.kernel import Call
from fairlead.serve.events import WATCH_AFTER, Responder
from fairlead.serve.reply import Reply
from fairlead.serve.sessions import HttpConversation


class Inline:
    """One such call, its reply, and its companion where it has one."""

    __slots__ = ("_call", "_companion", "_conversation", "_reply", "_respond", "_status", "_timer")

    def __init__(
        self,
        conversation: HttpConversation,
        call: Call,
        reply: Reply,
        respond: Responder,
        status: Mapping[int, int],
    ):
        self._conversation = conversation
        self._call = call
        self._reply = reply
        self._respond = respond
        self._status = status
        self._timer: asyncio.TimerHandle | None = None
        self._companion: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run the call and send what became of it. Raises ConnectionError where the reader has stopped reading."""
        try:
            frame = await self._conversation.run(self._call, self._paused)
            if self._timer is not None:
                self._timer.cancel()
            if self._companion is None and frame is not None and self._respond.takes_json:
                await self._respond.answer(frame, self._status)
                return
            if frame is not None and not self._reply.settled:
                self._reply.put(frame, last=True)
            if self._companion is None:
                await self._respond.reply(self._reply, status=self._status)
            else:
                await self._companion
        finally:
            self._end()

    def _paused(self) -> None:
        self._timer = self._conversation.loop.call_later(WATCH_AFTER, self._watch)

    def _watch(self) -> None:
        work = self._respond.reply(self._reply, status=self._status, watch_after=0)
        self._companion = self._conversation.loop.create_task(work)
        if self._conversation.store is None:
            self._companion.add_done_callback(self._left)

    def _left(self, companion: asyncio.Task[None]) -> None:
        """The companion has ended: before the answer it does so only when the reader is gone for good."""
        self._conversation.abandon(self._call)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._companion is not None:
            self._companion.cancel()
