"""Results with a fixed shape, as the server builds them and the client reads them."""

from typing import Any, Literal

import msgspec

from fairlead.spec.content import Block

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType


class ToolResult(msgspec.Struct, gc=False):
    """The outcome of a tool. A tool may return one itself to say exactly what goes out."""

    content: list[Any]
    structured_content: Any = msgspec.field(name="structuredContent", default=UNSET)
    is_error: bool | Unset = msgspec.field(name="isError", default=UNSET)
    meta: Any = msgspec.field(name="_meta", default=UNSET)
    result_type: str | Unset = msgspec.field(name="resultType", default=UNSET)


class Passed(msgspec.Struct, gc=False):
    """A result of another server, to be passed on with all of its members."""

    members: dict[str, Any]


class Message(msgspec.Struct):
    """One message of a prompt."""

    role: Literal["user", "assistant"]
    content: Block


class Root(msgspec.Struct):
    """A folder or file that the client's user works in."""

    uri: str
    name: str | Unset = UNSET


class Elicited(msgspec.Struct):
    """What the user did with a question: `accept` with `content`, `decline`, or `cancel`."""

    action: Literal["accept", "decline", "cancel"]
    content: dict[str, Any] | None = None


class Sampled(msgspec.Struct):
    """What the client's model answered."""

    role: Literal["user", "assistant"]
    content: Any
    model: str = ""
    stop_reason: str | Unset = msgspec.field(name="stopReason", default=UNSET)

    @property
    def text(self) -> str:
        """The text blocks of the answer, joined by line breaks. What a client sent in another shape has none."""
        blocks = self.content if isinstance(self.content, list) else [self.content]
        texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
        return "\n".join(text for text in texts if isinstance(text, str))


class Called(msgspec.Struct):
    """What a tool answered."""

    content: list[dict[str, Any]]
    structured: Any = msgspec.field(name="structuredContent", default=None)
    is_error: bool = msgspec.field(name="isError", default=False)

    @property
    def text(self) -> str:
        """The text blocks, joined by line breaks."""
        return "\n".join(block["text"] for block in self.content if block["type"] == "text")

    @property
    def value(self) -> Any:
        """What the function returned, as JSON has it; the text where the tool has no output schema."""
        if isinstance(self.structured, dict) and set(self.structured) == {"result"}:
            return self.structured["result"]
        return self.text if self.structured is None else self.structured
