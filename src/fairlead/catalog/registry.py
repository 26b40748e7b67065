"""The catalog: what a server offers, in the order it was registered, and who is told when that changes.

Refuses two things under one name. Changing it while calls run is safe: a call keeps the entry it began with.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Literal, TypeVar

from fairlead.catalog import cursor
from fairlead.catalog.completion import Completion
from fairlead.catalog.entry import Entry
from fairlead.catalog.prompt import Prompt
from fairlead.catalog.resource import Resource
from fairlead.catalog.tool import Tool
from fairlead.errors import UsageError

E = TypeVar("E", bound=Entry)
ListKind = Literal["tools", "resources", "templates", "prompts"]
# A change to either list of resources is told by the same notification.
_TOLD: dict[str, str] = {"tools": "tools", "resources": "resources", "templates": "resources", "prompts": "prompts"}


class Shelf(Generic[E]):
    """One kind of entries by name, in order of registration."""

    def __init__(self, kind: ListKind, changed: Callable[[str], None]):
        self.kind = kind
        self._changed = changed
        self._entries: dict[str, E] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[E]:
        return iter(self._all())

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def _all(self) -> tuple[E, ...]:
        # In one step: a tool in a thread may change the shelf while the conversation reads it.
        return tuple(self._entries.values())

    def find(self, key: str) -> E | None:
        """The entry that is switched on under this name or URI, else None."""
        entry = self._entries.get(key)
        return entry if entry is not None and entry.enabled else None

    def add(self, key: str, entry: E) -> E:
        """Put an entry on the shelf. Raises UsageError where the name is taken."""
        if key in self._entries:
            raise UsageError(f"There is already one of the {self.kind} called {key!r}: remove it first, or rename one.")
        entry.position = self._next
        self._next += 1
        self._entries[key] = entry
        self._changed(_TOLD[self.kind])
        return entry

    def replace(self, key: str, entry: E) -> E:
        """Put an entry in the place of another one. Raises UsageError where there is none."""
        before = self._entries.get(key)
        if before is None:
            raise UsageError(f"None of the {self.kind} is called {key!r}.")
        entry.position, entry.enabled = before.position, before.enabled
        self._entries[key] = entry
        self._changed(_TOLD[self.kind])
        return entry

    def remove(self, key: str) -> E:
        """Take an entry off the shelf. Raises UsageError where there is none."""
        entry = self._entries.pop(key, None)
        if entry is None:
            raise UsageError(f"None of the {self.kind} is called {key!r}.")
        self._changed(_TOLD[self.kind])
        return entry

    def switch(self, key: str, on: bool) -> None:
        """Switch an entry on or off: off, it is neither listed nor callable. Raises UsageError where there is none."""
        entry = self._entries.get(key)
        if entry is None:
            raise UsageError(f"None of the {self.kind} is called {key!r}.")
        if entry.enabled != on:
            entry.enabled = on
            self._changed(_TOLD[self.kind])

    def page(self, secret: bytes, after: str | None, size: int) -> tuple[list[E], str | None]:
        """One page of what is switched on, and the cursor of the next. PeerError for a cursor of another list."""
        start = -1 if after is None else cursor.read(secret, self.kind, after)
        entries = [entry for entry in self._all() if entry.enabled and entry.position > start]
        if len(entries) <= size:
            return entries, None
        return entries[:size], cursor.mint(secret, self.kind, entries[size - 1].position)


class Catalog:
    """Everything that one server offers."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []
        self._followers: list[Callable[[str], None]] = []
        self._held: set[str] | None = None
        self.tools: Shelf[Tool] = Shelf("tools", self._tell)
        self.resources: Shelf[Resource] = Shelf("resources", self._tell)
        self.templates: Shelf[Resource] = Shelf("templates", self._tell)
        self.prompts: Shelf[Prompt] = Shelf("prompts", self._tell)
        self._completions: dict[tuple[str, str], Completion] = {}
        self.otherwise: Resource | None = None
        """Reads the URIs that nothing else here stands for; it is on no list."""

        self.defers = False
        """Whether a tool was ever offered whose calls may become tasks: those that run outlive a tool's removal."""

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call `listener("tools" | "resources" | "prompts")` after each change of that list."""
        self._listeners.append(listener)

    def _tell(self, kind: str) -> None:
        if self._held is not None:
            self._held.add(kind)
            return
        for listener in self._listeners:
            listener(kind)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make many changes as one: each list that changed is told of once, at the end. Not from several threads."""
        self._held = set()
        try:
            yield
        finally:
            kinds, self._held = self._held, None
            for kind in sorted(kinds):
                self._tell(kind)

    def on_follow(self, follower: Callable[[str], None]) -> None:
        """Call `follower(uri)` when a client wants to hear of changes to a resource."""
        self._followers.append(follower)

    def follow(self, uri: str) -> None:
        """A client wants to hear of changes to this resource."""
        for follower in self._followers:
            follower(uri)

    def add_tool(self, tool: Tool) -> Tool:
        """Offer a tool."""
        added = self.tools.add(tool.name, tool)
        self.defers = self.defers or tool.task is not None
        return added

    def add_resource(self, resource: Resource) -> Resource:
        """Offer a resource, or a family of them."""
        descriptor: Any = resource.descriptor
        if resource.template is None:
            return self.resources.add(descriptor.uri, resource)
        return self.templates.add(descriptor.uri_template, resource)

    def add_prompt(self, prompt: Prompt) -> Prompt:
        """Offer a prompt."""
        return self.prompts.add(prompt.name, prompt)

    def add_completion(self, completion: Completion) -> Completion:
        """Offer values for an argument of a prompt or template. The later registration wins."""
        self._completions[completion.target, completion.argument] = completion
        return completion

    @property
    def completes(self) -> bool:
        """Whether any completion is offered."""
        return bool(self._completions)

    def find_resource(self, uri: str) -> tuple[Resource, dict[str, str]] | None:
        """The resource behind a URI, with its template's variables; single resources come first."""
        resource = self.resources.find(uri)
        if resource is not None:
            return resource, {}
        for family in self.templates:
            found = family.template.match(uri) if family.enabled and family.template else None
            if found is not None:
                return family, found
        return None if self.otherwise is None else (self.otherwise, {})

    def find_completion(self, target: str, argument: str) -> Completion | None:
        """The function that proposes values, if there is one."""
        return self._completions.get((target, argument))
