"""When a call becomes a task, and what is asked of tasks afterwards: `tasks/get`, `tasks/update`, `tasks/cancel`.

The server decides, by the rule of each tool; a client that has not declared the extension with this very request is
never answered with a task. Where no more tasks can be kept, a tool that can do without runs as any other.
"""

from typing import TYPE_CHECKING

from fairlead.catalog import Tool
from fairlead.errors import MISSING_CAPABILITY, PeerError
from fairlead.kernel import answers
from fairlead.kernel.call import Call
from fairlead.kernel.effects import Deliver, Effect, Send, Stop, Watch
from fairlead.kernel.listening import MOST
from fairlead.spec.params import UNSET, CallTool, Wanted
from fairlead.spec.tasks import EXTENSION, REQUIRED, NamedTask, TaskRule, UpdateTask
from fairlead.wire import encode

if TYPE_CHECKING:
    from fairlead.kernel.server import ServerSession
    from fairlead.kernel.tasks import Job, Tasks


def offered(session: "ServerSession") -> bool:
    """Whether this server has tasks at all: it keeps them, and some tool allows them."""
    return session.tasks is not None and session.terms.catalog.defers


def declared(call: Call) -> bool:
    """Whether the client takes tasks, by this request alone."""
    extensions = call.capabilities.get("extensions") if call.stateless else None
    return isinstance(extensions, dict) and isinstance(extensions.get(EXTENSION), dict)


def rule(call: Call) -> TaskRule | None:
    """How the call may become a task; None where it may not."""
    entry = call.entry
    return entry.task if isinstance(entry, Tool) and offered(call.session) and declared(call) else None


# Before and while a tool runs.


def check(call: Call, tool: Tool) -> str | None:
    """What to tell a client that cannot call this tool since it takes no tasks; None where it can.

    Raises PeerError: -32021 in the stateless era, busy where the tool must be a task and no more can be kept.
    """
    if tool.task is None or not tool.task.required:
        return None
    text = f"{call.name!r} runs as a task alone, and this request did not declare {EXTENSION}."
    if not call.stateless:
        return f"{text} It takes a client that speaks MCP 2026-07-28 or later."
    if not declared(call):
        raise PeerError(MISSING_CAPABILITY, text, data={"requiredCapabilities": REQUIRED})
    _table(call).check_room()
    return None


def at_once(call: Call, tool: Tool, params: CallTool, now: float) -> list[Effect]:
    """The answer to a call that is a task from its start; nothing where it runs as any other.

    A retry goes on with what ran as no task before, so it is none either.
    """
    if tool.task is None or not tool.task.at_once or params.request_state is not UNSET:
        return []
    frame = detach(call, now)
    return [] if frame is None else [Send(frame, call)]


def detach(call: Call, now: float, message: str | None = None) -> bytes | None:
    """The frame that answers a call in flight with a task; from then on it belongs to no conversation.

    None where it cannot be one. Raises PeerError (busy) where it must be one and no more can be kept.
    """
    terms, kept = call.session.terms, rule(call)
    if kept is None or call.ended or call.parked or call.job is not None:
        return None
    ttl = terms.task_ttl if kept.ttl is None else kept.ttl
    try:
        job = _table(call).open(call, now, ttl=ttl, poll=terms.task_poll, message=message)
    except PeerError:
        if kept.required:
            raise
        return None
    call.session.calls.pop(call.id, None)
    frame = encode.result(call.id, {"resultType": "task", "_meta": terms.server_meta, **job.brief()})
    if call.questions:
        _table(call).ask(job, now)  # Asked side by side with this; the answer to the call never holds questions.
    return frame


# What is asked afterwards.


def get(call: Call, params: NamedTask, now: float) -> list[Effect]:
    """How the task is."""
    return call.session.answer(call, answers.complete(call, _find(call, params.task_id, now).detail()))


def update(call: Call, params: UpdateTask, now: float) -> list[Effect]:
    """Answers to the task's questions. Keys that are not open mean nothing."""
    job = _find(call, params.task_id, now)
    working = job.call
    given = {key: answer for key, answer in params.input_responses.items() if answer is not None}
    mine = _table(call).answer(job, given, now)
    effects = call.session.answer(call, answers.complete(call, {}))
    return [Deliver(working, mine), *effects] if mine and working is not None else effects


def cancel(call: Call, params: NamedTask, now: float) -> list[Effect]:
    """End the task. One that is over stays as it is."""
    job = _find(call, params.task_id, now)
    stopped = _table(call).cancel(job, now)
    effects = call.session.answer(call, answers.complete(call, {}))
    return effects if stopped is None else [Stop(stopped), *effects]


def watch(call: Call, wanted: Wanted, now: float) -> "list[Job]":
    """The tasks that a listen request hears of: those of the named ones that are the caller's own.

    Raises PeerError (-32021) where the client has not declared the extension.
    """
    asked = wanted.task_ids
    if not isinstance(asked, list) or not offered(call.session):
        return []
    _check_declared(call)
    found = []
    for id in dict.fromkeys(asked[:MOST]):
        try:
            found.append(_find(call, id, now))
        except PeerError:
            continue  # The acknowledgement names the others.
    return found


def opening(call: Call, jobs: "list[Job]") -> list[Effect]:
    """How the watched tasks are when the watch begins, so that nothing is missed between asking and listening."""
    if not jobs:
        return []
    return [Watch(call), *(job.watch(call) for job in jobs)]


def _find(call: Call, id: str, now: float) -> "Job":
    _check_declared(call)
    return _table(call).find(id, call.principal, now)


def _table(call: Call) -> "Tasks":
    tasks = call.session.tasks
    if tasks is None:
        raise TypeError("this session keeps no tasks, so that it can have offered none")
    return tasks


def _check_declared(call: Call) -> None:
    if not declared(call):
        raise PeerError(
            MISSING_CAPABILITY,
            f"{call.request.method} needs {EXTENSION}, which this request did not declare.",
            data={"requiredCapabilities": REQUIRED},
        )
