"""Frames of both eras in short, and a peer to say them: a session without a line, whose answers are decoded."""

import json
from typing import Any

from fairlead.catalog import Catalog, Completion
from fairlead.catalog.prompt import from_function as prompt
from fairlead.catalog.resource import from_function as resource
from fairlead.catalog.tool import from_function as tool
from fairlead.kernel import Call, Effect, Parking, Resume, Run, Send, ServerSession, Terms
from fairlead.spec import HANDSHAKE, STATELESS
from fairlead.spec.descriptors import Implementation

PREFIX = "io.modelcontextprotocol/"
MODERN = STATELESS[-1]
ALL = (*HANDSHAKE, *STATELESS)
SERVER = Implementation(
    name="harbour", version="1.2", title="The harbour", description="Ships", website_url="https://h"
)


def request(method: str, params: Any = None, id: Any = 1) -> bytes:
    """A request that carries no version: one of a handshake session."""
    return _frame({"id": id, "method": method}, params)


def modern(method: str, params: Any = None, id: Any = 1, *, capabilities: Any = None, token: Any = None, **more: Any):
    """A request of the stateless era. `more` are members of `_meta` by their last part; None leaves one out."""
    members = {"protocolVersion": MODERN, "clientCapabilities": capabilities or {}, **more}
    meta = {PREFIX + name: value for name, value in members.items() if value is not None}
    if token is not None:
        meta["progressToken"] = token
    return request(method, {**(params or {}), "_meta": meta}, id)


def of(version: str, method: str, params: Any = None, id: Any = 1) -> bytes:
    """The request as a client of `version` writes it."""
    return modern(method, params, id) if version in STATELESS else request(method, params, id)


def notice(method: str, params: Any = None) -> bytes:
    """A notification."""
    return _frame({"method": method}, params)


def cancel(id: Any) -> bytes:
    """The cancellation of request `id`."""
    return notice("notifications/cancelled", {"requestId": id, "reason": "enough"})


def batch(*frames: bytes) -> bytes:
    """Several messages in one frame."""
    return b"[" + b",".join(frames) + b"]"


def _frame(members: dict[str, Any], params: Any) -> bytes:
    message = {"jsonrpc": "2.0", **members}
    return json.dumps(message if params is None else {**message, "params": params}).encode()


def call_add(a: Any = 1, b: Any = 2) -> dict[str, Any]:
    """The params of a call of the tool that adds."""
    return {"name": "add", "arguments": {"a": a, "b": b}}


def harbour() -> Catalog:
    """A catalog with one of each; nothing in it is ever run here."""
    catalog = Catalog()

    def add(a: int, b: int = 0) -> int:
        """Add two numbers."""
        return a + b

    def ask(topic: str = "") -> str:
        """Ask the user something."""
        return topic

    def again(topic: str = "") -> str:
        """Ask the user something; may be run twice."""
        return topic

    def log_book() -> str:
        """What happened."""
        return ""

    def berth(number: int) -> str:
        """Who lies there."""
        return str(number)

    def greet(name: str, times: int = 1) -> str:
        """A greeting."""
        return name * times

    catalog.add_tool(tool(add))
    catalog.add_tool(tool(ask))
    catalog.add_tool(tool(again, replayable=True))
    catalog.add_resource(resource("harbour://log", log_book))
    catalog.add_resource(resource("harbour://berth/{number}", berth))
    catalog.add_prompt(prompt(greet))
    catalog.add_completion(Completion("greet", "name", lambda typed: [typed]))
    return catalog


def terms(**settings: Any) -> Terms:
    """What the server of these tests is to every peer."""
    return Terms(**{"server": SERVER, "catalog": harbour(), "secret": b"s" * 32, **settings})


def parking(**bounds: Any) -> Parking:
    """Room for suspended calls."""
    return Parking(b"s" * 32, **{"most": 8, "seconds": 60.0, **bounds})


class Peer:
    """A client on the other side of a session. `version` shakes hands at once."""

    def __init__(
        self,
        version: str | None = None,
        *,
        capabilities: Any = None,
        place: Parking | None = None,
        of_terms: Terms | None = None,
        principal: str | None = None,
        **settings: Any,
    ):
        self.place = place if place is not None else parking()
        self.session = ServerSession(of_terms or terms(**settings), self.place, principal=principal)
        self.effects: list[Effect] = []
        if version is not None and version not in STATELESS:
            self.shake(version, capabilities)

    def shake(self, version: str, capabilities: Any = None) -> dict[str, Any]:
        """The whole handshake; returns what the server said of itself."""
        params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": {"name": "boat"}}
        result = self.result(request("initialize", params, "hello"))
        assert self.say(notice("notifications/initialized")) == []
        return result

    def say(self, frame: bytes, now: float = 0.0) -> list[Any]:
        """What comes back for a frame; its effects are kept."""
        self.effects = self.session.receive(frame, now)
        return [json.loads(effect.frame) for effect in self.effects if isinstance(effect, Send)]

    def hear(self, frame: bytes, now: float = 0.0) -> Any:
        """The one message that answers a frame."""
        [message] = self.say(frame, now)
        return message

    def result(self, frame: bytes, now: float = 0.0) -> Any:
        """The result that answers a frame."""
        message = self.hear(frame, now)
        assert "error" not in message, message
        return message["result"]

    def error(self, frame: bytes, now: float = 0.0) -> Any:
        """The error that answers a frame."""
        message = self.hear(frame, now)
        assert "result" not in message, message
        return message["error"]

    def start(self, frame: bytes, now: float = 0.0) -> Call:
        """The call that a frame begins."""
        assert self.say(frame, now) == []
        [effect] = self.effects
        assert isinstance(effect, Run)
        return effect.call

    def resume(self, frame: bytes, now: float = 0.0) -> Resume:
        """The suspended call that a frame wakes, and the answers it brings."""
        assert self.say(frame, now) == []
        [effect] = self.effects
        assert isinstance(effect, Resume)
        return effect

    def finish(self, call: Call, value: Any) -> Any:
        """What goes out when the function of a call has returned."""
        return read(self.session.finish(call, value))

    def suspend(self, call: Call, now: float = 0.0) -> Any:
        """What goes out when a call asks its user something."""
        return read(self.session.suspend(call, now))


def read(frame: bytes | None) -> Any:
    """A frame as data."""
    return None if frame is None else json.loads(frame)
