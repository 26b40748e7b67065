"""Tasks of the extension `io.modelcontextprotocol/tasks`: calls that were answered with a promise.

A table of jobs, one for each such call: who may ask for it, how far it is, what came of it, when it is forgotten.
What follows what is data (`spec.tasks.MOVES`); what comes after the end of a job changes nothing, since the end of
the work and its cancellation may cross. Time enters as a number; nothing here runs, waits or sends.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from fairlead.errors import BUSY, INVALID_PARAMS, TIMED_OUT, PeerError
from fairlead.kernel.call import Call
from fairlead.kernel.effects import Send
from fairlead.spec.params import SUBSCRIPTION_ID, UNSET, Unset
from fairlead.spec.tasks import ENDS, Status
from fairlead.wire import encode

LONGEST_MESSAGE: Final = 1000
"""Characters of a status message that are told; the rest is cut off."""


_TOO_LATE: Final = PeerError(TIMED_OUT, "The task took longer than it may be kept.")


class _Outcome(msgspec.Struct):
    """Of a frame that answers a request, what is worth keeping."""

    result: msgspec.Raw | Unset = UNSET
    error: msgspec.Raw | Unset = UNSET


class _Reason(msgspec.Struct):
    message: str = ""


_read_outcome = msgspec.json.Decoder(_Outcome).decode
_read_reason = msgspec.json.Decoder(_Reason).decode


class Job:
    """One call that is a task. Named so because the word for what runs it is taken."""

    __slots__ = (
        "call",
        "created",
        "expires",
        "frame",
        "id",
        "message",
        "outcome",
        "poll",
        "principal",
        "questions",
        "status",
        "told",
        "updated",
        "watchers",
    )

    def __init__(self, call: Call, now: float, *, ttl: float, poll: float, message: str | None):
        self.id = call.session.terms.mark + secrets.token_urlsafe(24)
        self.call: Call | None = call
        self.principal = call.principal
        self.status: Status = "working"
        self.message = message
        self.created = self.updated = now
        self.expires = now + ttl
        self.poll = poll
        self.told = now
        """When its watchers were last told."""

        self.frame: bytes | None = None
        """What would have answered the call, once its function has ended."""

        self.questions: msgspec.Raw | None = None
        self.outcome: msgspec.Raw | None = None
        self.watchers: list[Call] = []
        """Listen requests that want to hear of it."""

    @property
    def over(self) -> bool:
        """Whether nothing can follow."""
        return self.status in ENDS

    def brief(self) -> dict[str, Any]:
        """What every message about the task says."""
        told: dict[str, Any] = {"taskId": self.id, "status": self.status}
        if self.message:
            told["statusMessage"] = self.message
        return {
            **told,
            "createdAt": _date(self.created),
            "lastUpdatedAt": _date(self.updated),
            "ttlMs": max(1, round((self.expires - self.created) * 1000)),
            "pollIntervalMs": max(1, round(self.poll * 1000)),
        }

    def detail(self) -> dict[str, Any]:
        """What `tasks/get` says: the open questions of a task that waits, the outcome of one that is over."""
        told = self.brief()
        match self.status:
            case "input_required":
                told["inputRequests"] = self.questions
            case "completed":
                told["result"] = self.outcome
            case "failed":
                told["error"] = self.outcome
        return told

    def watch(self, watcher: Call) -> Send:
        """A listen request wants to hear of the task: the frame that tells it how things are now."""
        self.watchers = [*(call for call in self.watchers if not call.ended), watcher]
        return self.news_for(watcher)

    def news(self) -> list[Send]:
        """The frames that tell each watcher how the task is; who no longer listens is forgotten."""
        self.watchers = [call for call in self.watchers if not call.ended]
        return [self.news_for(call) for call in self.watchers]

    def news_for(self, watcher: Call) -> Send:
        """The frame that tells one listen request how the task is."""
        params = {"_meta": {SUBSCRIPTION_ID: watcher.id}, **self.detail()}
        return Send(encode.notification("notifications/tasks", params), watcher)


class Tasks:
    """The jobs of a server, bounded in number and in the bytes of their outcomes. One for all sessions."""

    def __init__(self, *, most: int, most_bytes: int):
        self._most = most
        self._most_bytes = most_bytes
        self._jobs: dict[str, Job] = {}
        self._bytes = 0
        self._listener: Callable[[Job], None] = _nobody

    def __len__(self) -> int:
        return len(self._jobs)

    def listen(self, listener: Callable[[Job], None]) -> None:
        """Call `listener(job)` whenever a job begins, changes or has news. There is one listener."""
        self._listener = listener

    def check_room(self) -> None:
        """Raises PeerError (busy) where no more tasks can be kept."""
        if len(self._jobs) >= self._most:
            raise PeerError(BUSY, f"{self._most} tasks are kept already.", data={"limit": self._most})
        if self._bytes >= self._most_bytes:
            limit = {"limit": self._most_bytes}
            raise PeerError(BUSY, f"{self._bytes} bytes of results wait to be fetched already.", data=limit)

    def open(self, call: Call, now: float, *, ttl: float, poll: float, message: str | None = None) -> Job:
        """A new job: from now on it can be asked for. Raises PeerError (busy) where no more can be kept."""
        self.check_room()
        job = Job(call, now, ttl=ttl, poll=poll, message=_cut(message))
        self._jobs[job.id] = job
        call.job = job
        self._listener(job)
        return job

    def find(self, id: str, principal: str | None, now: float) -> Job:
        """The caller's own job. PeerError (-32602) for one that never was, is another's, or is no longer kept."""
        job = self._jobs.get(id)
        if job is None or job.principal != principal or job.expires <= now:
            raise PeerError(
                INVALID_PARAMS,
                "You have no task with this id: it never was, or it is no longer kept.",
                data={"errorCode": "TASK_NOT_FOUND", "next": "Call the tool again to begin a new task."},
            )
        return job

    # What becomes of a job.

    def ask(self, job: Job, now: float) -> None:
        """Its call has open questions, or one less. Raises TypeError or ValueError for what JSON cannot hold."""
        call = job.call
        if job.over or call is None:
            return
        if call.questions:
            job.questions = msgspec.Raw(encode.encode(call.questions))
            self._move(job, "input_required", now)
        else:
            job.questions = None
            self._move(job, "working", now)

    def answer(self, job: Job, answers: dict[str, Any], now: float) -> dict[str, Any]:
        """Which of `answers` belong to open questions of the job; those are closed. The others mean nothing."""
        if job.status != "input_required" or job.call is None:
            return {}
        mine = job.call.answered(answers)
        if mine:
            self.ask(job, now)
        return mine

    def note(self, job: Job, message: str | None, now: float) -> None:
        """How far it is. Watchers are told of this at most once in a poll interval: who polls sees it anyway."""
        if job.over or not message:
            return
        job.message, job.updated = _cut(message), now
        if now - job.told >= job.poll:
            job.told = now
            self._listener(job)

    def settle(self, job: Job, now: float) -> None:
        """Its call has ended with `job.frame`: a result completes the task, an error fails it."""
        if job.over or job.frame is None:
            return
        read = _read_outcome(job.frame)
        status: Status = "completed"
        job.message = None
        if read.result is not UNSET:
            job.outcome = read.result
        elif read.error is not UNSET:
            status, job.outcome = "failed", read.error
            job.message = _cut(_read_reason(read.error).message)
        self._bytes += len(job.frame)
        self._move(job, status, now)

    def cancel(self, job: Job, now: float) -> Call | None:
        """The call to be stopped; None where there is nothing to stop."""
        call = job.call
        if job.over or call is None:
            return None
        call.ended = True
        job.message = None
        self._move(job, "cancelled", now)
        return call

    def next_expiry(self) -> float | None:
        """When `expire` is to be called next; None while there is no job."""
        return min((job.expires for job in self._jobs.values()), default=None)

    def expire(self, now: float) -> list[Call]:
        """Forget the jobs whose time is over. Those that still run fail; their calls are returned, to be stopped."""
        late = [job for job in self._jobs.values() if job.expires <= now]
        calls = self._forget(late)
        for job in late:
            if not job.over:
                job.message = _TOO_LATE.message
                job.outcome = msgspec.Raw(encode.encode(_TOO_LATE.describe()))
                self._move(job, "failed", now)
        return calls

    def clear(self) -> list[Call]:
        """Forget all, when the server goes away."""
        return self._forget(list(self._jobs.values()))

    def running(self) -> int:
        """Jobs that work; those that wait for their users are not among them."""
        return sum(job.status == "working" for job in self._jobs.values())

    def _forget(self, jobs: list[Job]) -> list[Call]:
        for job in jobs:
            del self._jobs[job.id]
            if job.outcome is not None and job.frame is not None:
                self._bytes -= len(job.frame)
        return [job.call for job in jobs if job.call is not None]

    def _move(self, job: Job, status: Status, now: float) -> None:
        job.status = status
        job.updated = job.told = now
        if job.over:
            job.call, job.questions = None, None
        self._listener(job)


def _cut(message: str | None) -> str | None:
    return None if message is None else message[:LONGEST_MESSAGE]


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _nobody(job: Job) -> None:
    """Nobody listens yet."""
