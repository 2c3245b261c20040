"""The outcome of the own suite of each project, whichever way it runs."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import cache
from pathlib import Path

from . import gates
from .enumeration import name
from .forkserver import Outcome
from .progress import Progress
from .template import Project, Template


def measured(template: Template, tested: Mapping[str, Project], key: str) -> str:
    """Return whose coverage counts for a combination: its own, or that of its twin.

    Twins have the same source, and the same tests but for marks. If the same tests pass, they cover
    the same.
    """
    twin = name(tested[key].answers | template.twin)
    return twin if twin in tested and not {key, twin} & template.plain else key


def plainly(tree: Path) -> Outcome:
    """Run a suite as a user would."""
    begin = time.monotonic()
    return Outcome(gates.suite(tree), time.monotonic() - begin)


def outcomes(
    template: Template,
    tested: Mapping[str, Project],
    running: Mapping[str, Future[Outcome]],
    say: Callable[[str], None],
) -> Callable[[str], Outcome]:
    """Return a function that waits for the suite of a combination, and says how far all are."""
    progress = Progress(running.values())

    @cache
    def outcome(key: str) -> Outcome:
        while not wait([running[key]], timeout=10).done:
            say(f"suites: {progress}")
        found = running[key].result()
        if found.complaints and key not in template.plain:
            # Once more as a user would run it, whose failures tell more. What fails only now and
            # then has failed all the same.
            again = gates.suite(tested[key].tree)
            return replace(found, complaints=again or found.complaints)
        if found.complaints or (twin := measured(template, tested, key)) == key:
            return found
        other = outcome(twin)
        if other.complaints:
            return replace(found, complaints=[f"its coverage is that of {twin}, which has failed"])
        if other.tests != found.tests:
            return replace(found, complaints=[f"its tests are not those of {twin}"])
        return found

    return outcome
