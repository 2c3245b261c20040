"""The fork server: green is green, every way to fail is a failure, and nothing leaks."""

import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness.forkserver import ForkServer, Outcome
from .harness.gates import environment

CONFIGURATION = """\
[tool.pytest]
filterwarnings = ["error"]
testpaths = ["tests"]
asyncio_default_fixture_loop_scope = "function"
[tool.coverage.run]
branch = true
source = ["{package}"]
[tool.coverage.report]
fail_under = 100
"""
SIGN = """\
def sign(x: int) -> int:
    if x < 0:
        return -1
    return 1
"""
GREEN = """\
from {package}.module import sign


def test_sign() -> None:
    assert sign(1) == 1
    assert sign(-1) == -1
"""


def project(tree: Path, test: str = GREEN, package: str = "package", source: str = SIGN) -> Path:
    """Write a small project."""
    for path, text in {
        "pyproject.toml": CONFIGURATION.replace("{package}", package),
        f"src/{package}/__init__.py": "",
        f"src/{package}/module.py": source,
        "tests/__init__.py": "",
        "tests/test_module.py": test.replace("{package}", package),
    }.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")
    return tree


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    """A server with one lane, so that each suite follows upon another in the same process."""
    with ForkServer(1, environment=environment(), deadline=60) as server:
        yield server


def run(server: ForkServer, tree: Path) -> Outcome:
    return server.submit(tree).result(timeout=120)


def failure(server: ForkServer, tree: Path) -> str:
    outcome = run(server, tree)
    assert outcome.complaints
    return "\n".join(outcome.complaints)


def test_a_green_suite_has_no_complaints_and_leaves_nothing_behind(
    server: ForkServer, tmp_path: Path
) -> None:
    before = set(project(tmp_path).rglob("*"))
    outcome = run(server, tmp_path)
    assert outcome.complaints == []
    assert outcome.cpu > 0
    assert outcome.memory > 10_000
    assert set(tmp_path.rglob("*")) == before


def test_without_coverage_it_counts_which_tests_have_passed(
    server: ForkServer, tmp_path: Path
) -> None:
    part = GREEN.replace("    assert sign(-1) == -1\n", "")
    suites = {
        "measured": GREEN,
        "the same": GREEN,
        "part": part,
        "another": part.replace("test_sign", "test_other"),
        "skipped": part.replace("    assert", "    import pytest; pytest.skip()\n    assert"),
    }
    outcomes = {
        name: server.submit(project(tmp_path / name, test), coverage=name == "measured").result(120)
        for name, test in suites.items()
    }
    assert [name for name, outcome in outcomes.items() if outcome.complaints] == []
    expected = outcomes["measured"].tests
    assert [n for n, outcome in outcomes.items() if outcome.tests == expected] == [
        "measured",
        "the same",
        "part",
    ]


def test_a_red_suite_shows_what_pytest_has_printed(server: ForkServer, tmp_path: Path) -> None:
    text = failure(server, project(tmp_path, GREEN.replace("== -1", "== -2")))
    assert "assert -1 == -2" in text
    assert text.endswith("pytest ended with exit status 1.")


@pytest.mark.parametrize(
    ("test", "words"),
    [
        pytest.param(
            GREEN.replace("    assert sign(-1) == -1\n", ""), "total of 67", id="coverage"
        ),
        pytest.param(
            GREEN + "    import warnings\n    warnings.warn('old')\n", "old", id="warning"
        ),
        pytest.param("import no_such_module\n", "exit status 2", id="import"),
        pytest.param("", "no tests ran", id="no tests"),
    ],
)
def test_whatever_fails_under_pytest_is_a_failure(
    server: ForkServer, tmp_path: Path, test: str, words: str
) -> None:
    assert words in failure(server, project(tmp_path, test))


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("import os; os._exit(0)", "with exit status 0 before the suite was over"),
        ("import os; os.kill(os.getpid(), 11)", "by signal SIGSEGV before the suite was over"),
        ("import os; os.kill(os.getppid(), 9)", "the process that runs the suites has ended"),
    ],
)
def test_a_crash_is_a_failure_of_that_suite_alone(
    server: ForkServer, tmp_path: Path, end: str, words: str
) -> None:
    tree = project(tmp_path / "crash", f"def test_crash() -> None:\n    {end}\n")
    assert words in failure(server, tree)
    assert run(server, project(tmp_path / "green")).complaints == []


def test_a_suite_that_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = f"import time; f = open({str(fifo)!r}, 'w'); print('x', file=f, flush=True); "
    test = f"""\
import subprocess
import sys


def test_hang() -> None:
    subprocess.run([sys.executable, "-c", {program + "time.sleep(600)"!r}])
"""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with ForkServer(1, environment=environment(), deadline=5) as server:
        assert "not over after 5 seconds" in failure(server, project(tmp_path / "hang", test))
        # What the suite has started did run, and nobody has the fifo open any more.
        os.set_blocking(reader, True)
        assert os.read(reader, 10) == b"x\n"
        assert select.select([reader], [], [], 30)[0]
        assert os.read(reader, 10) == b""
        os.close(reader)
        assert run(server, project(tmp_path / "green")).complaints == []


def test_the_end_of_a_server_stops_what_it_runs(tmp_path: Path) -> None:
    started = tmp_path / "started"
    test = f"""\
import time
from pathlib import Path


def test_hang() -> None:
    Path({str(started)!r}).touch()
    time.sleep(600)
"""
    with ForkServer(1, environment=environment()) as server:
        hanging = server.submit(project(tmp_path / "hang", test))
        waiting = server.submit(project(tmp_path / "green"))
        while not started.exists():
            assert not hanging.done()
            time.sleep(0.01)
    assert hanging.result(timeout=0).complaints
    assert waiting.cancelled()


def test_nothing_of_one_suite_is_there_in_the_next(server: ForkServer, tmp_path: Path) -> None:
    """Two projects with the same names, of which the first changes whatever it can."""
    first = """\
import json
import os
import sys

import decimal
import package.module
from package.module import sign


def test_change() -> None:
    assert sign(1) == 1
    assert sign(-1) == -1
    assert not hasattr(package.module, "state")
    package.module.state = json.state = decimal.state = 1
    os.environ["LEFT_BEHIND"] = "1"
    sys.path.append("/left/behind")
    os.chdir("/")
"""
    second = """\
import json
import os
import sys
from pathlib import Path

import decimal
import package.module
from package.module import sign


def test_nothing_is_there() -> None:
    assert sign(3) == 3
    for module in (package.module, json, decimal):
        assert not hasattr(module, "state")
    assert "LEFT_BEHIND" not in os.environ
    assert "/left/behind" not in sys.path
    assert Path.cwd() == Path(__file__).parents[1]
"""
    other = "def sign(x: int) -> int:\n    return x\n"
    for number in range(2):
        outcome = run(server, project(tmp_path / f"a{number}", first))
        assert outcome.complaints == []
        outcome = run(server, project(tmp_path / f"b{number}", second, source=other))
        assert outcome.complaints == []


def test_a_lane_learns_what_suites_import_but_nothing_of_a_project(tmp_path: Path) -> None:
    # `this` prints when it is imported: the second suite finds it imported already.
    test = """\
import sys

from package.module import sign

known = "this" in sys.modules
import this


def test_known() -> None:
    assert sign(1) == 1
    assert sign(-1) == -1
    assert known is EXPECTED
"""
    with ForkServer(1, environment=environment()) as server:
        for expected in ("False", "True"):
            tree = project(tmp_path / expected, test.replace("EXPECTED", expected))
            assert run(server, tree).complaints == []


def test_a_package_may_have_the_name_of_a_module_of_the_library(tmp_path: Path) -> None:
    # If the lane imported it by its name, it would have another module for the second suite.
    with ForkServer(1, environment=environment()) as server:
        for number in range(2):
            tree = project(tmp_path / str(number), package="wave")
            assert run(server, tree).complaints == []
