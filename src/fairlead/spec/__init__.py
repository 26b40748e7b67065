"""MCP as data: versions, methods, messages. No behaviour beyond looking things up."""

from fairlead.spec.versions import HANDSHAKE, NEWEST_HANDSHAKE, STATELESS, VERSIONS, Version

__all__ = ["HANDSHAKE", "NEWEST_HANDSHAKE", "STATELESS", "VERSIONS", "Version"]
