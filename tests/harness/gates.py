"""What a rendered project must pass; each gate returns its complaints, none if all is well."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

_FORBIDDEN_IN_PATHS = re.compile(r'[<>:"|?*\\]')
_LEFTOVER_JINJA = re.compile(r"\{%|%\}|\{\{|\{#|#\}")
_PARSERS: dict[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".json": json.loads,
}


def files(tree: Path) -> list[Path]:
    """Return the files of a project, without what tools leave behind."""
    paths = (path for path in tree.rglob("*") if path.is_file())
    ignored = re.compile(r"(^|/)(__pycache__|\.git|\.venv|\.[a-z_]+_cache)/|(^|/)\.coverage$")
    return sorted(path for path in paths if not ignored.search(path.relative_to(tree).as_posix()))


def hygiene(tree: Path) -> list[str]:
    """Check that every file parses, is clean text and has a name that every system can hold."""
    return [
        f"{path.relative_to(tree)}: {complaint}"
        for path in files(tree)
        for complaint in _complaints(path, path.relative_to(tree).as_posix())
    ]


def _complaints(path: Path, name: str) -> Iterable[str]:
    if _FORBIDDEN_IN_PATHS.search(name):
        yield "a character in the name that Windows cannot hold"
    text = path.read_bytes().decode("utf-8")
    if not text:
        yield "empty"
    elif not text.endswith("\n") or text.endswith("\n\n"):
        yield "must end with exactly one newline"
    if "\r" in text:
        yield "carriage return"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield f"line {number}: blanks at its end"
        if _LEFTOVER_JINJA.search(line):
            yield f"line {number}: left-over Jinja"
    if "\n\n\n\n" in text or (path.suffix not in {".py", ".md"} and "\n\n\n" in text):
        yield "too many blank lines"
    if parse := _PARSERS.get(path.suffix):
        try:
            parse(text)
        except (ValueError, SyntaxError, yaml.YAMLError) as error:
            yield f"does not parse: {error}"


def _run(command: list[str], cwd: Path, **environment: str) -> list[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("APP_", "COV"))}
    # An environment without compiled byte code makes a run several times slower.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env |= environment
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    return [] if result.returncode == 0 else (result.stdout + result.stderr).splitlines()


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def ruff(trees: Path) -> list[str]:
    """Lint every project below `trees`, in one call."""
    return _run([_tool("ruff"), "check", "--no-cache", "--output-format=concise", "."], trees)


def ruff_format(trees: Path) -> list[str]:
    """Check that every project below `trees` is formatted, in one call."""
    return _run([_tool("ruff"), "format", "--no-cache", "--check", "."], trees)


def mypy(trees: Path, projects: list[Path]) -> list[str]:
    """Check the types of all projects in one call; their packages need names of their own."""
    sources = [str(project / "src") for project in projects]
    targets = [str(project / part) for project in projects for part in ("src", "tests")]
    config = projects[0] / "pyproject.toml"
    command = [_tool("mypy"), "--config-file", str(config), "--explicit-package-bases", *targets]
    return _run(command, trees, MYPYPATH=os.pathsep.join(sources))


def suite(tree: Path, *arguments: str) -> list[str]:
    """Run a project's own tests in a process of their own, with its coverage threshold."""
    return tests(tree, "--cov", *arguments, COVERAGE_FILE=str(tree / ".coverage"))


def tests(tree: Path, *arguments: str, **environment: str) -> list[str]:
    """Run some of a project's tests in a process of their own, whatever they cover."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return _run(command, tree, PYTHONPATH="src", **environment)
