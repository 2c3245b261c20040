"""Nothing is skipped where nothing may be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

TESTS = """
import pytest

from tests.tools import installed


def test_passes():
    pass


def test_needs_a_program():
    installed("a-program-that-nobody-has")


@pytest.mark.skip(reason="I do not want to")
def test_is_lazy():
    pass


@pytest.mark.xfail
def test_is_known_to_fail():
    assert False
"""


@pytest.mark.parametrize(
    ("value", "summary"),
    [("", "1 passed, 2 skipped, 1 xfailed"), ("1", "1 failed, 1 passed, 1 xfailed, 1 error")],
)
def test_a_skip_is_a_failure_where_nothing_may_be_skipped(
    tmp_path: Path, value: str, summary: str
) -> None:
    path = tmp_path / "test_some.py"
    path.write_text(TESTS, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.skipping", "-c", os.devnull, str(path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NOTHING_SKIPPED": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert summary in result.stdout
    said = "apt-get install a-program-that-nobody-has" in result.stdout
    assert said == bool(value)
    assert ("NOTHING_SKIPPED is set: Skipped: I do not want to" in result.stdout) == bool(value)
    assert (result.returncode == 0) == (not value)
