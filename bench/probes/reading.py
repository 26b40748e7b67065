"""What one look by a probe gives. It refuses to carry a figure for something that was not seen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """One figure in the unit of its probe, and what there is to say about it."""

    value: float
    note: str = ""
