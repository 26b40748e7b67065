"""The version, in the one place that the package, the build and the handshake read it from."""

__version__ = "0.1.0"
