"""The call as the catalog sees it: an interface that the kernel's call fulfils."""

from collections.abc import Mapping
from typing import Any, Protocol

from fairlead.spec.descriptors import Implementation
from fairlead.spec.versions import Version


class Calling(Protocol):
    """One request in flight, read by Context."""

    id: int | str
    version: Version
    ended: bool
    deadline: float | None

    @property
    def client(self) -> Implementation | None:
        """Who calls."""

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client can do."""

    @property
    def session_state(self) -> dict[str, Any]:
        """The author's own data, kept with the conversation."""

    @property
    def principal(self) -> str | None:
        """Who the caller proved to be."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the line."""

    def name_question(self, key: str | None) -> None:
        """Choose the key of the question that is asked next."""

    def meta(self) -> Mapping[str, Any]:
        """The whole `_meta` of the request."""
