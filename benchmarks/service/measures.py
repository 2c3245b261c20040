"""What a measure is: what it needs, whom it compares, in which unit."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .generator import Counted, Generator, Load
from .serving import Server
from .targets import REFERENCE, Target


@dataclass(frozen=True)
class Bench:
    """What every measure is given."""

    generator: Generator
    core: int
    seconds: float
    scratch: Path

    def log(self, target: Target) -> Path:
        """Return where a server writes its log."""
        return self.scratch / f"{target.name}.log"


@dataclass(frozen=True)
class Sample:
    """One figure: what something costs, the less the better; and how much was done in a second."""

    cost: float
    rate: float = 0.0
    server: float = 0.0
    """The share of its core that the server needed: well under 1 it was not the bottleneck."""
    generator: float = 0.0
    """The share of its core that the load generator needed."""
    waited: float = 0.0
    """The share of the time that the server had to wait for its core: somebody else was on it."""
    note: str = ""

    @classmethod
    def of(cls, counted: Counted, cost: float, note: str = "") -> "Sample":
        """Return the cost with the rate at which it was paid."""
        seconds = counted.seconds
        return cls(
            cost,
            counted.messages / seconds,
            counted.server / seconds,
            counted.generator / seconds,
            counted.waited / seconds,
            note,
        )


def cpu(counted: Counted) -> Sample:
    """Return the CPU of the server for a message, in microseconds."""
    return Sample.of(counted, counted.server / counted.messages * 1e6)


@dataclass(frozen=True)
class Measure:
    """A table of the report: a row for each target."""

    name: str
    group: str
    unit: str
    targets: tuple[str, ...]
    load: Callable[[Server], Load] | None = None
    """Put on servers that the measures of a round share, in turns of `seconds / slices`."""
    alone: Callable[[Bench, Target], Sample] | None = None
    """Measured on a server of its own, which it starts itself."""
    reading: Callable[[Counted], Sample] = cpu
    reference: str = REFERENCE
    slices: int = 10
    rounds: int = 99
    """No more rounds than that, where each takes long and says the same."""
