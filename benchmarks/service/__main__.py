"""Measure the generated service beside its peers: `python -m benchmarks.service`.

What each measure means is in docs/performance.md.
"""

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .catalogue import GROUPS, MEASURES
from .generator import Generator, GeneratorError, compile_generator
from .measures import Bench
from .picture import draw
from .recorded import Recorded
from .results import Results
from .rounds import run_rounds
from .serving import ServerError
from .targets import REFERENCE, ROOT, SERVICE, find_targets

_WORK = ROOT / ".work" / "bench"
_QUIET = 0.05
_RECORDED = Path(__file__).with_name("recorded.json")
_PACKAGES = ("falcon", "uvicorn", "uvloop", "msgspec", "starlette", "fastapi", "litestar")


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument(
        "--only", type=_words, default=list(GROUPS), help=f"of {','.join(GROUPS)}; default: all"
    )
    parser.add_argument(
        "--peers", type=_words, help="names in the tables, with commas; default: all of them"
    )
    parser.add_argument("--rounds", type=int, default=5, help="%(default)s")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a sample: %(default)s")
    parser.add_argument(
        "--before", type=Path, metavar="FOLDER", help="another checkout of this template"
    )
    parser.add_argument("--python", default=sys.executable, help="runs the servers")
    parser.add_argument(
        "--output", type=Path, default=_WORK / "service.json", help="every sample: %(default)s"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the ratios as SVG")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--record", action="store_true", help="write recorded.json")
    either.add_argument(
        "--check",
        action="store_true",
        help="fail where echo or broadcast is under 0.9 of its recorded ratio",
    )
    args = parser.parse_args(argv)
    args.python = str(Path(args.python).absolute())
    if args.check:
        args.only, args.peers = list(Recorded.GROUPS), [REFERENCE, SERVICE]
    unknown = set(args.only) - set(GROUPS)
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    return args


def _machine(python: str) -> dict[str, str]:
    """Describe on what the figures were measured."""
    script = (
        "import json, platform, importlib.metadata as m\n"
        f"names = {_PACKAGES!r}\n"
        "found = {d.name.lower(): d.version for d in m.distributions()}\n"
        "print(json.dumps({'python': platform.python_version(), "
        "'packages': ' '.join(f'{n} {found[n]}' for n in names if n in found)}))"
    )
    output = subprocess.check_output([python, "-c", script], text=True)
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(": ")[2] for line in cpuinfo if line.startswith("model name"))
    versions: dict[str, str] = json.loads(output)
    return {
        "cpu": next(models, platform.machine()),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        **versions,
    }


def _raise_limit_of_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16_384 if hard == resource.RLIM_INFINITY else min(hard, 16_384)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _measure(args: argparse.Namespace, scratch: Path) -> Results:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("Only one core: the load generator takes its time from the server.")
    generator = Generator(compile_generator(_WORK), cores[-1])
    bench = Bench(generator, cores[0], args.seconds, scratch)
    measures = [measure for measure in MEASURES if measure.group in args.only]
    targets = find_targets(args.python, scratch / "services", args.before)
    if args.peers:
        unknown = set(args.peers) - set(targets)
        if unknown:
            sys.exit(
                f"nobody is called {', '.join(sorted(unknown))}; there are {', '.join(targets)}"
            )
        # The reference of a table is always in it.
        kept = {*args.peers, *(measure.reference for measure in measures)}
        targets = {name: target for name, target in targets.items() if name in kept}
    return run_rounds(bench, measures, targets, args.rounds)


def main(argv: list[str] | None = None) -> int:
    """Measure, print the tables, write every sample into .work; return the exit status."""
    args = _arguments(argv)
    machine = _machine(args.python)
    print(", ".join(f"{key}: {value}" for key, value in machine.items()), flush=True)
    _raise_limit_of_files()
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as name:
            results = _measure(args, Path(name))
    except (GeneratorError, ServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    content = {"machine": machine, "rounds": args.rounds, "samples": results.as_json()}
    args.output.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    measures = [measure for measure in MEASURES if measure.group in args.only]
    for measure in measures:
        print("\n".join(results.table(measure)))
    if (share := results.disturbance()) > _QUIET:
        print(
            f"Not a quiet machine: the servers waited for their core for {share:.0%} of the time."
        )
    print(f"{time.monotonic() - begin:.0f} seconds; every sample is in {args.output}")
    if args.picture:
        args.picture.write_text(draw(measures, results), encoding="utf-8")
    recorded = Recorded(_RECORDED)
    if args.record:
        recorded.record(measures, results, machine)
    if args.check and (complaints := list(recorded.complaints(measures, results, machine))):
        print("\n".join(f"CHECK: {line}" for line in complaints), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # So that the servers end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
