"""The servers that somebody names: by a URL, a command, a configuration, or one by one.

Refuses what is none of these. Connects to nothing.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import urlsplit

from fairlead.errors import UsageError
from fairlead.sources.config import Upstream, read_config

Source = str | PurePath | Sequence[str] | Sequence[Upstream] | Mapping[str, Any]

_LEADERS: Final = ("npx", "uvx", "uv", "bunx", "pnpm", "yarn", "python", "python3", "node", "deno", "docker")
"""Programs that start others: what they start has the telling name."""


def upstreams_of(source: Source) -> list[Upstream]:
    """The servers that a source names. Raises UsageError."""
    if isinstance(source, str):
        scheme = urlsplit(source).scheme.lower()
        if scheme in ("ws", "wss", "http", "https"):
            return read_config({"mcpServers": {_host(source): {"url": source}}})
        return read_config(source)
    if isinstance(source, PurePath):
        return read_config(Path(source))
    if isinstance(source, Mapping):
        return read_config(source)
    words = list(source)
    if words and all(isinstance(word, Upstream) for word in words):
        return words  # type: ignore[return-value]
    if not words or not all(isinstance(word, str) for word in words):
        raise UsageError(f"{source!r} is no source: give a URL, a command as a list, or a configuration.")
    command, *args = words
    return [Upstream(name=_title(words), kind="stdio", command=command, args=tuple(args))]  # type: ignore[arg-type]


def _host(url: str) -> str:
    return urlsplit(url).hostname or "server"


def _title(words: Sequence[Any]) -> str:
    rest = [word for word in words if not word.startswith("-")]
    telling = rest[1] if len(rest) > 1 and os.path.basename(rest[0]).lower() in _LEADERS else words[0]
    return os.path.basename(telling) or "server"
