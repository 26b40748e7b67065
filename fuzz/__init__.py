"""Inputs nobody would think of, for what reads the wire: `python -m fuzz`. The same seed makes the same inputs."""
