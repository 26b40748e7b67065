"""The official SDK's client over a WebSocket, for which it has no transport of its own:

python examples/sdk_client.py ws://127.0.0.1:8000/mcp
"""

import asyncio
import sys

from mcp.client import Client

from fairlead.compat.sdk import websocket_client


async def main(url: str) -> None:
    """Call one tool."""
    async with Client(websocket_client(url)) as client:
        answer = await client.call_tool("add", {"a": 2, "b": 40})
        print(answer.structured_content)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
