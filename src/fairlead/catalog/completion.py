"""Completion: functions that propose values while an argument is typed."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from fairlead.catalog.entry import Entry, Kind
from fairlead.catalog.parameters import kind_of
from fairlead.errors import UsageError

MOST = 100
"""Values in one answer, as the protocol has it."""


class Completion(Entry):
    """Proposes values for one argument of one prompt or resource template."""

    __slots__ = ("argument", "target", "takes_settled")

    def __init__(self, target: str, argument: str, function: Callable[..., Any]):
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) not in (1, 2):
            raise UsageError(
                f"A completion takes the text typed so far, and perhaps the arguments already settled; "
                f"{function!r} takes {len(parameters)} parameters."
            )
        kind: Kind = "async" if kind_of(function) == "async" else "sync"
        super().__init__(f"{target}:{argument}", function, kind)
        self.target = target
        self.argument = argument
        self.takes_settled = parameters if len(parameters) > 1 else parameters[:1]

    def arguments(self, typed: str, settled: dict[str, str]) -> dict[str, Any]:
        """The function's keyword arguments."""
        return dict(zip(self.takes_settled, (typed, settled), strict=False))

    def conclude(self, value: Iterable[str] | None) -> dict[str, Any]:
        """At most 100 values, and how many there are in all."""
        values = [str(one) for one in value or ()]
        return {"completion": {"values": values[:MOST], "total": len(values), "hasMore": len(values) > MOST}}
