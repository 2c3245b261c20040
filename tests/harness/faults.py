"""Faults, to see that a gate can go red: read from data files, and put into a copy of a template.

A data file has a table `[[faults]]` for each fault, with the keys of `Fault`.
"""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from .enumeration import Answers


@dataclass(frozen=True)
class Fault:
    """An edit of the template: what it is, where, and what must notice it."""

    name: str
    """Says what is wrong, in no other fault's words."""

    file: str
    """The path in the repository; a file that is not there yet if `before` is empty."""

    before: str
    """Is there exactly once; if it is empty, a new file is made."""

    after: str
    """Takes its place."""

    gate: str
    """The check that must complain."""

    evidence: str
    """Part of the complaint; of a suite, a test that fails."""

    answers: Answers
    """The answers that show it."""

    unseen: Answers | None = None
    """Answers with which nobody notices: why a sample of combinations is not enough."""

    def __str__(self) -> str:
        """Return it as the name of a test."""
        return f"{self.gate}: {self.name}"


_REQUIRED = {field.name for field in fields(Fault) if field.default is MISSING}
_TABLES = {"answers", "unseen"}
_KNOWN = {field.name for field in fields(Fault)}


def read(folder: Path, gates: Collection[str]) -> list[Fault]:
    """Return the faults of all data files in a folder, each for one of the gates.

    Raises:
        ValueError: names each file and fault with a key too many, too few or of the wrong type,
            with a gate that is not there, or with a name that another fault has.
    """
    faults, complaints = [], []
    for path in sorted(folder.glob("*.toml")):
        config = tomllib.loads(path.read_text(encoding="utf-8"))
        complaints += [f"{path.name}: {key} is no key" for key in config if key != "faults"]
        for table in config.get("faults", []):
            if wrong := _wrong(table, gates):
                complaints += [f"{path.name}: {table.get('name')}: {text}" for text in wrong]
            else:
                faults.append(Fault(**table))
    names = Counter(fault.name for fault in faults)
    complaints += [f"{name}: there {count} times" for name, count in names.items() if count > 1]
    if complaints:
        raise ValueError("\n".join(complaints))
    return faults


def _wrong(table: dict[str, Any], gates: Collection[str]) -> list[str]:
    wrong = [f"{key} is no key" for key in table if key not in _KNOWN]
    wrong += [f"{key} is missing" for key in sorted(_REQUIRED - table.keys())]
    for key in _KNOWN & table.keys():
        kind = dict if key in _TABLES else str
        if not isinstance(table[key], kind):
            wrong.append(f"{key} is no {'table' if kind is dict else 'text'}")
    if table.get("before") == table.get("after"):
        wrong.append("before and after are the same")
    if "gate" in table and table["gate"] not in gates:
        wrong.append(f"{table['gate']} is no gate")
    return wrong


def misfits(template: Path, faults: Sequence[Fault]) -> list[str]:
    """Return why faults do not fit the template as it is."""
    found = [(fault, _misfit(template / fault.file, fault.before)) for fault in faults]
    return [f"{fault.name}: {fault.file}: {why}" for fault, why in found if why]


def _misfit(path: Path, before: str) -> str | None:
    if not before:
        if not path.parent.is_dir():
            return "has no folder"
        return "is there already" if path.exists() else None
    if not path.is_file():
        return "is not there"
    count = path.read_text(encoding="utf-8").count(before)
    return None if count == 1 else f"has the text before {count} times"


@contextmanager
def injected(fault: Fault, template: Path) -> Iterator[None]:
    """Make the edit, which must fit: a fault that is not there proves nothing. Take it back.

    One copy of the template is enough, and Copier has compiled most of it already.

    Raises:
        ValueError: the edit does not fit.
    """
    if complaints := misfits(template, [fault]):
        raise ValueError(complaints[0])
    path = template / fault.file
    if fault.before:
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(fault.before, fault.after), encoding="utf-8")
        yield
        path.write_text(text, encoding="utf-8")
    else:
        path.write_text(fault.after, encoding="utf-8")
        yield
        path.unlink()
