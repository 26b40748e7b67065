"""One call of a tool from inside the process, through the same path as every other: for tests and scripts."""

from typing import Any

import msgspec

from fairlead.errors import CallError
from fairlead.serve.memory import MemoryLine
from fairlead.serve.station import Station
from fairlead.spec import STATELESS
from fairlead.spec.params import CLIENT_CAPABILITIES, PROTOCOL_VERSION
from fairlead.spec.results import Called
from fairlead.spec.tasks import ENDS, REQUIRED
from fairlead.wire import Failure, Notification, Response, decode, encode


async def call_tool(station: Station, name: str, arguments: dict[str, Any]) -> Called:
    """Call a tool and wait for its result. Raises CallError where the protocol refuses the call."""
    tool = station.terms.catalog.tools.find(name)
    takes = REQUIRED if tool is not None and tool.task is not None and tool.task.required else {}
    meta = {PROTOCOL_VERSION: STATELESS[-1], CLIENT_CAPABILITIES: takes}
    async with MemoryLine(station) as line:
        await line.send(encode.request(1, "tools/call", {"name": name, "arguments": arguments, "_meta": meta}))
        answer = await _answer(line)
        if not isinstance(answer, _Begun):
            return answer
        wanted = {"taskIds": [answer.task_id]}
        await line.send(encode.request(2, "subscriptions/listen", {"notifications": wanted, "_meta": meta}))
        return await _outcome(line)


class _Begun(msgspec.Struct, tag_field="resultType", tag="task"):
    task_id: str = msgspec.field(name="taskId")


class _Complete(Called, tag_field="resultType", tag="complete"):
    pass


class _Told(msgspec.Struct):
    status: str = ""
    result: Called | None = None
    error: dict[str, Any] = {}


_read_answer = msgspec.json.Decoder(_Begun | _Complete).decode
_read_told = msgspec.json.Decoder(_Told).decode


async def _answer(line: MemoryLine) -> Called | _Begun:
    while True:
        message = decode(await line.receive())
        if isinstance(message, Response):
            answer: Called | _Begun = _read_answer(message.result)
            return answer
        if isinstance(message, Failure):
            data = None if message.data is None else msgspec.json.decode(message.data)
            raise CallError(message.code, message.message, data)


async def _outcome(line: MemoryLine) -> Called:
    """What came of the task that the line listens to."""
    while True:
        message = decode(await line.receive())
        if not isinstance(message, Notification) or message.params is None:
            continue
        told = _read_told(message.params)
        if told.result is not None:
            return told.result
        if told.status in ENDS:
            error = {"code": 0, "message": f"The task was {told.status}.", "data": None, **told.error}
            raise CallError(error["code"], error["message"], error["data"])
