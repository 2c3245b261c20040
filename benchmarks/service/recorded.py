"""The ratios of the service that were recorded, to notice when they fall."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from .measures import Measure
from .results import Results
from .targets import SERVICE


class Recorded:
    """The file of recorded ratios."""

    GROUPS = ("echo", "broadcast")
    """What is checked."""
    FLOOR = 0.9
    """How much of the recorded ratio must be left."""

    def __init__(self, path: Path) -> None:
        """Read it, if it is there."""
        self._path = path
        self._ratios: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def record(self, measures: list[Measure], results: Results, machine: dict[str, str]) -> None:
        """Replace what is recorded of these measures."""
        for measure in measures:
            found = results.ratios(measure, SERVICE)
            if found and measure.reference != SERVICE:
                self._ratios[measure.name] = {
                    "against": measure.reference,
                    "median": round(median(found), 3),
                    "range": [round(min(found), 3), round(max(found), 3)],
                    "waited": round(results.disturbance(), 2),
                    "python": machine["python"],
                    "cpu": machine["cpu"],
                }
        text = json.dumps(self._ratios, indent=2, ensure_ascii=False)
        self._path.write_text(text + "\n", encoding="utf-8")

    def complaints(
        self, measures: list[Measure], results: Results, machine: dict[str, str]
    ) -> Iterator[str]:
        """Say what fell under 0.9 of its recorded ratio, and what cannot be compared."""
        for measure in measures:
            if measure.group not in self.GROUPS:
                continue
            before = self._ratios.get(measure.name)
            found = results.ratios(measure, SERVICE)
            if before is None or not found:
                yield f"{measure.name}: nothing to compare"
            elif _minor(before["python"]) != _minor(machine["python"]):
                yield f"{measure.name}: recorded with Python {before['python']}"
            elif median(found) < self.FLOOR * before["median"]:
                yield (
                    f"{measure.name}: {median(found):.2f} of {measure.reference}, "
                    f"recorded {before['median']:.2f}"
                )


def _minor(version: str) -> str:
    return version.rpartition(".")[0]
