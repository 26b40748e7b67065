"""Reads the body of a request, within a size and a time."""

from typing import Final

from fairlead.serve.events import PageError
from fairlead.serve.headers import Headers
from fairlead.serve.steps import within as bounded
from fairlead.serve.websocket import Receive

_CLOSE: Final = [(b"connection", b"close")]
"""What is left of a half-sent body would be read as the next request."""


async def read_body(receive: Receive, headers: Headers, *, most: int, within: float) -> bytes:
    """The whole body. Raises PageError: 413 past `most` bytes, 408 when it does not come within `within` seconds.

    Raises ConnectionError if the client leaves in the middle.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise _too_long(most)
    try:
        body: bytes = await bounded(within, _read(receive, most))
        return body
    except TimeoutError:
        text = f"The body did not come within {within:g} s. Send it again."
        raise PageError(408, "BODY_TIMEOUT", text, limit=within, headers=_CLOSE) from None


async def _read(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise ConnectionError("the client left before its request was whole")
        part: bytes = event.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_long(most)
        if not event.get("more_body", False):
            return b"".join([*parts, part]) if parts else part
        if part:
            parts.append(part)


def _too_long(most: int) -> PageError:
    return PageError(413, "BODY_TOO_LARGE", f"The body is over the limit of {most} bytes. Send less.", limit=most)
