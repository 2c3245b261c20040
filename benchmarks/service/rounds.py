"""Rounds, and slices within them: A B C, A B C.

What disturbs the machine for a while then disturbs everybody, and two samples of a ratio lie a
fraction of a second apart. Each round has servers of its own: one process may be luckier than
another for as long as it lives.
"""

from collections.abc import Iterable
from contextlib import ExitStack

from .agreement import check_agreement
from .generator import Counted, GeneratorError, Run
from .measures import Bench, Measure, Sample
from .results import Results
from .serving import Server, serving
from .targets import Target

_FIRST_WARMUP = 0.3
_WARMUP = 0.02


def run_rounds(
    bench: Bench, measures: Iterable[Measure], targets: dict[str, Target], rounds: int
) -> Results:
    """Take every measure of those of its targets that are there, in every round."""
    results = Results()
    chosen = list(measures)
    for number in range(rounds):
        due = [measure for measure in chosen if number < measure.rounds]
        # Those that start their own server come first: nothing else runs then.
        for measure in due:
            for name in _present(measure, targets):
                if measure.alone:
                    results.add(measure, name, [measure.alone(bench, targets[name])])
        with ExitStack() as stack:
            loaded = [measure for measure in due if measure.load]
            names = dict.fromkeys(name for m in loaded for name in _present(m, targets))
            servers = {
                name: stack.enter_context(
                    serving(targets[name], bench.core, bench.log(targets[name]))
                )
                for name in names
            }
            for server in servers.values():
                check_agreement(server)
            for measure in loaded:
                _take_slices(bench, measure, servers, results)
        print(f"round {number + 1} of {rounds} is done", flush=True)
    return results


def _present(measure: Measure, targets: dict[str, Target]) -> list[str]:
    return [name for name in measure.targets if name in targets]


def _take_slices(
    bench: Bench, measure: Measure, servers: dict[str, Server], results: Results
) -> None:
    with ExitStack() as stack:
        runs = {}
        for name in measure.targets:
            if measure.load and (server := servers.get(name)):
                opened = bench.generator.opened(server.pid, server.port, measure.load(server))
                runs[name] = stack.enter_context(opened)
        samples: dict[str, list[Sample]] = {name: [] for name in runs}
        for number in range(measure.slices):
            for name, run in runs.items():
                warmup = _WARMUP if number else min(_FIRST_WARMUP, bench.seconds)
                counted = _work(run, warmup, bench.seconds / measure.slices)
                samples[name].append(measure.reading(counted))
    for name, slices in samples.items():
        results.add(measure, name, slices)


def _work(run: Run, warmup: float, seconds: float) -> Counted:
    """Work for a slice; for longer if the server got no time in it."""
    for _ in range(12):
        counted = run.work(warmup, seconds)
        if counted.messages and counted.server:
            return counted
        seconds *= 2
    raise GeneratorError("the server did nothing for several slices")
