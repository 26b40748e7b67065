"""The official SDK with the two tools: as an app over Streamable HTTP, or run over stdio."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("bench", log_level="WARNING")


@server.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
async def blob(size: int) -> str:
    """A text of that many characters."""
    return "x" * size


if __name__ == "__main__":
    server.run("stdio")
else:
    app = server.streamable_http_app(json_response=True)
