"""Figures that are no load on a server: time to import, time to a first answer, memory per idler."""
