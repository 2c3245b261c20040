"""Fixtures: the template as a plain folder, and every combination rendered once a session."""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from . import futures
from .harness import gates
from .harness.enumeration import Answers, Representative, arguments, combinations, covering, name
from .harness.forkserver import ForkServer, Outcome
from .harness.progress import Progress
from .harness.record import Record, digest
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


def enumerated() -> list[Answers]:
    """Ask Copier which combinations there are."""
    with tempfile.TemporaryDirectory() as scratch, isolated(Path(scratch)), sped_up():
        template = snapshot(ROOT, Path(scratch) / "template")
        return list(combinations(template, apart={"license"}, texts=TEXTS))


COMBINATIONS = enumerated()
"""All but the licence, which touches no code: each combination takes the next one."""

WARMUP = """
from hypothesis import given, settings, strategies


@settings(database=None, max_examples=10)
@given(strategies.text())
def test_the_tables_of_unicode_are_there(text):
    pass
"""
"""What takes its time when a suite does it first."""

# Once for all projects, and for all runs: the tables of Unicode, the types of the libraries.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".work" / "hypothesis"))
os.environ.setdefault("MYPY_CACHE_DIR", str(ROOT / ".work" / "mypy"))

TWIN = {"asyncio_mode": "auto"}
"""Of two combinations that differ in this alone, the one whose coverage is measured."""

DEFAULT_MARKS = "not updates"
"""What `pyproject.toml` has pytest select: none of the combinations' tests is left out by it."""

LONG = {"suites", "overall"}
"""The fixtures that begin what goes on in the background; without them nothing is proved."""

_template = pytest.StashKey[Path]()
_rendered = pytest.StashKey[dict[str, "Project"]]()
PLAIN = {name(answers) for answers in covering(COMBINATIONS)}
"""Combinations, every answer among them, whose suites run as a user's would.

What comes from the processes of the others being warm would stay unseen otherwise.
"""

_collected = pytest.StashKey[Counter[str]]()
_passed = pytest.StashKey[Counter[str]]()
_proofs = pytest.StashKey[set[str]]()
_unchanged = pytest.StashKey[int]()


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


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with isolated(tmp_path_factory.mktemp("copier")), sped_up():
        yield


@pytest.fixture(scope="session")
def template(pytestconfig: pytest.Config) -> Path:
    """The template as it is in the working tree, without its history."""
    return _snapshot(pytestconfig)


def _snapshot(config: pytest.Config) -> Path:
    if _template not in config.stash:
        folder = Path(tempfile.mkdtemp(prefix="template-"))
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        config.stash[_template] = snapshot(ROOT, folder / "template")
    return config.stash[_template]


def identity(answers: Answers) -> Answers:
    """Return a combination's own answers to what is not combined.

    They depend on nothing but the combination, so that its tree can be known again. The name of the
    package is as long as can be: that must not show in the format.
    """
    number = hashlib.sha256(name(answers).encode()).hexdigest()[:32]
    license = LICENSES[int(number, 16) % len(LICENSES)]
    return {"package_name": f"service_{number}", "license": license}


def _projects(config: pytest.Config) -> dict[str, Project]:
    """Render every combination, once; each with a package name of its own, for mypy."""
    if _rendered not in config.stash:
        template, projects = _snapshot(config), dict[str, Project]()
        with isolated(template.parent), sped_up():
            for answers in COMBINATIONS:
                # An identifier, so that mypy takes the folder for a package.
                place = template.parent / "trees" / re.sub(r"\W", "_", name(answers))
                projects[name(answers)] = Project(answers, identity(answers), place)
                render(template, answers | identity(answers), place)
        config.stash[_rendered] = projects
    return config.stash[_rendered]


@pytest.fixture(scope="session")
def versions(_isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in a repository: every release, the working tree, and what may come."""
    return futures.versions(ROOT, tmp_path_factory.mktemp("versions") / "clone")


@pytest.fixture(scope="session")
def projects(pytestconfig: pytest.Config) -> dict[str, Project]:
    """Every combination, rendered."""
    return _projects(pytestconfig)


@pytest.fixture(params=COMBINATIONS, ids=name)
def project(request: pytest.FixtureRequest, projects: dict[str, Project]) -> Project:
    """One combination after the other."""
    return projects[name(request.param)]


@pytest.fixture(scope="session")
def tested(request: pytest.FixtureRequest, projects: dict[str, Project]) -> dict[str, Project]:
    """The combinations that this run is about."""
    keys = {_combination(item) for item in request.session.items}
    return {key: project for key, project in projects.items() if key in keys} or projects


@pytest.fixture(scope="session")
def suites(tested: dict[str, Project]) -> Iterator[dict[str, Future[Outcome]]]:
    """The result of the own suite of each project that is tested; they run side by side."""
    with ForkServer(warmup=WARMUP, environment=gates.environment()) as server:

        def start(key: str, tree: Path) -> Future[Outcome]:
            # To rewrite assertions takes a tenth of the time, and only what fails has a use for it.
            return server.submit(tree, "--assert=plain", coverage=_measured(tested, key) == key)

        yield {key: start(key, p.tree) for key, p in tested.items() if key not in PLAIN}


@pytest.fixture(scope="session")
def plain_suites(tested: dict[str, Project]) -> Iterator[dict[str, Future[Outcome]]]:
    """The result of each suite that runs as a user's would, one after the other."""
    with ThreadPoolExecutor(1) as pool:
        yield {key: pool.submit(_plainly, p.tree) for key, p in tested.items() if key in PLAIN}
        pool.shutdown(cancel_futures=True)


def _measured(tested: Mapping[str, Project], key: str) -> str:
    """Return whose coverage counts for a combination: its own, or that of its twin.

    Twins have the same source, and the same tests but for marks. If the same tests pass, they cover
    the same.
    """
    twin = name(tested[key].answers | TWIN)
    return twin if twin in tested and not {key, twin} & PLAIN else key


def _plainly(tree: Path) -> Outcome:
    begin = time.monotonic()
    return Outcome(gates.suite(tree), time.monotonic() - begin)


@pytest.fixture(scope="session")
def overall(tested: dict[str, Project]) -> Iterator[dict[str, Future[list[str]]]]:
    """The complaints of each gate that takes all projects in one call."""
    trees = [project.tree for project in tested.values()]
    with ThreadPoolExecutor(1) as pool:
        yield {
            "ruff check": pool.submit(gates.ruff, trees[0].parent),
            "ruff format": pool.submit(gates.ruff_format, trees[0].parent),
            "deptry": pool.submit(gates.dependencies, trees, gates.only_run(ROOT)),
            "mypy": pool.submit(gates.mypy, trees[0].parent, trees),
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session", autouse=True)
def _in_the_background(request: pytest.FixtureRequest, _isolated: None) -> None:
    """Start what takes longest before the first test; the tests that wait for it come last."""
    if any("suites" in _fixtures(item) for item in request.session.items):
        request.getfixturevalue("suites")


@pytest.fixture(scope="session")
def outcome(
    suites: dict[str, Future[Outcome]],
    plain_suites: dict[str, Future[Outcome]],
    overall: dict[str, Future[list[str]]],
    tested: dict[str, Project],
    pytestconfig: pytest.Config,
) -> Callable[[str], Outcome]:
    """Return a function that waits for the suite of a combination, and shows how far all are.

    What else takes long begins with it, to fill the time in which the other suites wait.
    """
    running = suites | plain_suites
    progress = Progress(running.values())
    terminal = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")

    @cache
    def outcome(key: str) -> Outcome:
        while not wait([running[key]], timeout=10).done:
            if terminal is not None and capture is not None:
                with capture.global_and_fixture_disabled():
                    terminal.ensure_newline()
                    terminal.write_line(f"suites: {progress}")
        found = running[key].result()
        if found.complaints and key not in PLAIN:
            # Once more as a user would run it, whose failures tell more. What fails only now and
            # then has failed all the same.
            again = gates.suite(tested[key].tree)
            return replace(found, complaints=again or found.complaints)
        if found.complaints or (twin := _measured(tested, key)) == key:
            return found
        other = outcome(twin)
        if other.complaints:
            return replace(found, complaints=[f"its coverage is that of {twin}, which has failed"])
        if other.tests != found.tests:
            return replace(found, complaints=[f"its tests are not those of {twin}"])
        return found

    return outcome


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def _combination(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return callspec.id if callspec is not None and "project" in callspec.params else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option, for `make changed`."""
    parser.addoption(
        "--changed",
        action="store_true",
        help="leave out the combinations that are as they were when they last passed",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep in mind how many tests a combination has, also those that are deselected later."""
    if combination := _combination(item):
        counts = item.config.stash.setdefault(_collected, Counter())
        counts[combination] += 1
        item.config.stash.setdefault(_proofs, set()).update(_fixtures(item))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has passed before, if asked to; put what waits last."""
    if config.getoption("changed"):
        same = {key for key, value in _digests(config).items() if _record().knows(key, value)}
        left_out = [item for item in items if _combination(item) in same]
        items[:] = [item for item in items if _combination(item) not in same]
        config.hook.pytest_deselected(items=left_out)
        config.stash[_unchanged] = len(same)
        for key in same:
            config.stash.get(_collected, Counter()).pop(key, None)
    items.sort(key=lambda item: not LONG.isdisjoint(_fixtures(item)))


def _record() -> Record:
    return Record(ROOT / ".work" / "green.json")


def _digests(config: pytest.Config) -> dict[str, str]:
    projects = _projects(config).items()
    return {key: digest(p.tree, apart={".copier-answers.yml"}) for key, p in projects}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Record what has passed, if every test of the combinations was asked for."""
    config, stash = session.config, session.config.stash
    marked = config.option.markexpr not in {"", DEFAULT_MARKS}
    parts = config.option.keyword or marked or config.option.deselect
    if parts or any("::" in word for word in config.args) or not stash.get(_proofs, set()) > LONG:
        return
    digests, passed = _digests(config), stash.get(_passed, Counter())
    counts = stash[_collected].items()
    _record().update({k: digests[k] if passed[k] == count else None for k, count in counts})


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
    collected, passed = (
        config.stash.get(_collected, Counter()),
        config.stash.get(_passed, Counter()),
    )
    if config.stash.get(_proofs, set()) > LONG:
        complete = sum(1 for key, count in collected.items() if passed[key] == count)
        of = "" if complete == len(collected) else f" of {len(collected)}"
        text = f"{complete}{of} combination{'' if len(collected) == 1 and not of else 's'} passed"
        if unchanged := config.stash.get(_unchanged, 0):
            they = "is as it was when it" if unchanged == 1 else "are as they were when they"
            text += f", {unchanged} {they} last passed"
        terminalreporter.write_sep("-", text)
