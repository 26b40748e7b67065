"""What Fairlead has promised, as data, and whether a run kept it.

It refuses to call a goal met that was not measured, and compares with the best row of a peer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench.results import Results

_SDK_HTTP = ("sdk", "sdk-handshake")
_FASTMCP_HTTP = ("fastmcp", "fastmcp-handshake")


@dataclass(frozen=True)
class Goal:
    """A bound on a figure. `at_least` says on which side of the limit the figure must be."""

    title: str
    limit: float
    unit: str
    at_least: bool
    figure: Callable[[Results], float]


@dataclass(frozen=True)
class Verdict:
    """A goal beside what was seen; `seen` is None where nothing was, and `text` says why."""

    goal: Goal
    seen: float | None
    text: str


def _times(scenario: str, left: str, peers: tuple[str, ...]) -> Callable[[Results], float]:
    def figure(results: Results) -> float:
        return min(results.ratio(scenario, "calls_per_second", left, peer) for peer in peers)

    return figure


def _slower(scenario: str, left: str, right: str) -> Callable[[Results], float]:
    return lambda results: results.ratio(scenario, "p50_us", left, right)


def _probe(name: str) -> Callable[[Results], float]:
    return lambda results: results.reading(name)


_OVER_WEBSOCKET = (("fairlead", "handshake"), ("fairlead-stateless", "stateless"))
_OVER_HTTP = (("fairlead-http-handshake", "handshake"), ("fairlead-http", "stateless"))


def _for_both_eras(
    title: str, limit: float, peers: tuple[str, ...], ours: tuple[tuple[str, str], ...] = _OVER_WEBSOCKET
) -> tuple[Goal, ...]:
    return tuple(Goal(f"{title}, {era} era", limit, "×", True, _times("many", left, peers)) for left, era in ours)


GOALS: tuple[Goal, ...] = (
    *_for_both_eras("calls/s over WebSocket, 16 × 4, to the bare echo", 0.75, ("echo",)),
    *_for_both_eras("calls/s, 16 × 4, to the official SDK's Streamable HTTP", 20, _SDK_HTTP),
    *_for_both_eras("calls/s, 16 × 4, to FastMCP's Streamable HTTP", 50, _FASTMCP_HTTP),
    *_for_both_eras("calls/s over HTTP, 64 × 1, to the bare echo over HTTP", 0.6, ("echo-http",), _OVER_HTTP),
    *_for_both_eras("calls/s over HTTP, 64 × 1, to the official SDK", 7, _SDK_HTTP, _OVER_HTTP),
    *_for_both_eras("calls/s over HTTP, 64 × 1, to FastMCP", 18, _FASTMCP_HTTP, _OVER_HTTP),
    Goal("median time, one in flight, to the bare echo", 1.3, "×", False, _slower("one", "fairlead", "echo")),
    # "No slower than with one tool", within what two runs of the same server differ by.
    Goal(
        "calls/s with 1,000 tools, 16 × 4, to one with two",
        0.95,
        "×",
        True,
        _times("many", "fairlead-1000", ("fairlead",)),
    ),
    Goal("`import fairlead`", 150, "ms", False, _probe("fairlead-import")),
    Goal("optional packages loaded by it", 0, "", False, _probe("fairlead-extras")),
    Goal("stdio, start to first answer", 400, "ms", False, _probe("fairlead-stdio")),
    Goal("an idle connection", 24, "KiB", False, _probe("fairlead-idle")),
)


def judge(results: Results) -> list[Verdict]:
    """Every goal with its verdict."""
    return [_judge(goal, results) for goal in GOALS]


def _judge(goal: Goal, results: Results) -> Verdict:
    try:
        seen = goal.figure(results)
    except ValueError as reason:
        return Verdict(goal, None, f"not measured ({reason})")
    short = goal.limit - seen if goal.at_least else seen - goal.limit
    if short <= 0:
        return Verdict(goal, seen, "met")
    by = f"{short / goal.limit:.0%}" if goal.limit else f"{short:g}"
    return Verdict(goal, seen, f"**missed** by {by}")
