"""One call of a tool from inside the process, through the same path as every other: for tests and scripts."""

from typing import Any

import msgspec

from fairlead.errors import RefusedError
from fairlead.serve.memory import MemoryLine
from fairlead.serve.station import Station
from fairlead.spec import STATELESS
from fairlead.spec.params import CLIENT_CAPABILITIES, PROTOCOL_VERSION
from fairlead.wire import Failure, Response, decode, encode


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


async def call_tool(station: Station, name: str, arguments: dict[str, Any]) -> Called:
    """Call a tool and wait for its result. Raises RefusedError where the protocol refuses the call."""
    meta = {PROTOCOL_VERSION: STATELESS[-1], CLIENT_CAPABILITIES: {}}
    async with MemoryLine(station) as line:
        await line.send(encode.request(1, "tools/call", {"name": name, "arguments": arguments, "_meta": meta}))
        while True:
            message = decode(await line.receive())
            if isinstance(message, Response):
                return msgspec.json.decode(message.result, type=Called)
            if isinstance(message, Failure):
                data = None if message.data is None else msgspec.json.decode(message.data)
                raise RefusedError(message.code, message.message, data)
