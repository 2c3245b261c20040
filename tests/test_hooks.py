"""The generated hooks: green on a fresh project, red where they should be."""

import os
import re
import shlex
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


TOOLS = Path(sys.executable).parent
"""Where the tools of this environment are."""


def hooks(tree: Path, *only: str, path: Path = TOOLS) -> subprocess.CompletedProcess[str]:
    """Run the hooks on all files without a network; `path` is searched for the tools first."""
    environment = os.environ | {
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
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


def hide(monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """Leave the folders that have a tool out of the `PATH`."""
    entries = os.environ["PATH"].split(os.pathsep)
    others = [entry for entry in entries if not (Path(entry) / tool).exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(others))


def fake_uv(folder: Path) -> Path:
    """Make a folder with a `uv` that knows the tools of this environment."""
    folder.mkdir()
    uv = folder / "uv"
    uv.write_text(
        f"""#!/bin/sh
test "$1 $2" = "run --frozen" || exit 64
shift 2
echo "uv runs $1"
PATH={shlex.quote(str(TOOLS))}:$PATH exec "$@"
""",
        encoding="utf-8",
    )
    uv.chmod(0o755)
    return folder


def test_after_uv_sync_the_hooks_find_their_tools_in_any_shell(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "ruff")
    path = fake_uv(tmp_path / "uv only")
    without_lock = hooks(fresh, path=path)
    assert without_lock.returncode != 0
    assert "ruff: not found" in without_lock.stdout
    (fresh / "uv.lock").write_text("version = 1\n")
    with_lock = hooks(fresh, "--verbose", path=path)
    assert with_lock.returncode == 0, with_lock.stdout
    assert set(re.findall("uv runs (.*)", with_lock.stdout)) == {"ruff", "mypy"}


def test_without_uv_the_hooks_take_the_tools_of_the_active_environment(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "uv")
    # This environment has uv too, for other tests.
    path = tmp_path / "tools only"
    path.mkdir()
    for tool in ("ruff", "mypy"):
        (path / tool).symlink_to(TOOLS / tool)
    # A colleague with uv has committed its lock file.
    (fresh / "uv.lock").write_text("version = 1\n")
    result = hooks(fresh, path=path)
    assert result.returncode == 0, result.stdout


def test_line_ends_stay_lf_on_every_system(fresh: Path) -> None:
    git(fresh, "config", "core.autocrlf", "true")
    git(fresh, "add", "--all")
    git(fresh, "commit", "--quiet", "--message", "Start")
    git(fresh, "rm", "--quiet", "-r", "--cached", ".")
    git(fresh, "reset", "--quiet", "--hard")
    assert b"\r" not in (fresh / "README.md").read_bytes()
