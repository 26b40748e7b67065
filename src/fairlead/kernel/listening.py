"""What a peer wants to hear of: subscriptions of the handshake era, and open listen requests of the stateless one."""

from collections.abc import Sequence
from typing import Any

from fairlead.kernel.call import Call
from fairlead.kernel.effects import Send
from fairlead.spec.methods import LIST_CHANGED
from fairlead.spec.params import SUBSCRIPTION_ID, Wanted
from fairlead.wire import encode

MOST = 1000
"""Resources that one peer may subscribe to: a bound on memory, far past what a client shows."""


class Listener:
    """One open `subscriptions/listen`."""

    __slots__ = ("call", "kinds", "tasks", "uris")

    def __init__(self, call: Call, wanted: Wanted, tasks: Sequence[str] = ()):
        self.call = call
        self.tasks = list(tasks)
        asked = {
            "tools": wanted.tools_list_changed,
            "prompts": wanted.prompts_list_changed,
            "resources": wanted.resources_list_changed,
        }
        self.kinds = frozenset(kind for kind, on in asked.items() if on is True)
        uris = wanted.resource_subscriptions
        self.uris = frozenset(uris) if isinstance(uris, list) else frozenset()

    def meta(self) -> dict[str, Any]:
        """The mark that every message to this listener carries."""
        return {SUBSCRIPTION_ID: self.call.id}

    def granted(self) -> dict[str, Any]:
        """What the listener will hear of, as its acknowledgement says it."""
        told: dict[str, Any] = {f"{kind}ListChanged": True for kind in sorted(self.kinds)}
        if self.uris:
            told["resourceSubscriptions"] = sorted(self.uris)
        if self.tasks:
            told["taskIds"] = self.tasks
        return told


class Listening:
    """All that one peer listens to."""

    def __init__(self) -> None:
        self.uris: set[str] = set()
        """Subscribed in the handshake era."""

        self.listeners: dict[int | str, Listener] = {}

    def open(self, call: Call, wanted: Wanted, tasks: Sequence[str] = ()) -> bytes:
        """Begin to listen, also to `tasks`; returns the acknowledgement, which goes out first."""
        listener = self.listeners[call.id] = Listener(call, wanted, tasks)
        return encode.notification(
            "notifications/subscriptions/acknowledged",
            {"_meta": listener.meta(), "notifications": listener.granted()},
        )

    def remove(self, id: int | str) -> None:
        """Stop listening, if this was a listen request."""
        self.listeners.pop(id, None)

    def changed(self, kind: str, *, handshake: bool) -> list[Send]:
        """The frames that tell of a changed list."""
        method = LIST_CHANGED[kind]
        frames = [Send(encode.notification(method))] if handshake else []
        frames += [
            Send(encode.notification(method, {"_meta": listener.meta()}), listener.call)
            for listener in self.listeners.values()
            if kind in listener.kinds
        ]
        return frames

    def updated(self, uri: str, *, handshake: bool) -> list[Send]:
        """The frames that tell of a changed resource."""
        method = "notifications/resources/updated"
        frames = [Send(encode.notification(method, {"uri": uri}))] if handshake and uri in self.uris else []
        frames += [
            Send(encode.notification(method, {"_meta": listener.meta(), "uri": uri}), listener.call)
            for listener in self.listeners.values()
            if uri in listener.uris
        ]
        return frames
