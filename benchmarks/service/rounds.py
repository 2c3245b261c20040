"""Rounds: A B C, A B C, so that what disturbs the machine for a while disturbs everybody."""

from collections.abc import Iterable
from contextlib import ExitStack

from .measures import Bench, Measure
from .results import Results
from .serving import Server, serving
from .targets import Target


def run_rounds(
    bench: Bench, measures: Iterable[Measure], targets: dict[str, Target], rounds: int
) -> Results:
    """Take every measure of every target in every round; only `targets` are there.

    Each round has servers of its own: a process may be luckier than the next, for good.
    """
    results = Results()
    chosen = list(measures)
    for number in range(rounds):
        due = [measure for measure in chosen if number < measure.rounds]
        # Those that start their own server come first: nothing else runs then.
        for measure in due:
            _alone(bench, measure, targets, results)
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(serving(target, bench.core, bench.log(target)))
                for name, target in targets.items()
                if any(name in measure.targets for measure in due if measure.on_server)
            }
            for measure in due:
                _together(bench, measure, servers, results)
        print(f"round {number + 1} of {rounds} is done", flush=True)
    return results


def _alone(
    bench: Bench, measure: Measure, targets: dict[str, Target], results: Results
) -> None:
    if measure.on_target:
        for name in measure.targets:
            if name in targets:
                results.add(measure, name, measure.on_target(bench, targets[name]))


def _together(
    bench: Bench, measure: Measure, servers: dict[str, Server], results: Results
) -> None:
    if measure.on_server:
        for name in measure.targets:
            if name in servers:
                results.add(measure, name, measure.on_server(bench, servers[name]))
