"""What editors are told: the files keep it, and it is what the linter and git demand."""

import configparser
import functools
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from .conftest import ROOT
from .harness import gates
from .harness.template import Project


@functools.cache
def sections(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of an .editorconfig by their globs, the most general first."""
    parser = configparser.ConfigParser()
    parser.read_string(f"[top]\n{text}")
    assert dict(parser["top"]) == {"root": "true"}
    return {glob: dict(parser[glob]) for glob in parser.sections() if glob != "top"}


def matches(glob: str, name: str) -> bool:
    """Tell whether a glob matches the name of a file: such as `*.{a,b}`."""
    words = {"*": "[^/]*", "{": "(?:", ",": "|", "}": ")"}
    pattern = "".join(words.get(character, re.escape(character)) for character in glob)
    return re.fullmatch(pattern, name) is not None


@functools.cache
def told(editorconfig: str, name: str) -> dict[str, str]:
    """Return what an editor is told about a file with that name."""
    found: dict[str, str] = {}
    for glob, values in sections(editorconfig).items():
        if matches(glob, name):
            found |= values
    return found


def complaints(tree: Path, paths: Iterable[Path], renames: Mapping[str, str] = {}) -> list[str]:
    """Return the lines that an editor would have written in another way, with other names."""
    editorconfig = (tree / ".editorconfig").read_text(encoding="utf-8")
    return [
        f"{path}:{line}"
        for path in paths
        for line in wrong_lines(editorconfig, path.name, renamed(path, renames))
    ]


def renamed(path: Path, renames: Mapping[str, str]) -> bytes:
    """Return the content of a file with other names."""
    content = path.read_bytes()
    for name, other in renames.items():
        content = content.replace(name.encode(), other.encode())
    return content


# The same content comes again and again.
@functools.cache
def wrong_lines(editorconfig: str, name: str, content: bytes) -> list[str]:
    """Return the lines of a file that are not as an editor is told."""
    values, found = told(editorconfig, name), []
    lines = content.decode().split("\n")
    if content and lines.pop():
        found.append(f"{len(lines) + 1}: no newline at the end")
    for number, line in enumerate(lines, 1):
        blanks = line[: len(line) - len(line.lstrip())]
        wrong = " " if values["indent_style"] == "tab" else "\t"
        # As ruff has it: what only a linter reads does not count.
        length = len(re.split(r"  # (?:noqa|type): ", line)[0])
        long = length > int(values.get("max_line_length", length))
        if line != line.rstrip() or wrong in blanks or long:
            found.append(f"{number}: {line!r}")
    return found


def settings(tree: Path) -> dict[str, object]:
    """Return ruff's settings."""
    text = (tree / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, object] = tomllib.loads(text)["tool"]["ruff"]
    return found


def agrees(tree: Path) -> None:
    """Check that the other tools demand the same."""
    editorconfig = (tree / ".editorconfig").read_text(encoding="utf-8")
    module = told(editorconfig, "module.py")
    assert module["max_line_length"] == str(settings(tree)["line-length"])
    assert module["indent_size"] == "4"
    assert {told(editorconfig, name)["indent_size"] for name in ("a.yml", "a.yaml")} == {"2"}
    ends = (tree / ".gitattributes").read_text(encoding="utf-8")
    assert f"* text=auto eol={module['end_of_line']}\n" in ends


def test_every_project_is_written_as_its_editor_is_told(projects: dict[str, Project]) -> None:
    for project in projects.values():
        paths = [path for path in gates.files(project.tree) if path.name != ".copier-answers.yml"]
        # A name as long as it can be makes lines longer, as it may.
        usual = {project.identity["package_name"]: "service"}
        assert not complaints(project.tree, paths, usual), project.reproduce
    agrees(project.tree)


def test_this_repository_is_written_as_its_editor_is_told() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    assert len(paths) > 100
    assert not complaints(ROOT, paths)
    agrees(ROOT)


def test_what_an_editor_would_have_written_otherwise_is_seen(tmp_path: Path) -> None:
    (tmp_path / ".editorconfig").write_bytes((ROOT / ".editorconfig").read_bytes())
    good = {"Makefile": "a:\n\tb\n", "a.py": f"{'x' * 100}\n", "b.md": f"{'x' * 101}\n", "c": ""}
    bad = {
        "Makefile": "a:\n  b\n",
        "a.py": f"{'x' * 101}\n",
        "b.md": "x \n",
        "c": "x",
        "d": "\tx\n",
    }
    for texts, count in ((good, 0), (bad, len(bad))):
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        found = complaints(tmp_path, [tmp_path / name for name in texts])
        assert len(found) == count, found
