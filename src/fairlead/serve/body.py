"""Reads the body of a request, within a size and a time."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from fairlead.serve.events import PageError
from fairlead.serve.headers import Headers
from fairlead.serve.websocket import Receive


async def read_body(receive: Receive, headers: Headers, *, most: int, within: float) -> bytes:
    """The whole body. Raises PageError: 413 past `most` bytes, 408 when it does not come within `within` seconds.

    Raises ConnectionError if the client leaves in the middle.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_long(most)
    first = await _next(receive, within)
    body: bytes = first.get("body", b"")
    if not first.get("more_body", False):
        if len(body) > most:
            raise _too_long(most)
        return body
    parts, size = [body], len(body)
    try:
        async with asyncio.timeout(within):
            while True:
                event = await receive()
                if event["type"] != "http.request":
                    raise ConnectionError("the client left before its request was whole")
                part = event.get("body", b"")
                parts.append(part)
                size += len(part)
                if size > most:
                    raise _too_long(most)
                if not event.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise _too_slow(within) from None


async def _next(receive: Receive, within: float) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(within):
            event = await receive()
    except TimeoutError:
        raise _too_slow(within) from None
    if event["type"] != "http.request":
        raise ConnectionError("the client left before its request was whole")
    return event


def _too_long(most: int) -> PageError:
    return PageError(413, "BODY_TOO_LARGE", f"The body is over the limit of {most} bytes. Send less.", limit=most)


def _too_slow(within: float) -> PageError:
    return PageError(408, "BODY_TIMEOUT", f"The body did not come within {within} s. Send it again.", limit=within)
