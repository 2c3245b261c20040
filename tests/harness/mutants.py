"""Mutation testing of rendered projects with their own suites, by mutmut.

A content that several projects share is mutated in the first of them only.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from . import gates

_DETECTED = {"killed", "timeout", "segfault"}
_CONFIG = """\
# {versions}
[mutmut]
source_paths=src
only_mutate=
{only}
also_copy=
    README.md
    .env.example
{copies}
mutate_only_covered_lines=true
pytest_add_cli_args_test_selection=tests
pytest_add_cli_args=
    -p
    no:cacheprovider
{plugins}
use_git_change_detection=false
track_dependencies=false
"""


class Change(NamedTuple):
    """What a mutant changes; the same wherever in the file the lines stand."""

    file: str
    """Below the package."""
    where: str
    """The function or method."""
    before: str
    after: str

    def __str__(self) -> str:
        """Return it like a diff."""
        lines = [f"  - {line}" for line in self.before.splitlines()]
        lines += [f"  + {line}" for line in self.after.splitlines()]
        return "\n".join([f"{self.file}, {self.where}:", *lines])


class Mutant(NamedTuple):
    """A mutant and what became of it."""

    name: str
    file: str
    status: str


def shares(projects: Mapping[str, Path]) -> dict[str, list[str]]:
    """Give each content of a source file to one project: its path, in the first that has it."""
    seen: set[tuple[str, bytes]] = set()
    shared: dict[str, list[str]] = {}
    for key, tree in projects.items():
        paths = [path for path in gates.files(tree / "src") if path.suffix == ".py"]
        contents = {path.relative_to(tree).as_posix(): path.read_bytes() for path in paths}
        new = {item for item in contents.items() if item not in seen}
        shared[key] = sorted(path for path, _ in new)
        seen |= new
    return shared


def prepare(tree: Path, only: Iterable[str], plugins: Sequence[Path]) -> None:
    """Make a rendered project ready for mutmut: its configuration, and plugins for pytest."""
    for plugin in plugins:
        shutil.copy(plugin, tree)
    versions = f"mutmut {importlib.metadata.version('mutmut')}, {platform.python_version()}"
    config = _CONFIG.format(
        versions=versions,
        only="\n".join(f"    {path}" for path in only),
        copies="\n".join(f"    {plugin.name}" for plugin in plugins),
        plugins="\n".join(f"    -p\n    {plugin.stem}" for plugin in plugins),
    )
    (tree / "setup.cfg").write_text(config, encoding="utf-8")


def keep(fresh: Path, kept: Path) -> None:
    """Put a project in the place of its earlier version, whose results stay if nothing changed."""
    if kept.exists():
        results = kept / "mutants"
        ours = [path for path in gates.files(kept) if results not in path.parents]
        if _contents(ours, kept) == _contents(gates.files(fresh), fresh):
            return
        shutil.rmtree(kept)
    shutil.copytree(fresh, kept)


def _contents(paths: Iterable[Path], tree: Path) -> dict[Path, bytes]:
    return {path.relative_to(tree): path.read_bytes() for path in paths}


def run(tree: Path, children: int) -> list[Mutant]:
    """Test the mutants of a project; go on where an earlier run was interrupted."""
    log = tree / "mutants" / "mutmut.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as output:
        command = [*_MUTMUT, "run", "--max-children", str(children)]
        result = subprocess.run(
            command, cwd=tree, env=_environment(), stdout=output, stderr=output, check=False
        )
    mutants = list(_results(tree))
    if result.returncode != 0 or not mutants or any(m.status == "not checked" for m in mutants):
        last = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n")[-3000:]
        raise RuntimeError(f"mutmut failed in {tree}:\n{last}")
    return mutants


def _results(tree: Path) -> Iterator[Mutant]:
    command = [*_MUTMUT, "results", "--all", "true"]
    output = subprocess.run(
        command, cwd=tree, env=_environment(), capture_output=True, text=True, check=True
    ).stdout
    for line in output.splitlines():
        name, _, status = line.strip().rpartition(": ")
        # package.module.x_function__mutmut_1, package.sub.module.xǁClassǁmethod__mutmut_1
        module = name.rpartition(".")[0].partition(".")[2]
        yield Mutant(name, f"{module.replace('.', '/')}.py", status)


def change(tree: Path, mutant: Mutant) -> Change:
    """Return what a mutant changes."""
    command = [*_MUTMUT, "show", mutant.name]
    output = subprocess.run(
        command, cwd=tree, env=_environment(), capture_output=True, text=True, check=True
    ).stdout
    return parse_diff(mutant, output)


def parse_diff(mutant: Mutant, diff: str) -> Change:
    """Return the change in a unified diff, without indentation and without line numbers."""
    lines = diff.split("\n@@", 1)[1].splitlines()
    before = [line[1:].strip() for line in lines if line.startswith("-")]
    after = [line[1:].strip() for line in lines if line.startswith("+")]
    where = mutant.name.rpartition(".")[2].rpartition("__mutmut_")[0]
    where = where.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return Change(mutant.file, where, "\n".join(before), "\n".join(after))


_MUTMUT = (sys.executable, "-m", "mutmut")


def _environment() -> dict[str, str]:
    return gates.environment(PYTHONPATH="src")


def survivors(results: Mapping[Path, Iterable[Mutant]]) -> set[Change]:
    """Return the changes that no test has noticed."""
    undetected = [(t, m) for t, ms in results.items() for m in ms if m.status not in _DETECTED]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return set(pool.map(lambda pair: change(*pair), undetected))


def listed(path: Path) -> dict[Change, str]:
    """Return the changes that may survive, and why; raise ValueError if one stands there twice."""
    groups = tomllib.loads(path.read_text(encoding="utf-8")).get("survivors", [])
    reasons: dict[Change, str] = {}
    for group in groups:
        for fields in group["changes"]:
            entry = Change(**{key: value.strip() for key, value in fields.items()})
            if entry in reasons:
                raise ValueError(f"listed twice: {entry}")
            reasons[entry] = group["reason"].strip()
    return reasons


def dump(reasons: Mapping[Change, str]) -> str:
    """Return the text of such a list, one table for each reason."""
    by_reason: dict[str, list[Change]] = {}
    for entry, reason in sorted(reasons.items()):
        by_reason.setdefault(reason, []).append(entry)
    lines: list[str] = []
    for reason, entries in by_reason.items():
        lines += ["", "[[survivors]]", f"reason = {_quoted(reason)}"]
        for entry in entries:
            lines += ["", "[[survivors.changes]]"]
            lines += [f"{key} = {_quoted(value)}" for key, value in entry._asdict().items()]
    return "\n".join([*lines[1:], ""])


def _quoted(text: str) -> str:
    if "\n" in text and "'''" not in text:
        return f"'''\n{text}'''"
    # A JSON string without lone surrogates is a TOML string.
    return f"'{text}'" if "'" not in text and "\n" not in text else json.dumps(text)


def differences(found: Iterable[Change], expected: Iterable[Change]) -> list[str]:
    """Say which survivors are not listed, and which listed ones do not survive."""
    found, expected = set(found), set(expected)
    return [f"survives and is not listed: {entry}" for entry in sorted(found - expected)] + [
        f"is listed and does not survive: {entry}" for entry in sorted(expected - found)
    ]


def ratio(statuses: Iterable[str]) -> float:
    """Return how many of the mutants were noticed: killed, or never done."""
    detected = [status in _DETECTED for status in statuses]
    return sum(detected) / len(detected) if detected else 1.0


def table(results: Mapping[str, Iterable[Mutant]]) -> str:
    """Return a line for each file of each project, for each project and for all."""
    lines = [f"{'':58}{'mutants':>8}{'killed':>8}{'timeout':>8}{'survived':>9}{'ratio':>8}"]

    def row(title: str, mutants: Iterable[Mutant]) -> None:
        count = Counter(mutant.status for mutant in mutants)
        total, timeouts = count.total(), count["timeout"] + count["segfault"]
        rest = total - timeouts - count["killed"]
        numbers = f"{total:8}{count['killed']:8}{timeouts:8}{rest:9}"
        lines.append(f"{title:58}{numbers}{ratio(count.elements()):8.1%}")

    for key, mutants in results.items():
        mutants = list(mutants)
        row(key, mutants)
        for file in sorted({mutant.file for mutant in mutants}):
            row(f"  {file}", [mutant for mutant in mutants if mutant.file == file])
    row("all", [mutant for mutants in results.values() for mutant in mutants])
    return "\n".join(lines)
