"""A tool: a function, its description, and the two translations between JSON and Python.

Refuses a function whose arguments no JSON could fill (`UsageError` at registration, never at a call).
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from fairlead.catalog import outcome
from fairlead.catalog.context import Context
from fairlead.catalog.entry import Entry, Kind
from fairlead.catalog.signature import inspect_function
from fairlead.errors import UsageError
from fairlead.spec.content import BLOCKS
from fairlead.spec.descriptors import Icon, ToolDescriptor, ToolHints
from fairlead.spec.results import UNSET, ToolResult
from fairlead.spec.tasks import TaskRule

_CONTENT = (*BLOCKS, ToolResult)
_LONGEST_NAME = 128
"""What the specification allows; several clients stop at 64, which `fairlead lint` tells."""


class Reading(Protocol):
    """How a tool's arguments are read and its value is checked; functions have a Signature, foreign tools their own."""

    wrapped: bool

    def decode(self, raw: Any) -> dict[str, Any]:
        """JSON to keyword arguments; raises ArgumentError."""

    def check_result(self, value: Any) -> Any:
        """The value as it was declared; raises ResultError."""


class Tool(Entry):
    """One tool of the catalog."""

    __slots__ = ("descriptor", "in_headers", "reading", "replayable", "structured", "task")

    def __init__(
        self,
        descriptor: ToolDescriptor,
        function: Callable[..., Any],
        kind: Kind,
        reading: Reading,
        *,
        context: str | None = None,
        replayable: bool = False,
        task: TaskRule | None = None,
        tags: frozenset[str] = frozenset(),
    ):
        super().__init__(descriptor.name, function, kind, context=context, tags=tags)
        self.descriptor = descriptor
        self.reading = reading
        self.replayable = replayable
        self.task = task
        """How its calls become tasks; None: they never do."""

        self.in_headers: dict[tuple[str, ...], str] | None = None
        """Which arguments HTTP repeats in headers: the line reads that from the schema when it is first called."""

        self.structured = descriptor.output_schema is not UNSET

    def arguments(self, raw: Any) -> dict[str, Any]:
        """The keyword arguments in `raw` JSON. Raises ArgumentError with the path of what does not fit."""
        return self.reading.decode(raw)

    def conclude(self, value: Any) -> ToolResult:
        """The value that the function returned, as a result. Raises ResultError where it is not what was declared."""
        if not self.structured or isinstance(value, ToolResult):
            return outcome.result(value, structured=False, wrapped=False)
        value = self.reading.check_result(value)
        return outcome.result(value, structured=True, wrapped=self.reading.wrapped)


def from_function(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    title: str | None = None,
    description: str | None = None,
    hints: ToolHints | dict[str, Any] | None = None,
    icons: list[Icon] | None = None,
    meta: dict[str, Any] | None = None,
    output: bool = True,
    quick: bool = False,
    replayable: bool = False,
    extra: str = "forbid",
    task: str = "forbidden",
    task_ttl: float | None = None,
    task_at_once: bool = True,
    tags: set[str] | frozenset[str] = frozenset(),
) -> Tool:
    """A tool from a function's name, type hints and docstring; each can be said otherwise.

    `quick` runs a plain function inline instead of in a thread: for functions that return at once.
    `replayable` allows a call that asked its user something to be run again from the start with the
    recorded answers, after a restart or on another worker. `extra="ignore"` lets unknown arguments pass.

    `task="optional"` answers clients that know tasks at once with a task, which goes on when they have left, and
    lets the others wait; `"required"` refuses the others. The task is kept for `task_ttl` seconds. With
    `task_at_once=False` the call is an ordinary one until its function says `await ctx.detach()`.
    """
    signature = inspect_function(
        function,
        context_type=Context,
        content_types=_CONTENT,
        extra=extra,  # type: ignore[arg-type]
        output=output,
    )
    kind: Kind = signature.kind
    if quick:
        if kind != "sync":
            raise UsageError(f"quick=True is for plain functions; {function!r} is {kind}.")
        kind = "quick"
    given = description if description is not None else signature.description
    return Tool(
        ToolDescriptor(
            name=check_name(str(name or getattr(function, "__name__", ""))),
            title=title or UNSET,
            description=given or UNSET,
            input_schema=signature.input_schema,
            output_schema=signature.output_schema or UNSET,
            annotations=_hints(hints),
            icons=icons or UNSET,
            meta=meta or UNSET,
        ),
        function,
        kind,
        signature,
        context=signature.context,
        replayable=replayable,
        task=_task_rule(task, task_ttl, task_at_once, signature.context),
        tags=frozenset(tags),
    )


def check_name(name: str) -> str:
    """The name, if clients will take it: letters, digits, `_`, `-`, `.` and `/`. Raises UsageError otherwise."""
    plain = name.replace("_", "").replace("-", "").replace(".", "").replace("/", "")
    if not name or len(name) > _LONGEST_NAME or not (plain.isascii() and plain.isalnum()):
        raise UsageError(
            f"{name!r} cannot name a tool: use 1 to {_LONGEST_NAME} letters, digits, '_', '-', '.' or '/', "
            "and pass name=… if the function's own name does not fit."
        )
    return name


def _task_rule(task: str, ttl: float | None, at_once: bool, context: str | None) -> TaskRule | None:
    if task not in ("forbidden", "optional", "required"):
        raise UsageError(f"task={task!r} says nothing: a tool's task is 'forbidden', 'optional' or 'required'.")
    if task == "forbidden":
        return None
    if ttl is not None and not 0 < ttl < float("inf"):
        raise UsageError(f"task_ttl={ttl!r} keeps nothing: it is a number of seconds above 0.")
    if not at_once and context is None:
        raise UsageError("task_at_once=False is for functions that say ctx.detach(): give this one a Context.")
    return TaskRule(required=task == "required", at_once=at_once, ttl=ttl)


def _hints(hints: ToolHints | dict[str, Any] | None) -> ToolHints | msgspec.UnsetType:
    if hints is None:
        return UNSET
    if isinstance(hints, ToolHints):
        return hints
    camel = {_camel(key): value for key, value in hints.items()}
    if unknown := camel.keys() - set(ToolHints.__struct_encode_fields__):
        known = ", ".join(ToolHints.__struct_fields__)
        raise UsageError(f"There are no hints {sorted(unknown)}: a tool has {known}.")
    try:
        return msgspec.convert(camel, ToolHints)
    except msgspec.ValidationError as fault:
        raise UsageError(f"The hints of a tool are true, false or a title: {fault}") from None


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(part.capitalize() for part in rest)
