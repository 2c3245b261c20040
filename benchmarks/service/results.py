"""What the rounds say together: ratios within a round, their median and their range."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from statistics import median
from typing import Any

from .measures import Measure, Sample

Rounds = list[list[Sample]]
"""For each round the samples of its slices."""


@dataclass
class Results:
    """The samples of each measure and target."""

    samples: dict[str, dict[str, Rounds]] = field(default_factory=dict)

    def add(self, measure: Measure, target: str, slices: list[Sample]) -> None:
        """Add what the next round has found."""
        self.samples.setdefault(measure.name, {}).setdefault(target, []).append(slices)

    def ratios(self, measure: Measure, target: str) -> list[float]:
        """Return, for each round, what the reference costs in terms of a target: 2 is half.

        Slices that were taken one after the other are compared; their median stands for the round.
        """
        rows = self.samples.get(measure.name, {})
        rounds = zip(rows.get(measure.reference, ()), rows.get(target, ()), strict=False)
        return [
            median(reference.cost / sample.cost for reference, sample in zip(*pair, strict=True))
            for pair in rounds
        ]

    def table(self, measure: Measure) -> Iterator[str]:
        """Yield the lines of a measure's table, in Markdown."""
        rows = self.samples.get(measure.name)
        if not rows:
            return
        has_rate = any(sample.rate for rounds in rows.values() for sample in chain(*rounds))
        yield f"**{measure.name}** ({measure.reference} = 1.00, higher is better)"
        yield ""
        rated = "a second | ran, waited, generator | " if has_rate else ""
        yield f"| | {measure.unit} | {rated}ratio | range | |"
        yield f"|---|---|{'---|---|' if has_rate else ''}---|---|---|"
        for target, rounds in rows.items():
            samples = list(chain(*rounds))
            cost = median(sample.cost for sample in samples)
            rate = _rate(samples) if has_rate else ""
            ratios = self.ratios(measure, target)
            ratio, span = "", ""
            if ratios:
                ratio, span = f"{median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"
            yield f"| {target} | {cost:.2f} | {rate}{ratio} | {span} | {samples[-1].note} |"
        yield ""

    def disturbance(self) -> float:
        """Return the median share of the time that servers waited for their core."""
        shares = [
            sample.waited
            for rows in self.samples.values()
            for rounds in rows.values()
            for sample in chain(*rounds)
            if sample.rate
        ]
        return median(shares) if shares else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return every sample."""
        return {
            name: {
                target: [[asdict(sample) for sample in slices] for slices in rounds]
                for target, rounds in rows.items()
            }
            for name, rows in self.samples.items()
        }


def _rate(samples: list[Sample]) -> str:
    """Return the rate, and for what shares of the time somebody ran or had to wait."""
    rate, server, waited, generator = (
        median(getattr(sample, name) for sample in samples)
        for name in ("rate", "server", "waited", "generator")
    )
    return f"{rate:,.0f} | {server:.0%}, {waited:.0%}, {generator:.0%} | "
