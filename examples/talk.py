"""Talks to the quick start in a few lines, with nothing but a WebSocket library.

make run                              # in one terminal
.venv/bin/python examples/talk.py     # in another
"""

import asyncio
import json
import sys

from websockets.asyncio.client import connect

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


async def talk(url: str) -> None:
    """Call one tool and print what it answers."""
    async with connect(url) as socket:
        params = {"name": "add", "arguments": {"a": 2, "b": 40}, "_meta": META}
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
        print(json.loads(await socket.recv())["result"]["structuredContent"])


asyncio.run(talk(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/mcp"))
