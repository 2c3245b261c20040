"""What a measure is: what it needs, whom it compares, in which unit."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


from .generator import Counted, Generator
from .serving import Server
from .targets import REFERENCE, Target

WARMUP = 0.3


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
    note: str = ""

    @classmethod
    def of(cls, counted: Counted, note: str = "") -> "Sample":
        """Return the CPU of the server for a message, in microseconds."""
        if counted.messages == 0:
            raise ValueError("nothing was counted")
        return cls(
            counted.server / counted.messages * 1e6,
            counted.messages / counted.seconds,
            counted.server / counted.seconds,
            counted.generator / counted.seconds,
            note,
        )


@dataclass(frozen=True)
class Measure:
    """A table of the report: a row for each target."""

    name: str
    group: str
    unit: str
    targets: tuple[str, ...]
    on_server: Callable[[Bench, Server], Sample] | None = None
    """Measured on a server that other measures of the round use too."""
    on_target: Callable[[Bench, Target], Sample] | None = None
    """Measured on a server of its own, which it starts itself."""
    reference: str = REFERENCE
    rounds: int = 99
    """No more rounds than that, where each takes long and says the same."""


