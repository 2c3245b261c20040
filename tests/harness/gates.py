"""What a rendered project must pass; each gate returns its complaints, none if all is well."""

import functools
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

# Fixed here, since a test may have `tempfile` use another folder for a time.
SCRATCH = tempfile.gettempdir()

_FORBIDDEN_IN_PATHS = re.compile(r'[<>:"|?*\\]')
# `${{` is an expression of GitHub's.
_LEFTOVER_JINJA = re.compile(r"\{%|%\}|(?<!\$)\{\{|\{#|#\}")


def _compiled(text: str) -> object:
    # `ast.parse` may raise SystemError when another thread calls it meanwhile, in Python 3.11.
    return compile(text, "<rendered>", "exec", dont_inherit=True)


_PARSERS: dict[str, Callable[[str], object]] = {
    ".py": _compiled,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".json": json.loads,
}


# https://copier.readthedocs.io/en/stable/configuring/: Copier ignores what it does not know.
_SETTINGS = {
    "_answers_file",
    "_envops",
    "_exclude",
    "_external_data",
    "_message_after_copy",
    "_message_after_update",
    "_message_before_copy",
    "_message_before_update",
    "_min_copier_version",
    "_preserve_symlinks",
    "_secret_questions",
    "_skip_if_exists",
    "_subdirectory",
    "_templates_suffix",
}
_NEED_TRUST = {"_jinja_extensions", "_migrations", "_tasks"}
_QUESTION_KEYS = {
    "ask",
    "choices",
    "default",
    "help",
    "multiline",
    "multiselect",
    "placeholder",
    "qmark",
    "secret",
    "type",
    "validator",
    "when",
}


def source(template: Path) -> list[str]:
    """Check what Copier passes over in silence: settings, keys of questions and names of files."""
    return list(_silences(template))


def _silences(template: Path) -> Iterable[str]:
    config = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    for key, value in config.items():
        if key in _NEED_TRUST:
            yield f"copier.yml: {key} makes every user need --trust"
        elif key.startswith("_"):
            if key not in _SETTINGS:
                yield f"copier.yml: {key} is no setting of Copier's"
        else:
            for unknown in sorted(set(value) - _QUESTION_KEYS):
                yield f"copier.yml: {key}: {unknown} is no key of a question"
            if "default" not in value:
                yield f"copier.yml: {key} has no default, which breaks `copier update --defaults`"
    folder = template / config.get("_subdirectory", "")
    suffix = config.get("_templates_suffix", ".jinja")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(template).as_posix()
        if _FORBIDDEN_IN_PATHS.search(name):
            yield f"{name}: a character in the name that Windows cannot hold"
        if path.with_name(path.name + suffix).exists():
            yield f"{name}: never rendered, the file with {suffix} hides it"


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
        for complaint in _complaints(path.relative_to(tree).as_posix(), path.read_bytes())
    ]


# The same content comes again and again.
@functools.cache
def _complaints(name: str, content: bytes) -> tuple[str, ...]:
    return tuple(_check(name, content))


def _check(name: str, content: bytes) -> Iterable[str]:
    suffix = Path(name).suffix
    if _FORBIDDEN_IN_PATHS.search(name):
        yield "a character in the name that Windows cannot hold"
    text = content.decode("utf-8")
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
    if "\n\n\n\n" in text or (suffix not in {".py", ".md"} and "\n\n\n" in text):
        yield "too many blank lines"
    if parse := _PARSERS.get(suffix):
        try:
            parse(text)
        except (ValueError, SyntaxError, yaml.YAMLError) as error:
            yield f"does not parse: {error}"


def environment(**changes: str) -> dict[str, str]:
    """Return the environment in which a project is tried."""
    ours = ("APP_", "COV")
    env = {key: value for key, value in os.environ.items() if not key.upper().startswith(ours)}
    # An environment without compiled byte code makes a run several times slower.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env | changes


def _run(command: list[str], cwd: Path, **changes: str) -> list[str]:
    env = environment(**changes)
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
    if len(projects) > 1:
        # Nobody comes back to them: to write a cache would take longer.
        command.append(f"--cache-dir={os.devnull}")
    return _run(command, trees, MYPYPATH=os.pathsep.join(sources))


def only_run(repository: Path) -> dict[str, str]:
    """Return the tools that a project runs and does not import, and what runs them."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    harness = tomllib.loads(text).get("tool", {}).get("harness", {})
    tools: dict[str, str] = harness.get("only-run", {})
    return tools


def dependencies(projects: Iterable[Path], tools: Iterable[str] = ()) -> list[str]:
    """Check that every dependency is used and every import declared; `tools` are only run."""
    options = [word for tool in tools for word in ("--tool", tool)]
    script = str(Path(__file__).with_name("dependencies.py"))
    command = [sys.executable, script, *options, *map(str, projects)]
    return _run(command, Path.cwd())


def suite(tree: Path, *arguments: str) -> list[str]:
    """Run a project's own tests in a process of their own, with its coverage threshold."""
    return tests(tree, "--cov", *arguments, COVERAGE_FILE=str(tree / ".coverage"))


def tests(tree: Path, *arguments: str, **environment: str) -> list[str]:
    """Run some of a project's tests in a process of their own, whatever they cover."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        # Two sessions that clean up a folder for both get in each other's way.
        environment["PYTEST_DEBUG_TEMPROOT"] = scratch
        return _run(command, tree, PYTHONPATH="src", **environment)


def plugins() -> set[str]:
    """Return the distributions whose plugins every pytest of this environment loads."""
    return {
        point.dist.name
        for point in importlib.metadata.entry_points(group="pytest11")
        if point.dist is not None
    }
