"""`make changed` and the record behind it, on a template so small that its proof takes a second."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from .conftest import ROOT
from .harness.enumeration import questions
from .harness.progress import Progress
from .harness.record import Record, digest

CONFTEST = """\
from pathlib import Path

from .harness.enumeration import Answers
from .harness.template import Template

pytest_plugins = ["tests.harness.plugin"]


def identity(number: str) -> Answers:
    return {"package_name": f"small_{number}"}


def pytest_harness_template() -> Template:
    return Template(Path(__file__).parents[1], identity=identity)
"""

TEMPLATE = {
    "pyproject.toml": """\
[tool.pytest]
testpaths = ["tests"]
addopts = ["-m", "not slow"]
markers = ["slow: takes long"]
strict = true
filterwarnings = ["error"]
asyncio_default_fixture_loop_scope = "function"
""",
    "tests/__init__.py": "",
    "tests/conftest.py": CONFTEST,
    "copier.yml": """\
_subdirectory: template
_answers_file: .copier-answers.yml
package_name: {type: str, default: small}
taste: {type: str, choices: [sweet, sour], default: sweet}
""",
    "includes/.keep": "",
    "template/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "template/pyproject.toml.jinja": """\
[project]
name = "small"
version = "1"
dependencies = []

[dependency-groups]
dev = []

[tool.pytest]
asyncio_default_fixture_loop_scope = "function"

[tool.coverage.run]
source = ["{{ package_name }}"]
""",
    "template/src/{{ package_name }}/__init__.py": '"""A taste."""\n',
    "template/src/{{ package_name }}/{{ taste }}.py.jinja": 'TASTE = "{{ taste }}"\n',
    "template/tests/__init__.py": '"""Tests."""\n',
    "template/tests/test_{{ taste }}.py.jinja": """\
from {{ package_name }}.{{ taste }} import TASTE


def test_taste() -> None:
    assert TASTE
""",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Another template, with the harness and the tests of combinations of this one."""
    for name, text in TEMPLATE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    junk = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests" / "harness", tmp_path / "tests" / "harness", ignore=junk)
    shutil.copy(ROOT / "tests" / "test_combinations.py", tmp_path / "tests")
    return tmp_path


def changed(repository: Path) -> tuple[set[str], str]:
    """Run `make changed`; return the combinations whose suites ran, and the closing line."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    command = re.search(r"^changed:.*\n\t\$\(BIN\)/python (.*)", makefile, re.MULTILINE)
    assert command
    result = subprocess.run(
        [sys.executable, *command[1].split(), "-rpfE"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    # The summary has each test with its outcome on one line.
    summary = r"^(PASSED|FAILED|ERROR) \S+?::(\w+)(?:\[(.*?)\])?"
    ran = re.findall(summary, result.stdout, re.MULTILINE)
    suites = {combination for _, test, combination in ran if "own_suite" in test}
    # Nothing of the harness fails here but what is made to.
    failed = {test for outcome, test, _ in ran if outcome != "PASSED"}
    assert all("own_suite" in test for test in failed), result.stdout
    assert result.returncode == (1 if failed else 0), result.stdout + result.stderr
    closing = re.findall(r"^-+ (.* combinations? passed.*?) -+$", result.stdout, re.MULTILINE)
    assert len(closing) == 1, result.stdout + result.stderr
    return suites, closing[0]


def test_only_what_has_changed_or_failed_is_tried_again(repository: Path) -> None:
    suite = repository / "template/tests/test_{{ taste }}.py.jinja"
    text = suite.read_text(encoding="utf-8")

    def expect(taste: str) -> None:
        more = f'{{% if taste == "sour" %}} == "{taste}"{{% endif %}}'
        suite.write_text(text.replace("assert TASTE", f"assert TASTE{more}"), encoding="utf-8")

    sweet = "1 is as it was when it last passed"
    assert changed(repository) == ({"sweet", "sour"}, "2 combinations passed")
    expect("bitter")
    assert changed(repository) == ({"sour"}, f"0 of 1 combinations passed, {sweet}")
    assert changed(repository) == ({"sour"}, f"0 of 1 combinations passed, {sweet}")
    expect("sour")
    assert changed(repository) == ({"sour"}, f"1 combination passed, {sweet}")
    assert changed(repository) == (
        set(),
        "0 combinations passed, 2 are as they were when they last passed",
    )


def test_without_a_template_the_harness_says_what_is_missing(repository: Path) -> None:
    conftest = repository / "tests/conftest.py"
    conftest.write_text(CONFTEST.replace("def pytest_harness", "def harness"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "tests"]
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert result.returncode == 4
    assert "conftest.py has to define pytest_harness_template()" in result.stderr


def test_the_harness_names_no_question_of_this_template() -> None:
    for path in (ROOT / "tests/harness").glob("*.py"):
        words = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        assert not words & set(questions(ROOT)), path.name


def test_a_digest_is_of_names_and_contents_but_not_of_what_is_set_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = digest(tmp_path, apart={"answers"})
    (tmp_path / "answers").write_text("2")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/x.pyc").write_text("3")
    assert digest(tmp_path, apart={"answers"}) == before
    assert digest(tmp_path) != before
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest(tmp_path, apart={"answers"}) != before
    (tmp_path / "b").rename(tmp_path / "a")
    (tmp_path / "a").write_text("4")
    assert digest(tmp_path, apart={"answers"}) != before


def test_a_record_keeps_what_has_passed_and_forgets_what_has_failed(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "green.json"
    record = Record(path)
    assert not record.knows("a", "1")
    record.update({"a": "1", "b": "2"})
    record.update({"b": None, "c": "3"})
    again = Record(path)
    assert again.knows("a", "1")
    assert not again.knows("a", "2")
    assert not again.knows("b", "2")
    assert again.knows("c", "3")
    path.write_text("{")
    assert not Record(path).knows("a", "1")


def test_progress_is_count_rate_and_time_left() -> None:
    now = 0.0
    futures = [Future[None]() for _ in range(200)]
    progress = Progress(futures, lambda: now)
    assert str(progress) == "0 of 200"
    for future in futures[:40]:
        future.set_result(None)
    now = 50.0
    assert str(progress) == "40 of 200, 0.8 a second, 3:20 left"
    for future in futures[40:]:
        future.set_result(None)
    assert str(progress) == "200 of 200"
