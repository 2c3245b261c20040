"""The pytest plug-in: a test for each combination, `--changed`, and how many have passed.

A `conftest.py` takes it in and tells it of the template:

    pytest_plugins = ["tests.harness.plugin"]

    def pytest_harness_template() -> Template:
        return Template(root=Path(__file__).parents[1])

Each test that asks for the fixture `project` becomes one test a combination. The other fixtures are
in `fixtures`.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from .enumeration import name
from .record import Record, digest
from .template import Rendered, Template

pytest_plugins = [f"{__package__}.fixtures"]

LONG = {"forked_suites", "overall"}
"""The fixtures that begin what goes on in the background; without them nothing is proved."""

_rendered = pytest.StashKey[Rendered]()
_collected = pytest.StashKey[Counter[str]]()
_passed = pytest.StashKey[Counter[str]]()
_proofs = pytest.StashKey[set[str]]()
_unchanged = pytest.StashKey[int]()


class Hooks:
    """What a `conftest.py` answers."""

    @pytest.hookspec(firstresult=True)
    def pytest_harness_template(self) -> Template:
        """Return what the harness has to be told of the template."""
        raise NotImplementedError


def of(config: pytest.Config) -> Rendered:
    """Return the template of this run; it is rendered when its projects are first asked for."""
    if _rendered not in config.stash:
        template = config.hook.pytest_harness_template()
        if template is None:
            raise pytest.UsageError("conftest.py has to define pytest_harness_template()")
        folder = Path(tempfile.mkdtemp(prefix="template-"))
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        config.stash[_rendered] = Rendered(template, folder)
    return config.stash[_rendered]


def combination(item: pytest.Item) -> str | None:
    """Return the name of the combination that a test is about."""
    callspec = getattr(item, "callspec", None)
    return callspec.id if callspec is not None and "project" in callspec.params else None


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Ask `conftest.py` for its template."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option, for `make changed`."""
    parser.addoption(
        "--changed",
        action="store_true",
        help="leave out the combinations that are as they were when they last passed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have mypy read the types of the libraries once for all projects, and for all runs."""
    os.environ.setdefault("MYPY_CACHE_DIR", str(of(config).template.root / ".work" / "mypy"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each combination."""
    if "project" in metafunc.fixturenames:
        combinations = of(metafunc.config).template.combinations
        metafunc.parametrize("project", combinations, ids=name, indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep in mind how many tests a combination has, also those that are deselected later."""
    if key := combination(item):
        item.config.stash.setdefault(_collected, Counter())[key] += 1
        item.config.stash.setdefault(_proofs, set()).update(_fixtures(item))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has passed before, if asked to; put what waits last."""
    if config.getoption("changed"):
        record = _record(config)
        same = {key for key, value in _digests(config).items() if record.knows(key, value)}
        left_out = [item for item in items if combination(item) in same]
        items[:] = [item for item in items if combination(item) not in same]
        config.hook.pytest_deselected(items=left_out)
        config.stash[_unchanged] = len(same)
        for key in same:
            config.stash.get(_collected, Counter()).pop(key, None)
    items.sort(key=lambda item: not LONG.isdisjoint(_fixtures(item)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count the tests that a combination has passed."""
    report = yield
    if (key := combination(item)) and report.when == "call" and report.passed:
        item.config.stash.setdefault(_passed, Counter())[key] += 1
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Record what has passed, if every test of the combinations was asked for."""
    config, stash = session.config, session.config.stash
    marked = config.option.markexpr not in {"", _usual_marks(config)}
    parts = config.option.keyword or marked or config.option.deselect
    if parts or any("::" in word for word in config.args) or not stash.get(_proofs, set()) > LONG:
        return
    digests, passed = _digests(config), stash.get(_passed, Counter())
    counts = stash[_collected].items()
    results = {k: digests[k] if passed[k] == count else None for k, count in counts}
    _record(config).update(results)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many combinations passed all of their tests, out of how many there are."""
    collected = config.stash.get(_collected, Counter())
    passed = config.stash.get(_passed, Counter())
    if config.stash.get(_proofs, set()) > LONG:
        complete = sum(1 for key, count in collected.items() if passed[key] == count)
        of = "" if complete == len(collected) else f" of {len(collected)}"
        text = f"{complete}{of} combination{'' if len(collected) == 1 and not of else 's'} passed"
        if unchanged := config.stash.get(_unchanged, 0):
            they = "is as it was when it" if unchanged == 1 else "are as they were when they"
            text += f", {unchanged} {they} last passed"
        terminalreporter.write_sep("-", text)


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def _usual_marks(config: pytest.Config) -> str:
    """Return what `addopts` selects by marks: no test of a combination is left out by it."""
    options: list[str] = config.getini("addopts")
    return options[options.index("-m") + 1] if "-m" in options else ""


def _record(config: pytest.Config) -> Record:
    return Record(of(config).template.root / ".work" / "green.json")


def _digests(config: pytest.Config) -> dict[str, str]:
    projects = of(config).projects.items()
    return {key: digest(p.tree, apart={".copier-answers.yml"}) for key, p in projects}
