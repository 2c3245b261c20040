"""Mutation testing of the generated services: `make mutants`, not a part of `make test`.

Six combinations together have every answer. What survives must stand in survivors.toml, each change
with its reason; `--update` writes that list anew, and leaves the reasons of new survivors to you.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from .conftest import COMBINATIONS, ROOT
from .harness import mutants
from .harness.enumeration import covering, name
from .harness.rendering import isolated, render, snapshot, sped_up

SETS = {name(answers): answers for answers in covering(COMBINATIONS)}
SURVIVORS = ROOT / "tests" / "survivors.toml"
PLUGINS = [ROOT / "tests" / "inside" / "mutation.py"]
WORK = ROOT / ".work" / "mutants"
LEAST = 0.9


def main() -> int:
    """Run mutmut on every combination, each distinct file once; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the list of survivors anew")
    update = parser.parse_args().update
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, isolated(Path(scratch)), sped_up():
        template = snapshot(ROOT, Path(scratch) / "template")
        trees = {
            key: render(template, answers, Path(scratch) / key) for key, answers in SETS.items()
        }
        for key, only in mutants.shares(trees).items():
            mutants.prepare(trees[key], only, PLUGINS)
            mutants.keep(trees[key], WORK / key)
    results = {}
    for key in SETS:
        print(f"{key} ...", flush=True)
        # Many a mutant only waits, for a deadline of its tests.
        results[key] = mutants.run(WORK / key, 2 * (os.cpu_count() or 1))
    found = mutants.survivors({WORK / key: result for key, result in results.items()})
    print(mutants.table(results))
    reasons = mutants.listed(SURVIVORS)
    complaints = mutants.differences(found, reasons)
    if update:
        header = SURVIVORS.read_text(encoding="utf-8").partition("[[")[0]
        text = mutants.dump({change: reasons.get(change, "") for change in found})
        SURVIVORS.write_text(f"{header.rstrip()}\n\n{text}", encoding="utf-8")
    ratio = mutants.ratio(mutant.status for result in results.values() for mutant in result)
    if ratio < LEAST:
        complaints.append(f"only {ratio:.1%} of the mutants were killed, not {LEAST:.0%}")
    print("\n".join([*complaints, f"{time.monotonic() - start:.0f} seconds"]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
