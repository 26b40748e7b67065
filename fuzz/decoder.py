"""The decoder under fire: whatever comes in, a message or a `PeerError` comes out, soon, and no lie.

What passes is held against Python's own parser: the same id, the same method, no key of the envelope twice. What is
refused has a code of the table, and an id that can be sent back. Keeps no state between inputs.
"""

import json
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from fairlead.errors import CODES, PeerError
from fairlead.wire import Failure, Notification, Request, Response, decode, encode
from fuzz.mutations import invent

Frame = bytes | str
Decode = Callable[[Frame], Any]

SECONDS = 1.0
"""What one decoding may take, of the processor's time: a machine that does something else is no fault."""

CHUNK = 1_000
"""Inputs that share one source of randomness; the unit of work, so that the number of workers changes nothing."""

_KINDS = (Request, Notification, Response, Failure)
_ENVELOPE = ("jsonrpc", "id", "method", "params", "result", "error")


@dataclass
class Finding:
    """An input that did not end as promised."""

    frame: Frame
    why: str


@dataclass
class Report:
    """What became of some inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest: float = 0.0
    slowest_frame: Frame = b""

    def add(self, other: "Report") -> None:
        """Count those of another report in."""
        self.outcomes += other.outcomes
        self.findings += other.findings
        if other.slowest > self.slowest:
            self.slowest, self.slowest_frame = other.slowest, other.slowest_frame


def frames(seed: int, chunk: int, count: int) -> Iterator[Frame]:
    """The inputs of one chunk, the same each time."""
    random = Random(f"{seed}/{chunk}")
    for _ in range(count):
        yield invent(random)


def work(task: tuple[int, int, int]) -> Report:
    """One chunk: its seed, its number, how many inputs. Here, since a new process does not load `__main__`."""
    return feed(frames(*task))


def feed(inputs: Iterator[Frame], decoder: Decode = decode) -> Report:
    """Decode each input and look at what came of it."""
    report = Report()
    for frame in inputs:
        begun = time.thread_time()
        try:
            found = decoder(frame)
        except PeerError as refusal:
            found = refusal
        except Exception:  # noqa: BLE001 - whatever else is raised is what we look for
            found = None
            report.outcomes["another exception"] += 1
            report.findings.append(Finding(frame, traceback.format_exc()))
        took = time.thread_time() - begun
        if took > report.slowest:
            report.slowest, report.slowest_frame = took, frame
        if took > SECONDS:
            report.findings.append(Finding(frame, f"took {took:.2f} s"))
        if found is not None:
            report.outcomes[_outcome(found)] += 1
            report.findings += [Finding(frame, why) for why in _faults(frame, found)]
    return report


def _outcome(found: Any) -> str:
    if isinstance(found, PeerError):
        return f"{found.code} {'without' if found.id is None else 'with'} id"
    return "batch" if isinstance(found, list) else type(found).__name__.lower()


def _faults(frame: Frame, found: Any) -> Iterator[str]:
    try:
        if isinstance(found, PeerError):
            _judge_refusal(found)
        elif isinstance(found, list):
            _judge_batch(frame, found)
        else:
            _judge_message(_parse(frame), found)
    except Exception:  # noqa: BLE001 - a check that cannot be made has failed
        yield traceback.format_exc()


class _Members(dict[str, Any]):
    """An object that knows the keys that stood twice."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        self.keys_in_order = [key for key, _ in pairs]


def _parse(frame: Frame) -> Any:
    # A number with more digits than Python reads is refused for itself, not for the batch that it stands in.
    return json.loads(frame, object_pairs_hook=_Members, parse_int=_whole_number)


def _whole_number(text: str) -> int:
    return int(text) if len(text.lstrip("-")) <= 4_300 else 0


def _judge_refusal(refusal: PeerError) -> None:
    assert refusal.code in CODES, f"code {refusal.code}"
    assert refusal.id is None or type(refusal.id) in (int, str), f"id {refusal.id!r}"
    told = json.loads(encode.error(refusal))
    assert told.get("id") == refusal.id, "the id does not come back"


def _judge_batch(frame: Frame, found: list[Any]) -> None:
    parsed = _parse(frame)
    assert len(parsed) == len(found) <= 50, "members were lost"
    for value, member in zip(parsed, found, strict=True):
        if isinstance(member, PeerError):
            _judge_refusal(member)
        else:
            _judge_message(value, member)


def _judge_message(value: Any, message: Any) -> None:
    assert type(message) in _KINDS, f"a {type(message).__name__} came out"
    assert isinstance(value, _Members), "no object"
    assert value["jsonrpc"] == "2.0", "another version"
    repeated = [key for key in _ENVELOPE if value.keys_in_order.count(key) > 1]
    assert not repeated, f"{repeated} stood twice"
    if not isinstance(message, Notification):
        assert type(message.id) is type(value["id"]), "the id is of another type"
        assert message.id == value["id"], "the id is another"
        assert message.id is None or json.loads(encode.result(message.id, 0))["id"] == message.id
    assert getattr(message, "method", None) == value.get("method"), "the method is another"
    for part in ("params", "result", "data"):
        raw = getattr(message, part, None)
        if raw is not None:
            msgspec.json.decode(raw)  # Nothing is left inside that nobody could read.
