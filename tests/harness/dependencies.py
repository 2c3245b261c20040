"""Run deptry on many projects in one process: `dependencies.py [--tool NAME]... PROJECT...`.

A process of its own, because deptry's command line sets up logging for good.
"""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deptry.cli import cli

_NOTHING = r"[^\s\S]"  # matches no file: by default deptry leaves the tests out
_RUNS: tuple[tuple[list[str], list[str]], ...] = (
    # What is imported in src must be a dependency of the service itself, and the other way round.
    (["src"], []),
    # What the tests import may come from the development group, and that must be used.
    (["src", "tests"], ["--exclude", _NOTHING, "--non-dev-dependency-groups", "dev"]),
)


def complaints(project: Path, tools: list[str]) -> Iterator[str]:
    """Yield what is declared and not used, or used and not declared."""
    unused = ["--per-rule-ignores", f"DEP002={'|'.join(tools)}"] if tools else []
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        for folders, options in _RUNS:
            roots = [str(project / folder) for folder in folders]
            config = ["--config", str(project / "pyproject.toml"), "--json-output", str(report)]
            try:
                cli.main([*roots, *config, *options, *unused], standalone_mode=False)
            except SystemExit:
                for violation in json.loads(report.read_text(encoding="utf-8")):
                    where, error = violation["location"], violation["error"]
                    file = Path(where["file"]).relative_to(project.parent)
                    line = f":{where['line']}" if where["line"] else ""
                    yield f"{file}{line}: {error['code']} {error['message']}"


def main() -> int:
    """Print every complaint once; return 1 if there is any."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", action="append", default=[])
    parser.add_argument("projects", nargs="+", type=Path)
    args = parser.parse_args()
    logging.disable()
    found = [line for project in args.projects for line in complaints(project, args.tool)]
    print("\n".join(dict.fromkeys(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
