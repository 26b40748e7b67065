"""From what a function returned to what goes out: content blocks and structured content.

Refuses to guess: a value is a block, a list of blocks, text, or JSON.
"""

from typing import Any

import msgspec

from fairlead.spec.content import BLOCKS, KIND, Text
from fairlead.spec.results import UNSET, Message, ToolResult
from fairlead.spec.versions import ALL_BLOCKS, Version
from fairlead.wire.encode import encode

_NO_OBJECTS = (str, int, float, bool, list, tuple, set, frozenset, type(None))


def blocks(value: Any) -> list[Any]:
    """The value as content: blocks as they are, text as text, nothing as nothing, all else as JSON text."""
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(value)]
    if isinstance(value, BLOCKS):
        return [value]
    if isinstance(value, list | tuple) and value and any(isinstance(part, BLOCKS) for part in value):
        return [block for part in value for block in blocks(part)]
    return [Text(_text(value))]


def _text(value: Any) -> str:
    """JSON for readers: a value that is one string in JSON (a date, an enum) goes without its quotes."""
    if isinstance(value, str):
        return value
    text = encode(value).decode()
    return msgspec.json.decode(text, type=str) if text[0] == '"' else text


def result(value: Any, *, structured: bool, wrapped: bool) -> ToolResult:
    """The result of a tool; `structured` where it declared an output schema, `wrapped` where that wraps the value."""
    if isinstance(value, ToolResult):
        return value
    if not structured:
        return ToolResult(blocks(value))
    return ToolResult([Text(_text(value))], {"result": value} if wrapped else value)


def failure(text: str) -> ToolResult:
    """A result that says the tool failed."""
    return ToolResult([Text(text)], is_error=True)


def fit(outcome: ToolResult, version: Version) -> ToolResult:
    """The result as a client of `version` can read it: nothing it does not know, nothing left out in silence."""
    if outcome.structured_content is not UNSET and version.structured_output != "any":
        outcome = _structured(outcome, version)
    known = version.content_blocks
    if known is ALL_BLOCKS or all(_kind(block) in known for block in outcome.content):
        return outcome
    content = [fit_block(block, version) for block in outcome.content]
    return ToolResult(content, outcome.structured_content, outcome.is_error, outcome.meta)


def fit_block(block: Any, version: Version) -> Any:
    """The block, or where a client of `version` cannot read it, a line of text that tells of it."""
    known = version.content_blocks
    return block if known is ALL_BLOCKS or _kind(block) in known else _told(block, version)


def _kind(block: Any) -> str:
    """What a block is; blocks of other servers are dictionaries."""
    if type(block) is dict:
        return str(block.get("type"))
    return KIND.get(type(block), "text")


def fit_message(message: Message, version: Version) -> Message:
    """The message of a prompt as a client of `version` can read it."""
    block = message.content
    return message if KIND[type(block)] in version.content_blocks else Message(message.role, _told(block, version))


def _structured(outcome: ToolResult, version: Version) -> ToolResult:
    """Before the stateless era structured content was an object; before 2025-06-18 there was none."""
    value = outcome.structured_content
    if version.structured_output == "none":
        value = UNSET
    elif isinstance(value, _NO_OBJECTS):
        value = {"result": value}
    else:
        return outcome
    return ToolResult(outcome.content, value, outcome.is_error, outcome.meta)


def _told(block: Any, version: Version) -> Text:
    where = block.get("uri") if type(block) is dict else getattr(block, "uri", None)
    what = f"{_kind(block)} {where}" if where else _kind(block)
    return Text(f"[{what}: MCP {version.date} has no such content; a newer client receives it.]")
