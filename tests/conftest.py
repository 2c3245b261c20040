"""Fixtures: the template as a plain folder, and every combination rendered once a session."""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from . import futures
from .harness import gates
from .harness.enumeration import Answers, Representative, arguments, combinations, name
from .harness.rendering import isolated, render, snapshot, sped_up

ROOT = Path(__file__).parents[1]

settings.register_profile(
    "default", derandomize=True, database=None, deadline=None, max_examples=30
)
settings.register_profile("fuzz", database=None, deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

LICENSES = ("MIT", "Apache-2.0", "BSD-3-Clause", "Proprietary")


def no_subprotocols(answers: Answers) -> str:
    """Speak none."""
    return ""


def two_subprotocols(answers: Answers) -> str:
    """Speak two, of which the best one names the last media handler by its suffix."""
    return f"chat.v2.{(answers.get('media_handlers') or ['json'])[-1]}, chat.v1"


TEXTS: dict[str, list[Representative]] = {"subprotocols": [no_subprotocols, two_subprotocols]}
"""The representatives of free text that changes code."""


def _enumerate() -> list[Answers]:
    with tempfile.TemporaryDirectory() as scratch, isolated(Path(scratch)), sped_up():
        template = snapshot(ROOT, Path(scratch) / "template")
        return list(combinations(template, apart={"license"}, texts=TEXTS))


COMBINATIONS = _enumerate()
"""All but the licence, which touches no code: each combination takes the next one."""

_collected = pytest.StashKey[Counter[str]]()
_passed = pytest.StashKey[Counter[str]]()


@dataclass
class Project:
    """A rendered combination of answers."""

    answers: Answers
    tree: Path

    @property
    def reproduce(self) -> str:
        """The command that reproduces it."""
        words = " ".join(f'"{w}"' if " " in w else w for w in arguments(self.answers))
        return f"to reproduce: make combo ANSWERS='{words}'"


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with isolated(tmp_path_factory.mktemp("copier")), sped_up():
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it is in the working tree, without its history."""
    return snapshot(ROOT, tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def versions(_isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in a repository: every release, the working tree, and what may come."""
    return futures.versions(ROOT, tmp_path_factory.mktemp("versions") / "clone")


@pytest.fixture(scope="session")
def projects(
    _isolated: None, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Project]:
    """Every combination, rendered; each with a package name of its own, for mypy."""
    trees = tmp_path_factory.mktemp("trees")
    projects = {}
    for number, answers in enumerate(COMBINATIONS):
        identity = {
            "package_name": f"service_{number}",
            "license": LICENSES[number % len(LICENSES)],
        }
        # An identifier, so that mypy takes the folder for a package.
        folder = re.sub(r"\W", "_", name(answers))
        tree = render(template, answers | identity, trees / folder)
        projects[name(answers)] = Project(answers, tree)
    return projects


@pytest.fixture(params=COMBINATIONS, ids=name)
def project(request: pytest.FixtureRequest, projects: dict[str, Project]) -> Project:
    """One combination after the other."""
    return projects[name(request.param)]


@pytest.fixture(scope="session")
def suites(
    request: pytest.FixtureRequest, projects: dict[str, Project]
) -> Iterator[dict[str, Future[list[str]]]]:
    """The result of the own suite of each project that is tested; they run side by side."""
    tested = {_combination(item) for item in request.session.items}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            key: pool.submit(gates.suite, project.tree)
            for key, project in projects.items()
            if key in tested
        }


def _combination(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return callspec.id if callspec is not None and "project" in callspec.params else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep in mind how many tests a combination has, also those that are deselected later."""
    if combination := _combination(item):
        counts = item.config.stash.setdefault(_collected, Counter())
        counts[combination] += 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count the tests that a combination has passed."""
    report = yield
    if (combination := _combination(item)) and report.when == "call" and report.passed:
        counts = item.config.stash.setdefault(_passed, Counter())
        counts[combination] += 1
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many combinations passed all of their tests, out of how many there are."""
    collected, passed = config.stash.get(_collected, None), config.stash.get(_passed, Counter())
    if collected:
        complete = sum(1 for key, count in collected.items() if passed[key] == count)
        of = "" if complete == len(collected) else f" of {len(collected)}"
        terminalreporter.write_sep("-", f"{complete}{of} combinations passed")
