"""One socket that we open and serve on: the catalog for whoever waits at its other end.

A line that breaks is opened again, with full jitter from half a second to thirty; each line is a conversation of its
own. Speaks as the far sides of today's relays want it: one line of JSON in a frame, with its end; answers without an id
are let pass. Stops where trying again changes nothing, and says why. What it says of an address is its host and path
alone: the rest may be a token.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fairlead.connect.credentials import Credentials
from fairlead.connect.lifeline import POLICY, STOP, Backoff
from fairlead.connect.line import ConnectError
from fairlead.errors import SHUTTING_DOWN, ConnectionLost, LineError, PeerError, UsageError
from fairlead.serve.conversation import Conversation
from fairlead.serve.outbound import Inbox, Outbound, is_stray, sender
from fairlead.serve.outlet import Outlet
from fairlead.serve.station import Station
from fairlead.settings import Settings

logger = logging.getLogger("fairlead")

FOREIGN: Final = frozenset({POLICY, 4001, 4003})
"""Close codes that say that it is who we are that is not taken."""

REFUSED: Final = frozenset({401, 403})
"""Statuses after which nobody comes back. Others are mistakes of an address only where it has never worked."""

_PING_SECONDS: Final = 15.0
"""Between pings, and for a pong, at most: a half-open line is found in half a minute."""

_PARTING: Final = 3.0
"""Seconds that a far side which does not answer our close may hold us up."""


class Dial:
    """One outbound line, kept up from `begin` to `end`. Every method but `hang_up` is for the loop's own thread."""

    def __init__(self, url: str, credentials: Credentials, *, principal: str, backoff: Backoff | None = None):
        """`principal` is who the far side is to the tools. Raises UsageError for what cannot be dialled."""
        self.place = place_of(url)
        """Host and path: what may be told of the address."""

        self._url = url
        self._secrets = _secrets(url)
        self._credentials = credentials
        self._principal = principal
        self._backoff = backoff or Backoff()
        self._task: asyncio.Task[None] | None = None
        self._conversation: Conversation | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._was_up = False
        self._told = ""
        self.given_up: LineError | None = None
        """Why it is dialled no more; None while it is, and after an end that was asked for."""

        self.why = ""
        """The same in words, without what may be secret."""

        self.over: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"Dial({self.place!r}, {'up' if self.is_up else 'down'})"

    @property
    def is_up(self) -> bool:
        """Whether a line is open at this moment."""
        return self._conversation is not None

    def begin(self, station: Station, settings: Settings) -> None:
        """Dial, from now on. Begun already, it goes on as it is."""
        if self._task is None or self._task.done():
            self._loop = asyncio.get_running_loop()
            self.given_up, self.over = None, asyncio.Event()
            self._task = self._loop.create_task(self._keep(station, settings))

    async def end(self) -> None:
        """Tell the far side what it will not get, and close. Dials no more. Safe to call twice."""
        task = self._task
        if task is None:
            return
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PARTING):
                await self._take_leave()
        task.cancel()
        await asyncio.wait({task}, timeout=2 * _PARTING)

    def hang_up(self) -> None:
        """The same from any thread, without waiting for it."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            asyncio.run_coroutine_threadsafe(self.end(), loop)

    @property
    def is_refused(self) -> bool:
        """Whether it was given up for who we are: another token may help."""
        fault = self.given_up
        return getattr(fault, "status", None) in REFUSED or getattr(fault, "code", None) in FOREIGN

    # The line.

    async def _keep(self, station: Station, settings: Settings) -> None:
        try:
            await station.company.prepared()  # Or the first thing that the far side is told is that there is nothing.
            while True:
                try:
                    fault = await self._once(station, settings)
                except Exception as defect:  # noqa: BLE001 - the edge of the task: a token provider may raise anything
                    fault = LineError(f"{type(defect).__name__} was raised while it was dialled.")
                if self._is_final(fault):
                    self.given_up, self.why = fault, self._clean(fault)
                    logger.error("Dialling %s is given up: %s", self.place, self.why)
                    return
                if station.closing:
                    return
                self._tell(fault)
                await asyncio.sleep(self._backoff.next())
        finally:
            if self.over is not None:
                self.over.set()

    async def _once(self, station: Station, settings: Settings) -> LineError:
        """One line, from its beginning to its end. Returns why it ended."""
        line = Outbound(
            self._url,
            credentials=self._credentials,
            subprotocols=(),
            frame_bytes=settings.frame_bytes,
            ping_seconds=min(settings.ping_seconds, _PING_SECONDS),
        )
        inbox = Inbox(line)
        loop = asyncio.get_running_loop()
        try:
            try:
                await line.open(inbox)
            except ConnectError as fault:
                return fault
            since, self._was_up = loop.time(), True
            logger.info("Dialled %s.", self.place)
            lost = await self._talk(line, inbox, station, settings)
            if self._backoff.opened_for(loop.time() - since):
                self._credentials.accepted()
                self._told = ""
            return lost
        finally:
            try:
                async with asyncio.timeout(_PARTING):
                    await line.close()
            except TimeoutError:
                line.abort()

    async def _talk(self, line: Outbound, inbox: Inbox, station: Station, settings: Settings) -> ConnectionLost:
        session = station.session(principal=self._principal)
        outlet = Outlet(
            bound=settings.queued_bytes,
            stall=settings.stall_seconds,
            unsent=line.unsent,
            give_up=line.abort,
            loop=asyncio.get_running_loop(),
        )
        self._conversation = conversation = Conversation(station, session, sender(line, outlet))
        conversation.waiting = outlet.waiting
        try:
            while True:
                frame = await inbox.receive()
                if not is_stray(frame):
                    await conversation.receive(frame)
                    await outlet.room()
        except ConnectionLost as lost:
            return lost
        except OSError:
            return await inbox.end()  # An answer could not be sent any more: the line knows why.
        finally:
            self._conversation = None
            outlet.close()
            conversation.close()

    async def _take_leave(self) -> None:
        """Answer what is still in flight: far sides wait long for the answers of a socket that closed."""
        conversation = self._conversation
        if conversation is None:
            return
        session = conversation.session
        for call in list(session.calls.values()):
            told = {"retryable": False, "next": "The call may have had its effect: look before you repeat it."}
            frame = session.fail(call, PeerError(SHUTTING_DOWN, "This server went away under the call.", data=told))
            if call.task is not None:
                call.task.cancel()
            if frame is not None:
                await conversation.send(frame, call)

    # What is said of it.

    def _is_final(self, fault: LineError) -> bool:
        if isinstance(fault, ConnectError):
            return fault.final and (fault.status in REFUSED or not self._was_up)
        code = getattr(fault, "code", None)
        return code in STOP or (code == POLICY and not self._credentials.refused())

    def _tell(self, fault: LineError) -> None:
        """The first of a row of like failures is a warning, those behind it are noise."""
        text = self._clean(fault)
        level = logging.DEBUG if text == self._told else logging.WARNING
        self._told = text
        logger.log(level, "No line to %s: %s It is dialled again.", self.place, text)

    def _clean(self, fault: LineError) -> str:
        """Its text on one line, without what may be secret: a far side may repeat the token that it refuses."""
        text = "".join(letter if letter.isprintable() else " " for letter in str(fault))
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


def place_of(url: str) -> str:
    """Host, port and path of a WebSocket URL. Raises UsageError, which never repeats the address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("An address to dial cannot be read: it looks like wss://host/path.") from None
    if parts.scheme.lower() not in ("ws", "wss") or not parts.hostname:
        raise UsageError("An address to dial begins with ws:// or wss://, and names a host.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}{'' if port is None else f':{port}'}{parts.path}"


def _secrets(url: str) -> list[str]:
    parts = urlsplit(url)
    known = [parts.query, *(value for _, value in parse_qsl(parts.query)), parts.username, parts.password]
    return sorted((one for one in known if one and len(one) > 3), key=len, reverse=True)
