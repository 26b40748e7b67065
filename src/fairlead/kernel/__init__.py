"""What each message means: one peer's conversation without I/O."""

from fairlead.kernel.call import Call
from fairlead.kernel.effects import Deliver, Effect, Resume, Run, Send, Settle, Stop, Tell, Watch
from fairlead.kernel.parking import Parking
from fairlead.kernel.server import ServerSession
from fairlead.kernel.tasks import Job, Tasks
from fairlead.kernel.terms import Terms

__all__ = [
    "Call",
    "Deliver",
    "Effect",
    "Job",
    "Parking",
    "Resume",
    "Run",
    "Send",
    "ServerSession",
    "Settle",
    "Stop",
    "Tasks",
    "Tell",
    "Terms",
    "Watch",
]
