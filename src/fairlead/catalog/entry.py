"""What all things in a catalog have in common: a function, how it is run, and whether it is switched on."""

from collections.abc import Callable
from typing import Any, Literal

Kind = Literal["async", "sync", "quick", "async_generator", "generator"]
"""How a function is run: awaited, in a thread, inline, or step by step with its steps as progress."""


class Entry:
    """A named function. `position` is its place in the order of registration, which lists keep."""

    __slots__ = ("context", "enabled", "function", "kind", "name", "position", "tags")

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        kind: Kind,
        *,
        context: str | None = None,
        tags: frozenset[str] = frozenset(),
    ):
        self.name = name
        self.function = function
        self.kind = kind
        self.context = context
        self.enabled = True
        self.position = -1
        self.tags = tags


class Progress:
    """What a generator yields to tell how far it is: `yield Progress(3, 10, "copying")`."""

    __slots__ = ("done", "message", "total")

    def __init__(self, done: float, total: float | None = None, message: str | None = None):
        self.done = done
        self.total = total
        self.message = message
