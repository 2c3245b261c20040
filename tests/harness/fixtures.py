"""Fixtures: the template as a plain folder, its projects, and what is tried on them meanwhile."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from . import gates, suites
from .enumeration import name
from .forkserver import ForkServer, Outcome
from .plugin import combination, of
from .rendering import isolated, sped_up
from .template import Project, Template


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with isolated(tmp_path_factory.mktemp("copier")), sped_up():
        yield


@pytest.fixture(scope="session")
def subject(pytestconfig: pytest.Config) -> Template:
    """What the harness was told of the template."""
    return of(pytestconfig).template


@pytest.fixture(scope="session")
def template(pytestconfig: pytest.Config) -> Path:
    """The template as it is in the working tree, without its history."""
    return of(pytestconfig).source


@pytest.fixture(scope="session")
def projects(pytestconfig: pytest.Config) -> dict[str, Project]:
    """Every combination, rendered."""
    return of(pytestconfig).projects


@pytest.fixture
def project(request: pytest.FixtureRequest, projects: dict[str, Project]) -> Project:
    """One combination after the other; the plug-in makes a test of each."""
    return projects[name(request.param)]


@pytest.fixture(scope="session")
def tested(request: pytest.FixtureRequest, projects: dict[str, Project]) -> dict[str, Project]:
    """The combinations that this run is about."""
    keys = {combination(item) for item in request.session.items}
    return {key: project for key, project in projects.items() if key in keys} or projects


@pytest.fixture(scope="session")
def forked_suites(
    tested: dict[str, Project], subject: Template
) -> Iterator[dict[str, Future[Outcome]]]:
    """The result of the own suite of each project that is tested; they run side by side."""
    with ForkServer(warmup=subject.warmup, environment=gates.environment()) as server:

        def start(key: str, tree: Path) -> Future[Outcome]:
            covered = suites.measured(subject, tested, key) == key
            # To rewrite assertions takes a tenth of the time, and only what fails has a use for it.
            return server.submit(tree, "--assert=plain", coverage=covered)

        yield {key: start(key, p.tree) for key, p in tested.items() if key not in subject.plain}


@pytest.fixture(scope="session")
def plain_suites(
    tested: dict[str, Project], subject: Template
) -> Iterator[dict[str, Future[Outcome]]]:
    """The result of each suite that runs as a user's would, one after the other."""
    plain = {key: project.tree for key, project in tested.items() if key in subject.plain}
    with ThreadPoolExecutor(1) as pool:
        yield {key: pool.submit(suites.plainly, tree) for key, tree in plain.items()}
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def overall(
    tested: dict[str, Project], subject: Template
) -> Iterator[dict[str, Future[list[str]]]]:
    """The complaints of each gate that takes all projects in one call."""
    trees = [project.tree for project in tested.values()]
    with ThreadPoolExecutor(1) as pool:
        yield {
            "ruff check": pool.submit(gates.ruff, trees[0].parent),
            "ruff format": pool.submit(gates.ruff_format, trees[0].parent),
            "deptry": pool.submit(gates.dependencies, trees, gates.only_run(subject.root)),
            "mypy": pool.submit(gates.mypy, trees[0].parent, trees),
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session", autouse=True)
def _in_the_background(request: pytest.FixtureRequest, _isolated: None) -> None:
    """Start what takes longest before the first test; the tests that wait for it come last."""
    if any("forked_suites" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("forked_suites")


@pytest.fixture(scope="session")
def outcome(
    forked_suites: dict[str, Future[Outcome]],
    plain_suites: dict[str, Future[Outcome]],
    overall: dict[str, Future[list[str]]],
    tested: dict[str, Project],
    subject: Template,
    pytestconfig: pytest.Config,
) -> Callable[[str], Outcome]:
    """Return a function that waits for the suite of a combination, and shows how far all are.

    What else takes long begins with it, to fill the time in which the other suites wait.
    """
    terminal = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def say(line: str) -> None:
        if terminal is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                terminal.ensure_newline()
                terminal.write_line(line)

    return suites.outcomes(subject, tested, forked_suites | plain_suites, say)
