"""What each message means: one peer's conversation without I/O."""

from fairlead.kernel.call import Call
from fairlead.kernel.effects import Effect, Resume, Run, Send, Settle, Stop, Tell
from fairlead.kernel.parking import Parking
from fairlead.kernel.server import ServerSession
from fairlead.kernel.terms import Terms

__all__ = ["Call", "Effect", "Parking", "Resume", "Run", "Send", "ServerSession", "Settle", "Stop", "Tell", "Terms"]
