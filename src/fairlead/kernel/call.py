"""One request in flight, from its arrival to its answer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.catalog import Entry
from fairlead.spec.descriptors import Implementation
from fairlead.spec.params import UNSET, Meta, Params
from fairlead.spec.versions import Version
from fairlead.wire import Request

if TYPE_CHECKING:
    from fairlead.kernel.batch import Batch
    from fairlead.kernel.server import ServerSession
    from fairlead.kernel.tasks import Job


class _OnlyMeta(msgspec.Struct):
    meta: dict[str, Any] = msgspec.field(name="_meta", default={})


_only_meta = msgspec.json.Decoder(_OnlyMeta).decode


class Call(msgspec.Struct, eq=False):
    """A request, who made it, and what became of it. `ended` once it was answered, failed or cancelled.

    A Struct, since one is made for every request and most members keep their defaults.
    """

    session: "ServerSession"
    request: Request
    params: Params
    version: Version
    id: int | str
    batch: "Batch | None" = None
    name: str = ""
    entry: Entry | None = None
    arguments: dict[str, Any] | None = None
    ended: bool = False
    last_progress: float | None = None
    deadline: float | None = None
    fault: Exception | None = None

    # Questions to the caller in the stateless era: the open ones, the answers of a replay, how many were asked,
    # and the keys that the author chose, by the question's number.
    questions: dict[str, dict[str, Any]] | None = None
    recorded: dict[str, Any] | None = None
    asked: int = 0
    named: dict[int, str] | None = None
    own_state: dict[str, Any] | None = None

    # For whoever runs the call: what runs it, whose line it is on, whether its caller is away.
    task: Any = None
    home: Any = None
    parked: bool = False
    returned: Any = None
    route: Any = None
    waiters: dict[str, Any] = {}  # msgspec gives each call its own.
    limit: Any = None

    job: "Job | None" = None
    """What the caller has of it, once it is a task of the extension."""

    def adopt(self, retry: "Call") -> None:
        """Go on under the request that repeats this one: its id, its line, its progress token."""
        self.session = retry.session
        self.version = retry.version
        self.parked = False
        self.request = retry.request
        self.params = retry.params
        self.id = retry.id
        self.batch = retry.batch
        self.last_progress = None

    def name_question(self, key: str | None) -> None:
        """Choose the key of the question that is asked next; None leaves it to be counted."""
        if key is None:
            if self.named is not None:
                self.named.pop(self.asked + 1, None)
            return
        if self.named is None:
            self.named = {}
        number = self.asked + 1
        used = any(known == key for at, known in self.named.items() if at != number)
        self.named[number] = f"{key}-{number}" if used else key

    def question(self, method: str, params: dict[str, Any]) -> tuple[str, Any]:
        """Note a question under its key. Returns the key, and the answer if it is there already.

        Keys that the author did not choose count up, so that a replay which asks in the same order finds its answers.
        """
        self.asked += 1
        key = (None if self.named is None else self.named.get(self.asked)) or f"q{self.asked}"
        if self.recorded is not None and key in self.recorded:
            return key, self.recorded[key]
        if self.questions is None:
            self.questions = {}
        self.questions[key] = {"method": method, "params": params}
        return key, None

    def answered(self, answers: dict[str, Any]) -> dict[str, Any]:
        """Which of `answers` belong to open questions; those are closed and, for a replay, recorded."""
        open_questions = self.questions or {}
        mine = {key: answer for key, answer in answers.items() if open_questions.pop(key, None) is not None}
        if getattr(self.entry, "replayable", False):
            self.recorded = {**(self.recorded or {}), **mine}
        return mine

    @property
    def _meta(self) -> Meta | None:
        meta = self.params.meta
        return None if meta is UNSET else meta

    @property
    def stateless(self) -> bool:
        """Whether the request carried its own version, and so belongs to no handshake."""
        return self.version.era == "stateless"

    @property
    def progress_token(self) -> int | str | None:
        """What the caller wants progress under; None if it wants none."""
        meta = self.params.meta
        return None if meta is UNSET or meta.progress_token is UNSET else meta.progress_token

    @property
    def client(self) -> Implementation | None:
        """Who calls."""
        meta = self._meta
        if self.stateless:
            return None if meta is None or meta.client is UNSET else meta.client
        return self.session.client

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client can do, by this request or by its handshake."""
        meta = self._meta
        if self.stateless:
            return {} if meta is None or meta.capabilities is UNSET else meta.capabilities
        return self.session.capabilities

    @property
    def log_level(self) -> str | None:
        """The least level of log messages that the caller wants; None for no messages at all."""
        meta = self._meta
        if self.stateless:
            return None if meta is None or meta.log_level is UNSET else meta.log_level
        return self.session.log_level

    @property
    def session_state(self) -> dict[str, Any]:
        """The author's own data, kept with the conversation; with the call in the stateless era."""
        if not self.stateless:
            return self.session.state
        if self.own_state is None:
            self.own_state = {}
        return self.own_state

    @property
    def principal(self) -> str | None:
        """Who the caller proved to be."""
        return self.session.principal

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the line."""
        return self.session.headers

    def meta(self) -> Mapping[str, Any]:
        """The whole `_meta` of the request, decoded when somebody asks."""
        return {} if self.request.params is None else _only_meta(self.request.params).meta
