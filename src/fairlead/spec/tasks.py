"""The extension `io.modelcontextprotocol/tasks` as data: its name, the states of a task, what its methods take.

A server answers a call of a tool with a task instead of a result; the client asks for the task until it has ended.
Refuses nothing: what may follow what is a table, which the kernel keeps to.
"""

from typing import Any, Final, Literal

import msgspec

from fairlead.spec.params import Params

EXTENSION: Final = "io.modelcontextprotocol/tasks"
REQUIRED: Final[dict[str, Any]] = {"extensions": {EXTENSION: {}}}
"""The capabilities of a client that can be answered with a task."""

Status = Literal["working", "input_required", "completed", "failed", "cancelled"]

MOVES: Final[dict[Status, frozenset[Status]]] = {
    "working": frozenset({"input_required", "completed", "failed", "cancelled"}),
    "input_required": frozenset({"working", "completed", "failed", "cancelled"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
"""What may follow each state; nothing follows the last three."""

ENDS: Final = frozenset(status for status, following in MOVES.items() if not following)


class TaskRule(msgspec.Struct, frozen=True, kw_only=True):
    """How calls of one tool become tasks, where the client can take one."""

    required: bool = False
    """Whether a client that cannot take a task is refused. Otherwise it waits for the result, as with any tool."""

    at_once: bool = True
    """Whether the call is a task from its start. Otherwise it becomes one where its function says so."""

    ttl: float | None = None
    """Seconds for which a task is kept, from its start; None for the server's own."""


class NamedTask(Params, gc=False, kw_only=True):
    """tasks/get and tasks/cancel"""

    task_id: str = msgspec.field(name="taskId")


class UpdateTask(NamedTask, gc=False, kw_only=True):
    """tasks/update"""

    input_responses: dict[str, dict[str, Any] | None] = msgspec.field(name="inputResponses")
