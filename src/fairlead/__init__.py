"""Fairlead puts tools in reach of every MCP client, over whatever line the client has."""

from fairlead.__about__ import __version__
from fairlead.catalog import Answer, Context, Progress
from fairlead.errors import CallError, FairleadError, PeerError, ToolError, UsageError
from fairlead.server import Fairlead
from fairlead.spec.content import Audio, BlobContents, Embedded, Image, ResourceLink, Text, TextContents
from fairlead.spec.descriptors import Icon, ToolHints
from fairlead.spec.results import Message, ToolResult

__all__ = [
    "Answer",
    "Audio",
    "BlobContents",
    "Context",
    "Embedded",
    "Fairlead",
    "FairleadError",
    "Icon",
    "Image",
    "Message",
    "PeerError",
    "Progress",
    "CallError",
    "ResourceLink",
    "Text",
    "TextContents",
    "ToolError",
    "ToolHints",
    "ToolResult",
    "UsageError",
    "__version__",
]
