"""What a client shows of itself: headers, and a token that can be had anew when the server takes it no more.

A token stands in a header, or for WebSockets in an offered subprotocol; never in a URL, and never in a log.
"""

import base64
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from fairlead.connect.line import ConnectError

Provider = Callable[[], Awaitable[str] | str]
TokenPlace = Literal["header", "subprotocol"]


class Credentials:
    """Headers and a token. `token` is the token itself, or a function that is asked for one when it is needed.

    `changed` is called when a provider gave another token than before: answers to the old one are somebody else's.
    """

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        token: str | Provider | None = None,
        *,
        place: TokenPlace = "header",
        changed: Callable[[], None] | None = None,
    ):
        self._headers = dict(headers or {})
        self._provider = token if callable(token) else None
        self._token = token if isinstance(token, str) else None
        self._place = place
        self._changed = changed
        self._refused = False

    async def headers(self) -> dict[str, str]:
        """The headers of the next request. Raises ConnectError where the provider fails."""
        token = await self._current()
        if token is None or self._place == "subprotocol":
            return dict(self._headers)
        return {**self._headers, "Authorization": f"Bearer {token}"}

    async def subprotocols(self) -> list[str]:
        """What is offered beside `mcp` on a WebSocket: the token, where it stands there."""
        token = await self._current()
        if token is None or self._place == "header":
            return []
        return ["mcp.auth." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")]

    def refused(self) -> bool:
        """The server did not take them (401, 1008). Whether others may be had: from a provider, and once in a row."""
        if self._provider is None or self._refused:
            return False
        self._refused, self._token = True, None
        return True

    def accepted(self) -> None:
        """The server took them: a later refusal may be met with a new token."""
        self._refused = False

    async def _current(self) -> str | None:
        if self._token is None and self._provider is not None:
            token = await self._provided(self._provider)
            if self._refused and self._changed is not None:
                self._changed()
            self._token = token
        return self._token

    async def _provided(self, provider: Provider) -> str:
        try:
            given = provider()
            return await given if inspect.isawaitable(given) else given
        except Exception as fault:  # noqa: BLE001 - the program's own code: its defect becomes a line that cannot be had
            raise ConnectError(f"The function that gives the token failed ({type(fault).__name__}).") from None
