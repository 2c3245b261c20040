"""How long the proof of all combinations takes, beside the naive way, in one run.

The naive way is what a person would type for each combination: `copier copy`, a fresh environment,
then the linters and `pytest` as processes of their own. It is measured on a few combinations, in
turns with ours, and multiplied; installing its environment needs the network.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import COMBINATIONS, ROOT, TEMPLATE
from tests.harness import gates
from tests.harness.enumeration import Answers, arguments
from tests.harness.forkserver import ForkServer
from tests.harness.rendering import isolated, render, snapshot, sped_up

Seconds = dict[str, float]


@contextmanager
def timed(seconds: Seconds, stage: str) -> Iterator[None]:
    """Add the time that a block takes to a stage."""
    begin = time.monotonic()
    yield
    seconds[stage] = seconds.get(stage, 0) + time.monotonic() - begin


def green(complaints: list[str]) -> None:
    """Stop where something is red: its time would say nothing."""
    if complaints:
        sys.exit("\n".join(complaints))


def ours(template: Path, scratch: Path, combinations: list[Answers], jobs: int | None) -> Seconds:
    """Prove combinations, one stage after the other; in `make test` they overlap."""
    seconds: Seconds = {}
    folder = scratch / "trees"
    with timed(seconds, "enumerate"):
        TEMPLATE.enumerated()
    with timed(seconds, "render"), isolated(scratch), sped_up():
        trees = [
            render(template, answers | TEMPLATE.identified(answers), folder / f"tree_{number}")
            for number, answers in enumerate(combinations)
        ]
    with timed(seconds, "hygiene"):
        green([line for tree in trees for line in gates.hygiene(tree)])
    with timed(seconds, "ruff check"):
        green(gates.ruff(folder))
    with timed(seconds, "ruff format"):
        green(gates.ruff_format(folder))
    with timed(seconds, "deptry"):
        green(gates.dependencies(trees, gates.only_run(ROOT)))
    with timed(seconds, "mypy"):
        green(gates.mypy(folder, trees))
    with (
        timed(seconds, "pytest"),
        ForkServer(jobs, warmup=TEMPLATE.warmup, environment=gates.environment()) as server,
    ):
        for suite in [server.submit(tree, "--assert=plain") for tree in trees]:
            green(suite.result().complaints)
    shutil.rmtree(folder)
    return seconds


def naive(template: Path, scratch: Path, answers: Answers, install: bool) -> Seconds:
    """Prove one combination, each stage as a process of its own."""
    seconds: Seconds = {}
    tree = scratch / "naive"
    data = [word for argument in arguments(answers) for word in ("--data", argument)]
    copy = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", *data]

    def process(*command: str | Path) -> None:
        result = subprocess.run(
            [str(word) for word in command],
            cwd=tree,
            env=gates.environment(PYTHONPATH="src"),
            capture_output=True,
            text=True,
            check=False,
        )
        green((result.stdout + result.stderr).splitlines() if result.returncode else [])

    with timed(seconds, "render"):
        subprocess.run([*copy, str(template), str(tree)], check=True)
    bin_ = Path(sys.executable).parent
    if install:
        with timed(seconds, "environment"):
            process(sys.executable, "-m", "venv", ".venv")
            bin_ = tree / ".venv" / "bin"
            pip = (bin_ / "python", "-m", "pip", "install", "--quiet")
            process(*pip, "--upgrade", "pip")
            process(*pip, "--editable", ".", "--group", "dev")
    stages: dict[str, Callable[[], None]] = {
        "ruff check": lambda: process(bin_ / "ruff", "check", "--no-cache"),
        "ruff format": lambda: process(bin_ / "ruff", "format", "--no-cache", "--check"),
        # Projects do not bring it along.
        "deptry": lambda: green(gates.dependencies([tree], gates.only_run(ROOT))),
        "mypy": lambda: process(bin_ / "mypy", "--cache-dir=.mypy_cache"),
        "pytest": lambda: process(bin_ / "python", "-m", "pytest", "-q", "--cov"),
    }
    for stage, run in stages.items():
        with timed(seconds, stage):
            run()
    shutil.rmtree(tree)
    return seconds


def report(runs: dict[int, Seconds], samples: list[Seconds], install: bool) -> None:
    """Print the seconds of each stage, and what they are in the naive way."""
    sizes = sorted(runs)
    largest = sizes[-1]
    each = {
        stage: sum(sample.get(stage, 0) for sample in samples) / len(samples)
        for stage in ("enumerate", "render", "hygiene", "environment", *runs[largest])
    }
    titles = [f"{size} of {len(COMBINATIONS)}" for size in sizes]
    print(f"\n{'seconds':<12}", *(f"{title:>11}" for title in titles), end="")
    print(f"{'each':>9}{'naive each':>12}{'ratio':>8}")

    def line(stage: str, ours: list[float], naive: float) -> None:
        one = ours[-1] / largest
        ratio = f"{naive / one:.1f}" if naive and one else ""
        print(f"{stage:<12}", *(f"{value:>11.1f}" for value in ours), end="")
        print(f"{one:>9.3f}{naive:>12.2f}{ratio:>8}")

    for stage, seconds in each.items():
        line(stage, [runs[size].get(stage, 0) for size in sizes], seconds)
    line("all", [sum(runs[size].values()) for size in sizes], sum(each.values()))
    naively = largest * sum(each.values())
    print(
        f"\nThe naive way would take {naively / 60:.0f} minutes for {largest} combinations, "
        f"as measured on {len(samples)}"
        + (", fresh environments included." if install else ", without fresh environments.")
    )
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"The largest process held {memory} MiB; {os.cpu_count()} cores.")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matrix", description=__doc__)
    parser.add_argument("--sizes", default=f"10,45,{len(COMBINATIONS)}", help="%(default)s")
    parser.add_argument("--samples", type=int, default=3, help="for the naive way: %(default)s")
    parser.add_argument("--jobs", type=int, help="suites at once; default: one more than cores")
    parser.add_argument("--no-environment", action="store_true", help="needs no network")
    args = parser.parse_args()
    sizes = [int(size) for size in args.sizes.split(",")]
    runs: dict[int, Seconds] = {}
    samples: list[Seconds] = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        template = snapshot(ROOT, scratch / "template")
        for number in range(max(len(sizes), args.samples)):
            if number < args.samples:
                answers = COMBINATIONS[number * len(COMBINATIONS) // args.samples]
                print("naively:", " ".join(arguments(answers)), flush=True)
                samples.append(naive(template, scratch, answers, not args.no_environment))
            if number < len(sizes):
                step = len(COMBINATIONS) / sizes[number]
                chosen = [COMBINATIONS[int(i * step)] for i in range(sizes[number])]
                print(f"ours: {len(chosen)} combinations", flush=True)
                runs[sizes[number]] = ours(template, scratch, chosen, args.jobs)
    report(runs, samples, not args.no_environment)


if __name__ == "__main__":
    main()
