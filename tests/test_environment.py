"""The generated suite wherever it runs: odd environments, other users, any order, three at once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from .harness import gates
from .harness.template import Project

PROXY = "http://127.0.0.1:9"
NAMES = ("http", "https", "ws", "wss", "socks", "all")
ODD = {
    **{f"{name}_proxy": PROXY for name in NAMES},
    **{f"{name}_PROXY".upper(): PROXY for name in NAMES},
    # The names of settings are not case-sensitive.
    "app_host": "nowhere.invalid",
    "App_Dev": "perhaps",
    "APP_MAX_ERRORS": "many",
    # What uvicorn, OpenSSL, argparse and pytest read.
    "WEB_CONCURRENCY": "4",
    "UVICORN_PORT": "1",
    "FORWARDED_ALLOW_IPS": "*",
    "SSL_CERT_FILE": "/nowhere",
    "FORCE_COLOR": "1",
    "COLUMNS": "20",
    "CI": "true",
    # What the interpreter reads.
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "ascii",
    "PYTHONUTF8": "0",
    "PYTHONWARNDEFAULTENCODING": "1",
    "HOME": "/nowhere",
}
COLOURED = r"""
import argparse
import re

plain = argparse.ArgumentParser.format_help


def coloured(parser):
    return re.sub(r"(--?\w+|\b[A-Z]+\b|\w+: )", "\x1b[1;34m\\1\x1b[0m", plain(parser))


argparse.ArgumentParser.format_help = coloured
"""
"""Has argparse write in colour, as that of Python 3.14 does."""
ORDER = Path(sys.prefix) / "order"
"""Where the plugins are that change the order: no other run may find them by itself."""

COMBINATIONS = ["message-json-auto", "cookie-json+msgpack-strict", "ticket-cbor-subprotocols-auto"]


def pytest_in(
    tree: Path,
    *arguments: str,
    odd: Mapping[str, str] | None = None,
    path: Sequence[str] = (),
    before: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a project's tests in a process of their own."""
    return subprocess.run(
        [*before, sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=tree,
        env=gates.environment(PYTHONPATH=os.pathsep.join(("src", *path))) | dict(odd or {}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def passed(result: subprocess.CompletedProcess[str]) -> bool:
    """Tell whether the tests ran and passed; show what they said otherwise."""
    print(result.stdout, result.stderr)
    return result.returncode == 0 and " passed" in result.stdout


@pytest.fixture(params=COMBINATIONS)
def tree(request: pytest.FixtureRequest, projects: dict[str, Project], tmp_path: Path) -> Path:
    """A copy of a combination."""
    return copied(projects[request.param], tmp_path)


@pytest.fixture
def default(projects: dict[str, Project], tmp_path: Path) -> Path:
    """A copy of the default combination."""
    return copied(projects[COMBINATIONS[0]], tmp_path)


def copied(project: Project, folder: Path) -> Path:
    """Copy a project to a place that is no easy one for a shell or a configuration file."""
    junk = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis", ".coverage")
    return Path(shutil.copytree(project.tree, folder / "it's ünï dir", ignore=junk))


def test_a_suite_passes_whatever_the_environment_says(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(COLOURED, encoding="utf-8")
    assert passed(pytest_in(tree, "-p", "no:cacheprovider", odd=ODD, path=(str(tmp_path),)))


@pytest.fixture
def locked(default: Path) -> Iterator[Path]:
    """A project in which nothing can be written."""
    paths = [default, *default.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    yield default
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)


def test_a_suite_passes_where_it_cannot_write(locked: Path) -> None:
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # A superuser who has given up to write where nobody may.
        gone = "-dac_override,-dac_read_search"
        before = ("setpriv", f"--bounding-set={gone}", f"--inh-caps={gone}")
    result = pytest_in(locked, before=before)
    assert passed(result)
    assert "PytestCacheWarning" in result.stdout, "it could write"


@pytest.mark.parametrize("plugin", ["faulthandler", "cacheprovider"])
def test_a_suite_passes_without_a_plugin_of_pytest(default: Path, plugin: str) -> None:
    assert passed(pytest_in(default, "-p", f"no:{plugin}", "tests/realtime/test_close_codes.py"))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PYTHONOPTIMIZE", "1", "error: run the tests without -O and PYTHONOPTIMIZE"),
        ("PYTHONOPTIMIZE", "2", "error: run the tests without -O and PYTHONOPTIMIZE"),
        ("HYPOTHESIS_PROFILE", "ours", "error: HYPOTHESIS_PROFILE: Profile 'ours' is not"),
    ],
)
def test_a_suite_that_could_not_tell_stops_with_one_line(
    default: Path, variable: str, value: str, message: str
) -> None:
    result = pytest_in(default, odd={variable: value})
    (line,) = (result.stdout + result.stderr).splitlines()
    assert line.startswith(message)
    assert result.returncode != 0


def test_the_order_of_the_tests_does_not_matter(tree: Path) -> None:
    result = pytest_in(tree, "-p", "no:xdist", "--randomly-seed=4711", path=(str(ORDER),))
    assert passed(result)


def test_tests_run_side_by_side(default: Path) -> None:
    assert passed(pytest_in(default, "-p", "no:randomly", "-n", "3", path=(str(ORDER),)))


def test_no_other_run_finds_the_plugins_that_change_the_order() -> None:
    assert not {"pytest-randomly", "pytest-xdist"} & gates.plugins()
