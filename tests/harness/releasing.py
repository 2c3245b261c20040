"""Prepare a release: the version, the changelog, and the record of the commit."""

import datetime
import re
import subprocess
import tomllib
from pathlib import Path

from packaging.version import Version

from .updating import releases

UNRELEASED = "## Unreleased\n"


class RefusedError(Exception):
    """This cannot be released now; the text says what to do."""


def release(repository: Path, version: str, today: datetime.date) -> str:
    """Commit the release, then its record in releases.toml; return what is to be done next."""
    released = _checked(repository, version)
    changelog, upgrading = repository / "CHANGELOG.md", repository / "UPGRADING.md"
    heading = f"## {version} - {today}\n"
    _replace(changelog, UNRELEASED, heading)
    if UNRELEASED in upgrading.read_text(encoding="utf-8"):
        _replace(upgrading, UNRELEASED, heading)
    _set_version(repository, version)
    _commit(repository, f"release: {version}")
    commit = _git(repository, "rev-parse", "HEAD")

    record = repository / "releases.toml"
    comment = record.read_text(encoding="utf-8").partition("[commits]\n")[0]
    lines = [f'"{v}" = "{c}"\n' for v, c in (released | {version: commit}).items()]
    record.write_text(f"{comment}[commits]\n{''.join(lines)}", encoding="utf-8")
    _replace(changelog, heading, f"{UNRELEASED}\nNothing yet.\n\n{heading}")
    major, minor, micro = Version(version).release
    _set_version(repository, f"{major}.{minor}.{micro + 1}.dev0")
    _commit(repository, f"release: record {version}")
    branch = _git(repository, "branch", "--show-current")
    return (
        f"{version} is committed and recorded. Look at it, run `make test-updates`, then:\n"
        f"  git tag {version} {commit}\n"
        f"  git push origin {branch} {version}\n"
        f"To take it back, before it is pushed: git reset --hard {commit}~1"
    )


def _checked(repository: Path, version: str) -> dict[str, str]:
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise RefusedError(f"{version!r} is no version; take three numbers, such as 0.2.0")
    if not _git(repository, "branch", "--show-current"):
        raise RefusedError("there is no branch here; check one out")
    if _git(repository, "status", "--porcelain"):
        raise RefusedError("there is something uncommitted; commit it first")
    released = releases(repository)
    for old in [*released, _version(repository)]:
        if Version(version) <= Version(old):
            raise RefusedError(f"{version} is not newer than {old}")
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    section = text.partition(UNRELEASED)[2].partition("\n## ")[0]
    if not re.search(r"^- ", section, re.MULTILINE):
        raise RefusedError("CHANGELOG.md says nothing under Unreleased; write what has changed")
    return released


def _version(repository: Path) -> str:
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def _set_version(repository: Path, version: str) -> None:
    before = f'version = "{_version(repository)}"\n'
    _replace(repository / "pyproject.toml", before, f'version = "{version}"\n')


def _replace(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def _commit(repository: Path, message: str) -> None:
    _git(repository, "commit", "--quiet", "--all", "--message", message)


def _git(repository: Path, *arguments: str) -> str:
    """Run git under the name of who releases, who also sees what it complains about."""
    command = ["git", *arguments]
    result = subprocess.run(command, cwd=repository, check=True, stdout=subprocess.PIPE, text=True)
    return result.stdout.strip()
