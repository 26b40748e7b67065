"""What `oddity.py` offers and answers."""

LONG = "haul_" + "in_" * 25 + "the_line"
TOOLS = [
    {
        "name": "odd",
        "description": "Answers oddly.",
        "inputSchema": {"type": "object", "x-own": [1], "$defs": {"n": {"type": "integer"}}},
        "annotations": {"readOnlyHint": True, "shinyHint": "very"},
        "_meta": {"colour": "blue"},
    },
    {"name": "fail", "inputSchema": {"type": "object"}},
    {"name": "echo", "inputSchema": {"type": "object"}},
    {"name": "ask", "inputSchema": {"type": "object"}},
    {"name": "crash", "inputSchema": {"type": "object"}},
    {"name": "shift", "inputSchema": {"type": "object"}},
    {"name": "plain words!", "inputSchema": {"type": "object"}},
    {"name": LONG, "inputSchema": {"type": "object"}},
    {"name": "no schema", "inputSchema": None},
    {"description": "without a name"},
]
ODD = {
    "content": [
        {"type": "hologram", "beam": [1, 2.5, None], "_meta": {"a": 1}},
        {"type": "text", "text": "x", "extra": 7},
    ],
    "structuredContent": {"deep": {"er": [True]}},
    "isError": False,
    "_meta": {"trace": "abc", "io.modelcontextprotocol/serverInfo": {"name": "not me", "version": "0"}},
    "ownMember": {"kept": True},
}
