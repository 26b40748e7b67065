"""A server of the official SDK, as it is: nothing here knows of Fairlead. On every line, over one port:

fairlead serve examples/sdk_server.py
"""

from mcp.server import MCPServer

mcp = MCPServer("harbour")


@mcp.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


if __name__ == "__main__":
    mcp.run()
