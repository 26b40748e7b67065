"""All outbound lines of a server: kept until the event loop runs, then dialled; and a process that has no other lines.

An address that is given while the server runs is dialled at once. Of several workers one alone dials what was given
before, or the far side would meet as many servers.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from fairlead.connect.credentials import Credentials, Provider
from fairlead.errors import LineError, UsageError
from fairlead.serve.dial import Dial
from fairlead.serve.station import Station
from fairlead.serve.threads import lend
from fairlead.settings import Settings

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class GivenUpError(LineError):
    """No far side will have us any more. `refused`: one of them does not take who we are."""

    def __init__(self, dials: list[Dial]):
        reasons = dict.fromkeys(f"{dial.place}: {dial.why}" for dial in dials)
        super().__init__(f"Nothing is dialled any more. {' '.join(reasons)}")
        self.refused = any(dial.is_refused for dial in dials)


class Dialling:
    """The dials of one server. Fulfils `station.Companion`."""

    def __init__(self, settings: Callable[[], Settings]):
        self.dials: list[Dial] = []
        self.muted = False
        """Whether what was given before the server runs is left to another worker."""

        self._settings = settings
        self._station: Station | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, url: str, *, headers: Mapping[str, str] | None, token: str | Provider | None) -> Dial:
        """One more line; it begins now if the others have. Safe from any thread. Raises UsageError."""
        principal = f"dialled-{len(self.dials) + 1}"
        dial = Dial(url, Credentials(headers, token), principal=principal)
        self.dials.append(dial)
        station, loop = self._station, self._loop
        if station is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(dial.begin, station, self._settings())
        return dial

    def begin(self, station: Station) -> None:
        """Dial all. On the loop's own thread."""
        self._station, self._loop = station, asyncio.get_running_loop()
        for dial in () if self.muted else self.dials:
            dial.begin(station, self._settings())

    async def end(self) -> None:
        """Close all, and dial no more until the next `begin`."""
        self._station = None
        await asyncio.gather(*(dial.end() for dial in self.dials))

    def run(self, station: Station) -> None:
        """Serve on these lines alone. Blocks; raises what `run_dialling` raises."""
        run_dialling([(station, self)], drain=self._settings().drain_seconds)

    async def over(self) -> None:
        """Returns when every dial was given up."""
        for dial in self.dials:
            if dial.over is not None:
                await dial.over.wait()


def run_dialling(servers: Iterable[tuple[Station, Dialling]], *, drain: float) -> None:
    """Serve on outbound lines alone until a signal ends it, or until none of them is dialled any more. Blocks.

    Raises UsageError where nothing is dialled, GivenUpError where every line was given up.
    """
    served = list(servers)
    if not any(dialling.dials for _, dialling in served):
        raise UsageError("There is nothing to dial: say where, with mcp.dial('wss://…').")
    asyncio.run(_serve(served, drain))
    dials = [dial for _, dialling in served for dial in dialling.dials]
    if all(dial.given_up is not None for dial in dials):
        raise GivenUpError(dials)


async def _serve(served: list[tuple[Station, Dialling]], drain: float) -> None:
    stop, at_once = asyncio.Event(), asyncio.Event()
    put_back = _heed_signals(stop, at_once)
    lend(asyncio.get_running_loop())
    for station, _ in served:
        station.open()
        station.wake("the start of the program")
    try:
        await _first(stop.wait(), _all_over(served))
        if stop.is_set():
            await _first(at_once.wait(), _drain(served, drain))
    finally:
        for station, _ in served:
            station.part()
            await station.rest()
            station.close()
        put_back()


async def _all_over(served: list[tuple[Station, Dialling]]) -> None:
    for _, dialling in served:
        await dialling.over()


async def _drain(served: list[tuple[Station, Dialling]], drain: float) -> None:
    await asyncio.gather(*(station.drain(drain) for station, _ in served))


async def _first(*given: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(one) for one in given]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _heed_signals(stop: asyncio.Event, at_once: asyncio.Event) -> Callable[[], None]:
    """The first signal drains, the second one ends at once. Returns what puts everything back."""
    loop = asyncio.get_running_loop()

    def heed(*_: object) -> None:
        def act() -> None:
            (at_once if stop.is_set() else stop).set()

        loop.call_soon_threadsafe(act)

    before = {}
    with suppress(ValueError):  # In a thread there are no signals: whoever began it ends it otherwise.
        before = {sign: signal.signal(sign, heed) for sign in _SIGNALS}

    def put_back() -> None:
        for sign, handler in before.items():
            signal.signal(sign, handler)

    return put_back
