"""Which loads are put on every server, as data. It refuses to know which server gets them."""

from dataclasses import dataclass

from bench.load.drive import Load
from bench.messages import ADD, BLOB, Call
from bench.subjects import Line


@dataclass(frozen=True)
class Scenario:
    """A call and how many of it are under way.

    HTTP has one call on a connection, so there the same number in flight takes more connections.
    """

    name: str
    title: str
    call: Call
    connections: int
    in_flight: int
    warm_up_seconds: float = 0.3

    def load(self, line: Line, seconds: float) -> Load:
        """The load this scenario puts on a server of that line."""
        connections, in_flight = self.connections, self.in_flight
        if line is Line.HTTP:
            connections, in_flight = connections * in_flight, 1
        return Load(self.call, connections, in_flight, seconds, self.warm_up_seconds)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("one", "add, one in flight", ADD, connections=1, in_flight=1),
    Scenario("many", "add, 16 × 4 in flight", ADD, connections=16, in_flight=4),
    Scenario("large", "1 MB result, one in flight", BLOB, connections=1, in_flight=1),
    Scenario("large-4", "1 MB result, 4 in flight", BLOB, connections=1, in_flight=4),
)
