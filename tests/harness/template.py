"""What the harness has to be told of a template, and what it makes of it."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .enumeration import Answers, Representative, arguments, combinations, covering, name
from .rendering import isolated, render, snapshot, sped_up


def _nothing(number: str) -> Answers:
    """Tell no two combinations apart."""
    return {}


@dataclass(frozen=True)
class Template:
    """A template: where it is, and what cannot be read from its questions."""

    root: Path
    """The repository, with `copier.yml`, `template/`, `includes/` and `pyproject.toml`."""

    apart: Collection[str] = ()
    """Questions with choices that touch no code, and are not combined."""

    texts: Mapping[str, Sequence[Representative]] = field(default_factory=dict)
    """For each free text that changes code, the functions that make its representatives."""

    identity: Callable[[str], Answers] = _nothing
    """Makes a combination's answers to what is not combined, of its number: 32 hex digits.

    mypy takes all projects in one call, so that each package needs a name of its own.
    """

    twin: Answers = field(default_factory=dict)
    """Answers that change nothing but the marks of tests.

    Of two combinations that differ in these alone, the coverage of one is measured: the one that
    has them.
    """

    warmup: str = "def test_nothing(): pass\n"
    """A test module that does what takes its time when a suite does it first."""

    @cached_property
    def combinations(self) -> list[Answers]:
        """Every combination."""
        return self.enumerated()

    @cached_property
    def plain(self) -> set[str]:
        """The names of some combinations, with every answer, whose suites run as a user's would.

        What comes from the processes of the others being warm would stay unseen otherwise.
        """
        return {name(answers) for answers in covering(self.combinations)}

    def enumerated(self) -> list[Answers]:
        """Ask Copier which combinations there are."""
        with tempfile.TemporaryDirectory() as scratch, isolated(Path(scratch)), sped_up():
            template = snapshot(self.root, Path(scratch) / "template")
            return list(combinations(template, self.apart, self.texts))

    def identified(self, answers: Answers) -> Answers:
        """Return a combination's own answers to what is not combined.

        They depend on nothing but the combination, so that its tree can be known again.
        """
        return self.identity(hashlib.sha256(name(answers).encode()).hexdigest()[:32])


@dataclass
class Project:
    """A rendered combination of answers."""

    answers: Answers
    identity: Answers
    tree: Path

    @property
    def reproduce(self) -> str:
        """The command that reproduces it."""
        words = " ".join(f'"{w}"' if " " in w else w for w in arguments(self.answers))
        return f"to reproduce: make combo ANSWERS='{words}'"


class Rendered:
    """A template as it is in the working tree, and its projects, each rendered once."""

    def __init__(self, template: Template, folder: Path) -> None:
        """Begin with nothing; what is asked for goes below the folder."""
        self.template = template
        self._folder = folder

    @cached_property
    def source(self) -> Path:
        """The template as a plain folder, without its history."""
        return snapshot(self.template.root, self._folder / "template")

    @cached_property
    def projects(self) -> dict[str, Project]:
        """Every combination by its name."""
        found = {}
        with isolated(self._folder), sped_up():
            for answers in self.template.combinations:
                # An identifier, so that mypy takes the folder for a package.
                place = self._folder / "trees" / re.sub(r"\W", "_", name(answers))
                project = Project(answers, self.template.identified(answers), place)
                found[name(answers)] = project
                render(self.source, answers | project.identity, place)
        return found
