"""What `copier copy` and an update that changes nothing cost, beside other templates, in one run.

The others are a template of a single file, and the files of our default service as they are,
without any Jinja: what Copier and git take for each file, whatever stands in it. Each figure is the
CPU time of the command and of the git processes that it starts.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.harness.rendering import isolated, snapshot
from tests.harness.updating import git

ANSWERS_FILE = ".copier-answers.yml"
CONFIG = f"_subdirectory: template\n_answers_file: {ANSWERS_FILE}\n"
VERSIONS = ("1.0.0", "2.0.0")
COPIER = [sys.executable, "-W", "ignore", "-m", "copier"]


def released(template: Path) -> Path:
    """Make a folder a git repository with two versions that are the same."""
    git(template, "init", "--quiet")
    git(template, "add", "--force", ".")
    for version in VERSIONS:
        git(template, "commit", "--quiet", "--allow-empty", "--message", version)
        git(template, "tag", version)
    return template


def plain(files: Path, template: Path) -> Path:
    """Make a template whose files are copied as they are, and that has no questions."""
    shutil.copytree(files, template / "template", ignore=shutil.ignore_patterns(ANSWERS_FILE))
    (template / "copier.yml").write_text(CONFIG, encoding="utf-8")
    answers = template / "template" / f"{ANSWERS_FILE}.jinja"
    answers.write_text("{{ _copier_answers | to_nice_yaml }}", encoding="utf-8")
    return released(template)


def cpu(*arguments: str | Path) -> float:
    """Run Copier; return its CPU time with that of its children, in seconds."""
    before = os.times()
    subprocess.run([*COPIER, *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def measure(template: Path, project: Path) -> tuple[float, float]:
    """Return what a copy of the first version and an update to the second one take."""
    options = ("--defaults", "--quiet")
    copy = cpu("copy", *options, "--vcs-ref", VERSIONS[0], template, project)
    git(project, "init", "--quiet")
    git(project, "add", "--force", ".")
    git(project, "commit", "--quiet", "--message", "Start")
    update = cpu("update", *options, project)
    shutil.rmtree(project)
    return copy, update


def main() -> None:
    """Measure in turns, and print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often (default: 7)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, isolated(Path(folder)):
        scratch = Path(folder)
        service = scratch / "service"
        ours = released(snapshot(ROOT, scratch / "ours"))
        cpu("copy", "--defaults", "--quiet", "--vcs-ref", VERSIONS[0], ours, service)
        (scratch / "one").mkdir()
        (scratch / "one" / "README.md").write_text("A file.\n", encoding="utf-8")
        count = sum(path.is_file() for path in service.rglob("*"))
        templates = {
            "a template of one file": plain(scratch / "one", scratch / "single"),
            f"our {count} files without Jinja": plain(service, scratch / "plain"),
            "ours": ours,
        }
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in templates}
        for _ in range(rounds):
            for name, template in templates.items():
                seconds[name].append(measure(template, scratch / "project"))
    medians = {
        name: [statistics.median(column) for column in zip(*runs, strict=True)]
        for name, runs in seconds.items()
    }
    reference = next(iter(medians.values()))
    print("| CPU | copy | update without changes |\n|---|---|---|")
    for name, figures in medians.items():
        cells = [f"{s:.2f} s ({s / one:.2f})" for s, one in zip(figures, reference, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
