"""What a session asks its line to do. The session does none of it itself."""

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from fairlead.kernel.call import Call


class Send(msgspec.Struct, gc=False):
    """Put this frame on the line. `about` is the call it belongs to, for lines with a stream per request."""

    frame: bytes
    about: "Call | None" = None


class Run(msgspec.Struct):
    """Run the call's entry with its arguments, then hand the outcome to `finish` or `fail`."""

    call: "Call"


class Stop(msgspec.Struct):
    """The caller no longer waits: end the call's task. Nothing more goes out for it."""

    call: "Call"


class Resume(msgspec.Struct):
    """A suspended call has its caller back, with answers by the keys of its questions."""

    call: "Call"
    answers: dict[str, Any]


class Deliver(msgspec.Struct):
    """Answers to questions of a task, by the keys of the questions."""

    call: "Call"
    answers: dict[str, Any]


class Watch(msgspec.Struct):
    """A listen request wants to hear of tasks: frames about it come from elsewhere than this session."""

    call: "Call"


class Settle(msgspec.Struct):
    """A question of ours has ended: with a value, or with the error to raise where it was asked."""

    id: int
    value: Any = None
    error: Exception | None = None


class Tell(msgspec.Struct):
    """The peer said something that an author may listen to (`initialized`, `roots/list_changed`, …)."""

    notice: str


class Asked(msgspec.Struct):
    """The server asks something of its client: the user, the model, the folders."""

    id: int | str
    method: str
    params: Any


class Heard(msgspec.Struct):
    """The server notified its client."""

    method: str
    params: Any


ClientEffect = Send | Settle | Asked | Heard
Effect = Send | Run | Stop | Resume | Deliver | Watch | Settle | Tell
