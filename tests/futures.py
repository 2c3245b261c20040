"""Versions that do not exist: the working tree as the next one, and two made to be hard."""

import re
from pathlib import Path

from .harness.updating import add_version, history, releases, working_tree

NEXT, HARD, SOFT = "9000.0.0", "9001.0.0", "9002.0.0"

MOVED = {"src/{package}/realtime/outbox.py": "src/{package}/realtime/queue.py"}
REMOVED = ["src/{package}/realtime/close_codes.py"]
ADDED = "NOTES.md"

_PACKAGE = "{{ package_name }}"


def versions(repository: Path, destination: Path) -> Path:
    """Clone the template with every release, the working tree as the next one, the hard ones."""
    clone = history(repository, destination, releases(repository))
    add_version(clone, NEXT, working_tree(repository))
    add_version(clone, HARD, hard, base=NEXT)
    add_version(clone, SOFT, soft, base=NEXT)
    return clone


def hard(clone: Path) -> None:
    """Change every file at its top, middle and end; move one, remove another, add a third."""
    template = clone / "template"
    for path in [*template.rglob("*"), *(clone / "includes").rglob("*.*")]:
        if path.is_file() and "answers_file" not in path.name and path.name != ".gitattributes":
            path.write_text(_changed(path.read_text(encoding="utf-8")), encoding="utf-8")
    for before, after in MOVED.items():
        source = template / before.format(package=_PACKAGE)
        source.rename(template / after.format(package=_PACKAGE))
    for name in REMOVED:
        (template / name.format(package=_PACKAGE)).unlink()
    (template / ADDED).write_text("# Notes\n\nThe template has some too.\n", encoding="utf-8")


def soft(clone: Path) -> None:
    """Do the same, but leave what is moved and removed to its owner, as UPGRADING.md says."""
    hard(clone)
    config = clone / "copier.yml"
    text = config.read_text(encoding="utf-8")
    gone = [name.format(package="*") for name in [*MOVED, *REMOVED]]
    excluded = "".join(f'"/{name}", ' for name in gone)
    assert text.count("_exclude: [") == 1
    config.write_text(text.replace("_exclude: [", f"_exclude: [{excluded}"), encoding="utf-8")


def _changed(text: str) -> str:
    lines = text.splitlines()
    # Not within a tag that takes several lines.
    before = ["\n".join(lines[:n]) for n in range(len(lines))]
    tag = {n for n, text in enumerate(before) if text.rfind("{%") > text.rfind("%}")}
    plain = [
        n
        for n, line in enumerate(lines)
        if line and n not in tag and not re.search(r"\{[%{#]|[%}#]\}", line)
    ]
    if not plain:  # it includes another file, which is changed itself
        return text
    middle = min(plain, key=lambda n: abs(n - len(lines) // 2))
    lines[middle] += "  # in future"
    return "\n".join(["# In future: the top.", *lines, "# In future: the end.", ""])
