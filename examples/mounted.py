"""Tools inside an application that is there already, beside its own pages.

uvicorn examples.mounted:app
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fairlead import Fairlead

mcp = Fairlead("mounted")


@mcp.tool
async def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello, {name}!"


async def home(request: Request) -> PlainTextResponse:
    """The page that was there before."""
    return PlainTextResponse("The application as it was.")


app = Starlette(routes=[Route("/", home), Mount("/tools", app=mcp.asgi())])
