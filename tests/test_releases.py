"""Releases: what is recorded, and how one is prepared."""

import datetime
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

from .conftest import ROOT
from .harness.releasing import RefusedError, release
from .harness.updating import MissingReleaseError, git, history, releases

TODAY = datetime.date(2030, 1, 2)


def headings(changelog: str) -> list[str]:
    return re.findall(r"^## (\S+)", changelog, re.MULTILINE)


def in_step(repository: Path) -> None:
    """Compare the record with changelog and version, as `make release` leaves them."""
    recorded = [*releases(repository)]
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(text)["project"]["version"]
    if not Version(version).is_devrelease and version not in recorded:
        recorded.append(version)  # the commit of a release cannot record itself
    else:
        recorded.append("Unreleased")
    assert headings((repository / "CHANGELOG.md").read_text("utf-8")) == recorded[::-1]
    assert set(headings((repository / "UPGRADING.md").read_text("utf-8"))) - {"How"} <= {*recorded}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A clone with the record, changelog and version of the working tree."""
    clone = tmp_path / "clone"
    git(ROOT, "clone", "--quiet", str(ROOT), str(clone))
    git(clone, "switch", "--quiet", "--force-create", "main")
    for key, value in {"user.name": "Ada", "user.email": "ada@example.org"}.items():
        git(clone, "config", key, value)
    for name in ("releases.toml", "CHANGELOG.md", "UPGRADING.md", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, clone)
    junk = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        ROOT / "tests/harness", clone / "tests/harness", ignore=junk, dirs_exist_ok=True
    )
    changelog = clone / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    if "Nothing yet." in text:
        changelog.write_text(text.replace("Nothing yet.", "- Something."), encoding="utf-8")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "The working tree")
    return clone


def test_record_changelog_and_version_are_in_step() -> None:
    in_step(ROOT)
    versions = [Version(version) for version in releases(ROOT)]
    assert versions == sorted(versions)
    assert [str(version) for version in versions] == list(releases(ROOT))


def test_every_release_can_be_tagged(tmp_path: Path) -> None:
    clone = history(ROOT, tmp_path / "clone", releases(ROOT))
    assert set(git(clone, "tag").split()) == set(releases(ROOT))


def test_a_clone_without_the_commit_of_a_release_says_so(tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", ROOT.as_uri(), str(shallow))
    commits = {"0.0.1": "0" * 40}
    with pytest.raises(MissingReleaseError, match=r"release 0\.0\.1, 0+, .*--unshallow"):
        history(shallow, tmp_path / "clone", commits)
    with pytest.raises(MissingReleaseError, match=r"not in the history of HEAD$"):
        history(ROOT, tmp_path / "another", commits)
    with pytest.raises(MissingReleaseError, match="is no clone"):
        history(tmp_path, tmp_path / "third", commits)


def test_a_release_is_committed_and_recorded(scratch: Path, tmp_path: Path) -> None:
    before = git(scratch, "rev-parse", "HEAD").strip()
    told = release(scratch, "7.0.0", TODAY)
    commit = releases(scratch)["7.0.0"]
    assert git(scratch, "log", "--format=%s", f"{before}..").splitlines() == [
        "release: record 7.0.0",
        "release: 7.0.0",
    ]
    assert git(scratch, "rev-parse", "HEAD~1").strip() == commit
    assert f"git tag 7.0.0 {commit}\n" in told
    assert "git push origin main 7.0.0" in told
    assert git(scratch, "status", "--porcelain") == ""
    in_step(scratch)
    assert 'version = "7.0.1.dev0"' in (scratch / "pyproject.toml").read_text("utf-8")
    assert (scratch / "releases.toml").read_text("utf-8").startswith("# The commit of each")

    # The commit that is tagged is in step too, and has the date.
    git(scratch, "checkout", "--quiet", commit)
    assert "## 7.0.0 - 2030-01-02\n" in (scratch / "CHANGELOG.md").read_text("utf-8")
    assert 'version = "7.0.0"' in (scratch / "pyproject.toml").read_text("utf-8")
    in_step(scratch)
    git(scratch, "checkout", "--quiet", "main")

    # The next one follows it.
    changelog = scratch / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace("Nothing yet.", "- More."), encoding="utf-8")
    git(scratch, "commit", "--quiet", "--all", "--message", "More")
    release(scratch, "7.0.1", TODAY)
    assert list(releases(scratch))[-2:] == ["7.0.0", "7.0.1"]
    in_step(scratch)
    history(scratch, tmp_path / "history", releases(scratch))


def test_the_documented_command_releases(scratch: Path) -> None:
    text = (ROOT / "docs/releasing.md").read_text(encoding="utf-8")
    (documented,) = re.findall(r"^ *(make release .*)$", text, re.MULTILINE)
    program, *words = documented.split()
    here = ["-o", ".venv/.installed", f"BIN={Path(sys.executable).parent}"]

    def typed() -> subprocess.CompletedProcess[str]:
        command = [program, *here, *words]
        return subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)

    result = typed()
    version = words[-1].partition("=")[2]
    if Version(version) > max(map(Version, releases(ROOT))):
        assert result.returncode == 0, result.stderr
        assert version in releases(scratch)
        assert f"git tag {version} " in result.stdout
    again = typed()
    assert again.returncode != 0
    assert f"Not released: {version} is not newer than" in again.stderr


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("", "is no version"),
        ("v7.0.0", "is no version"),
        ("7.0", "is no version"),
        ("07.0.0", "is no version"),
        ("0.0.1", "is not newer than"),
    ],
)
def test_a_wrong_version_is_refused(scratch: Path, version: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        release(scratch, version, TODAY)
    assert git(scratch, "status", "--porcelain") == ""


def test_what_is_unfinished_is_not_released(scratch: Path) -> None:
    changelog = scratch / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(RefusedError, match="uncommitted"):
        release(scratch, "7.0.0", TODAY)
    unreleased = text.partition("## Unreleased")[2].partition("\n## ")[0]
    changelog.write_text(text.replace(unreleased, "\n\nNothing yet.\n"), encoding="utf-8")
    git(scratch, "commit", "--quiet", "--all", "--message", "x")
    with pytest.raises(RefusedError, match="says nothing under Unreleased"):
        release(scratch, "7.0.0", TODAY)
    git(scratch, "checkout", "--quiet", "--detach")
    with pytest.raises(RefusedError, match="no branch"):
        release(scratch, "7.0.0", TODAY)
