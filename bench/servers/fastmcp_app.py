"""FastMCP with the two tools: as an app over Streamable HTTP, or run over stdio."""

from fastmcp import FastMCP

server = FastMCP("bench")


@server.tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool
async def blob(size: int) -> str:
    """A text of that many characters."""
    return "x" * size


if __name__ == "__main__":
    server.run("stdio", show_banner=False)
else:
    app = server.http_app(path="/mcp", json_response=True)
