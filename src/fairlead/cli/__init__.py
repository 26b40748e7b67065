"""The command line: `fairlead serve …`. The only place that wires everything."""

from fairlead.cli.main import main

__all__ = ["main"]
