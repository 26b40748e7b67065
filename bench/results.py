"""What a whole run saw: every sample of every round, every reading, and why any of them is missing.

Figures are medians of rounds, ratios are medians of the ratios within a round. It refuses to give
a figure of a row that failed in any round.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from bench.load.drive import Sample
from bench.probes.reading import Reading


@dataclass
class Results:
    """Filled by the rounds and the probes, read by the goals and the report."""

    samples: dict[tuple[str, str], dict[int, Sample]] = field(default_factory=lambda: defaultdict(dict))
    readings: dict[str, list[Reading]] = field(default_factory=lambda: defaultdict(list))
    missing: dict[str, str] = field(default_factory=dict)
    failed_runs: dict[tuple[str, str], str] = field(default_factory=dict)
    failed_probes: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether everything that was asked for was measured."""
        return not (self.missing or self.failed_runs or self.failed_probes)

    def reason(self, subject: str, scenario: str) -> str | None:
        """Why there is no figure for this row, or None where there is one."""
        if subject in self.missing:
            return f"missing: {self.missing[subject]}"
        if (subject, scenario) in self.failed_runs:
            return f"failed: {self.failed_runs[subject, scenario]}"
        if not self.samples.get((subject, scenario)):
            return "not in this run"
        return None

    def metric(self, subject: str, scenario: str, name: str) -> list[float]:
        """This field of `Sample`, for each round."""
        return [_field(sample, name) for _, sample in sorted(self.samples[subject, scenario].items())]

    def median(self, subject: str, scenario: str, name: str) -> float:
        """The median over the rounds of this field of `Sample`."""
        return median(self.metric(subject, scenario, name))

    def ratio(self, scenario: str, name: str, left: str, right: str, *, right_scenario: str = "") -> float:
        """The median over the rounds of `left` by `right`; ValueError says why there is none."""
        right_scenario = right_scenario or scenario
        for subject, where in ((left, scenario), (right, right_scenario)):
            if reason := self.reason(subject, where):
                raise ValueError(f"{subject}: {reason}")
        above, below = self.samples[left, scenario], self.samples[right, right_scenario]
        return median(
            _field(above[number], name) / _field(below[number], name) for number in above.keys() & below.keys()
        )

    def reading(self, probe: str) -> float:
        """The median of a probe's looks; ValueError says why there is none."""
        if probe in self.failed_probes:
            raise ValueError(f"failed: {self.failed_probes[probe]}")
        if not self.readings.get(probe):
            raise ValueError("not in this run")
        return median(reading.value for reading in self.readings[probe])


def _field(sample: Sample, name: str) -> float:
    return float(getattr(sample, name))
