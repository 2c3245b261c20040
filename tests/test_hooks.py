"""The generated hooks: green on a fresh project, red where they should be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import COMBINATIONS
from .harness.enumeration import Answers, covering, name
from .harness.rendering import render


def git(tree: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout


def hooks(tree: Path, *only: str) -> subprocess.CompletedProcess[str]:
    """Run the hooks on all files, with the tools of this environment and without a network."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tree.parent / "pre-commit"),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    git(tree, "add", "--all")
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", *only]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Path:
    """A new project in a new repository."""
    tree = render(template, {}, tmp_path / "project")
    git(tree, "init", "--quiet")
    return tree


@pytest.mark.parametrize("answers", covering(COMBINATIONS), ids=name)
def test_a_fresh_project_passes_its_hooks(template: Path, tmp_path: Path, answers: Answers) -> None:
    tree = render(template, answers, tmp_path / "project")
    git(tree, "init", "--quiet")
    result = hooks(tree)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Failed" not in result.stdout
    git(tree, "commit", "--quiet", "--message", "Start")
    assert git(tree, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["README.md", "pyproject.toml", "tests/conftest.py"])
@pytest.mark.parametrize("marker", ["<<<<<<< before updating", ">>>>>>> after updating"])
def test_a_merge_marker_is_refused_until_it_is_gone(fresh: Path, name: str, marker: str) -> None:
    path = fresh / name
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}{marker}\n", encoding="utf-8")
    result = hooks(fresh, "merge-markers")
    assert result.returncode != 0
    assert f"{name}:{len(text.splitlines()) + 1}:{marker}" in result.stdout
    path.write_text(text, encoding="utf-8")
    assert hooks(fresh, "merge-markers").returncode == 0


def test_a_rejected_part_of_an_update_is_refused_until_it_is_gone(fresh: Path) -> None:
    (fresh / "README.md.rej").write_text("@@ -1 +1 @@\n")
    result = hooks(fresh, "rejected-updates")
    assert result.returncode != 0
    assert "README.md.rej" in result.stdout
    (fresh / "README.md.rej").unlink()
    assert hooks(fresh, "rejected-updates").returncode == 0


@pytest.mark.parametrize(
    ("code", "hook"),
    [
        ("import os\n", "ruff check"),
        ("x = { }\n", "ruff format"),
        ("x: int = 'no'\n", "mypy"),
    ],
)
def test_bad_code_is_refused(fresh: Path, code: str, hook: str) -> None:
    (fresh / "src/falcon_service/extra.py").write_text(f'"""Extra."""\n\n{code}')
    result = hooks(fresh)
    lines = [line for line in result.stdout.splitlines() if line.startswith(hook)]
    assert [line.endswith("Failed") for line in lines] == [True]
    assert result.returncode != 0


def test_line_ends_stay_lf_on_every_system(fresh: Path) -> None:
    git(fresh, "config", "core.autocrlf", "true")
    git(fresh, "add", "--all")
    git(fresh, "commit", "--quiet", "--message", "Start")
    git(fresh, "rm", "--quiet", "-r", "--cached", ".")
    git(fresh, "reset", "--quiet", "--hard")
    assert b"\r" not in (fresh / "README.md").read_bytes()
