"""The four kinds of JSON-RPC message, and how each becomes bytes.

Values inside (`params`, `result`) stay the bytes that arrived until somebody who knows their type
decodes them. Refuses nothing: what is built here was checked by the decoder or made by us.
"""

import msgspec


class Request(msgspec.Struct, frozen=True, gc=False):
    """A call that must be answered, failed or cancelled under `id`."""

    id: int | str
    method: str
    params: msgspec.Raw | None = None


class Notification(msgspec.Struct, frozen=True, gc=False):
    """A message that is never answered."""

    method: str
    params: msgspec.Raw | None = None


class Response(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request of ours. An id of None was null: tolerated, belongs to nobody."""

    id: int | str | None
    result: msgspec.Raw


class Failure(msgspec.Struct, frozen=True, gc=False):
    """The refusal of a request of ours (`id`), or of a frame whose id the peer could not read (None)."""

    id: int | str | None
    code: int
    message: str
    data: msgspec.Raw | None = None


Message = Request | Notification | Response | Failure
