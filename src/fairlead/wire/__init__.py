"""Bytes to JSON-RPC messages and back, with limits; no opinion about what a method means."""

from fairlead.wire.decode import decode, find_id
from fairlead.wire.limits import Limits
from fairlead.wire.message import Failure, Message, Notification, Request, Response

__all__ = ["Failure", "Limits", "Message", "Notification", "Request", "Response", "decode", "find_id"]
