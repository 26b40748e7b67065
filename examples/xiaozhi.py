"""Tools for a voice assistant of the xiaozhi family, from behind any router.

MCP_ENDPOINT='wss://…' fairlead dial examples/xiaozhi.py
"""

import os

from fairlead import Fairlead

# The far side gives a call up after ten seconds: a slower one is answered before, and its result fetched later.
mcp = Fairlead("home", answer_within=9.0)
LIGHTS = {"kitchen": False, "bedroom": False}


@mcp.tool
async def switch_light(room: str, on: bool) -> str:
    """Switch the light of a room on or off. Rooms: kitchen, bedroom."""
    if room not in LIGHTS:
        return f"There is no {room} here, only {' and '.join(LIGHTS)}."
    LIGHTS[room] = on
    return f"The light of the {room} is {'on' if on else 'off'}."


if __name__ == "__main__":
    mcp.dial(os.environ["MCP_ENDPOINT"])
    mcp.run("dial")
