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


class _OnlyMeta(msgspec.Struct):
    meta: dict[str, Any] = msgspec.field(name="_meta", default={})


_only_meta = msgspec.json.Decoder(_OnlyMeta).decode


class Call:
    """A request, who made it, and what became of it. `ended` once it was answered, failed or cancelled."""

    __slots__ = (
        "arguments",
        "asked",
        "batch",
        "deadline",
        "ended",
        "entry",
        "fault",
        "home",
        "id",
        "last_progress",
        "name",
        "named",
        "params",
        "parked",
        "questions",
        "recorded",
        "request",
        "returned",
        "route",
        "session",
        "task",
        "own_state",
        "version",
        "waiters",
    )

    def __init__(
        self,
        session: "ServerSession",
        request: Request,
        params: Params,
        version: Version,
        *,
        name: str = "",
        entry: Entry | None = None,
        arguments: dict[str, Any] | None = None,
        batch: "Batch | None" = None,
    ):
        self.session = session
        self.request = request
        self.id = request.id
        self.params = params
        self.version = version
        self.name = name
        self.entry = entry
        self.arguments = arguments
        self.batch = batch
        self.ended = False
        self.last_progress: float | None = None
        self.deadline: float | None = None
        self.questions: dict[str, dict[str, Any]] | None = None  # Open ones, in the stateless era.
        self.recorded: dict[str, Any] | None = None
        self.asked = 0
        self.named: dict[int, str] | None = None  # Keys that the author chose, by the question's number.
        self.fault: Exception | None = None
        # For whoever runs the call: what runs it, whose line it is on, whether its caller is away.
        self.task: Any = None
        self.home: Any = None
        self.parked = False
        self.returned: Any = None
        self.route: Any = None
        self.waiters: dict[str, Any] = {}

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
        if not hasattr(self, "own_state"):  # Made when asked for: few calls do, and every call pays for __init__.
            self.own_state: dict[str, Any] = {}
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
