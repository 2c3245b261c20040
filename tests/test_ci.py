"""The question `ci`: linters accept the files, the pins are pins, and the scripts work."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT
from .harness import gates
from .harness.enumeration import candidates, questions
from .harness.rendering import render
from .test_owner import edit
from .tools import complaints, tool, validate

PROVIDERS: list[str] = candidates(questions(ROOT)["ci"])
WORKFLOWS = Path(".github/workflows")
FILES = {
    "github": {".github/workflows/ci.yml", ".github/workflows/template-update.yml"},
    "gitlab": {".gitlab-ci.yml"},
    "none": set[str](),
}


@pytest.fixture
def trees(template: Path, tmp_path: Path) -> dict[str, Path]:
    """The default project for each provider."""
    return {ci: render(template, {"ci": ci}, tmp_path / ci) for ci in PROVIDERS}


def read(path: Path) -> dict[Any, Any]:
    """Return what a YAML file says."""
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def judged(tree: Path) -> list[str]:
    """Return what the linters of GitHub's workflows complain of."""
    paths = sorted(map(str, (tree / WORKFLOWS).iterdir()))
    # `shellcheck` is not everywhere: where it is, it must not decide.
    actionlint = [tool("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", *paths]
    zizmor = [tool("zizmor"), "--offline", "--pedantic", "--no-progress", "--color=never", *paths]
    return complaints(actionlint) + complaints(zizmor)


# --- Linters accept the files --------------------------------------------------------------------


def test_the_linters_accept_the_workflows(trees: dict[str, Path]) -> None:
    assert not judged(trees["github"])
    assert not validate("github-workflows", *(trees["github"] / WORKFLOWS).iterdir())
    assert not validate("gitlab-ci", trees["gitlab"] / ".gitlab-ci.yml")


@pytest.mark.parametrize(
    ("workflow", "before", "after", "complaint"),
    [
        ("ci.yml", "matrix.python }}\n    runs-on", "matrix.pythn }}\n    runs-on", "pythn"),
        ("ci.yml", "runs-on: ubuntu-latest", "runs-on: ubuntu-newest", "ubuntu-newest"),
        ("ci.yml", "contents: read", "contents: write", "excessive-permissions"),
        ("ci.yml", "        with:\n          persist-credentials: false\n", "", "artipacked"),
        ("ci.yml", "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "v7", "unpinned-uses"),
        (
            "template-update.yml",
            "git config user.name",
            'echo "${{ github.head_ref }}"\n          git config user.name',
            "template-injection|potentially untrusted",
        ),
    ],
)
def test_what_is_wrong_with_a_workflow_is_seen(
    trees: dict[str, Path], workflow: str, before: str, after: str, complaint: str
) -> None:
    edit(trees["github"] / WORKFLOWS / workflow, (before, after))
    assert re.search(complaint, "\n".join(judged(trees["github"])))


def test_what_is_wrong_with_a_pipeline_is_seen(trees: dict[str, Path]) -> None:
    pipeline = trees["gitlab"] / ".gitlab-ci.yml"
    edit(pipeline, ("  script:\n    # What", "  scripts:\n    # What"))
    assert validate("gitlab-ci", pipeline)


# --- What they say -------------------------------------------------------------------------------


def test_every_action_is_pinned_to_a_commit_and_says_its_version(trees: dict[str, Path]) -> None:
    pins: dict[str, set[str]] = {}
    for path in (trees["github"] / WORKFLOWS).iterdir():
        for line in re.findall("uses: (.*)", path.read_text(encoding="utf-8")):
            match = re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+", line)
            assert match, line
            pins.setdefault(match[1], set()).add(line)
    assert pins.keys() == {"actions/checkout", "astral-sh/setup-uv"}
    assert all(len(lines) == 1 for lines in pins.values())


def test_nobody_may_do_more_than_the_job_needs(trees: dict[str, Path]) -> None:
    check, update = (read(trees["github"] / path) for path in sorted(FILES["github"]))
    assert check["permissions"] == {"contents": "read"}
    assert "permissions" not in check["jobs"]["check"]
    assert update["permissions"] == {}
    assert update["jobs"]["update"]["permissions"] == {
        "contents": "write",
        "pull-requests": "write",
    }
    # What others propose starts no run that may write.
    assert update[True].keys() == {"schedule", "workflow_dispatch"}  # YAML 1.1 takes `on` for true
    assert update[True]["schedule"] == [{"cron": "0 6 * * 1"}]


def test_every_python_is_checked_as_the_readme_says(trees: dict[str, Path]) -> None:
    workflow = read(trees["github"] / WORKFLOWS / "ci.yml")["jobs"]["check"]
    pipeline = read(trees["gitlab"] / ".gitlab-ci.yml")["check"]
    versions = workflow["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]
    assert pipeline["parallel"]["matrix"] == [{"PYTHON": versions}]
    project = (trees["github"] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={versions[0]}"' in project
    steps = "\n".join(step.get("run", "") for step in workflow["steps"])
    for script in (steps, "\n".join(pipeline["script"])):
        commands = [line for line in script.splitlines() if line.startswith(("test", "uv"))]
        assert commands[:3] == [
            "test -f uv.lock || uv lock",
            "uv sync --locked",
            "uv run --no-sync make check",
        ]


# --- The question --------------------------------------------------------------------------------


def test_the_question_adds_files_and_changes_none_but_the_readme(trees: dict[str, Path]) -> None:
    contents = {
        ci: {p.relative_to(tree).as_posix(): p.read_bytes() for p in gates.files(tree)}
        for ci, tree in trees.items()
    }
    none = contents["none"]
    for ci, files in contents.items():
        assert files.keys() - none.keys() == FILES[ci]
        assert not none.keys() - files.keys()
        differing = {path for path in none if none[path] != files[path]}
        assert differing <= {".copier-answers.yml", "README.md"}
        assert not gates.hygiene(trees[ci])
        readme = files["README.md"].decode()
        assert ("`.github/workflows/ci.yml`" in readme) == (ci == "github")
        assert ("`.gitlab-ci.yml`" in readme) == (ci == "gitlab")
