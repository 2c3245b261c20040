"""Updates as a stranger's Copier would do them, from every release, many of them in little time."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import copier
import copier._main
import copier._subproject
from copier._main import Worker
from copier._template import Template
from plumbum import local

from .enumeration import Answers
from .gates import files
from .rendering import PARTS, snapshot

ANSWERS_FILE = ".copier-answers.yml"
_MARKER = re.compile(r"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)


class MissingReleaseError(Exception):
    """The commit of a release is not in this clone."""


def git(repository: Path, *arguments: str) -> str:
    """Run git under a name of its own; return what it says."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0"]
    command = ["git", *identity, *arguments]
    return subprocess.run(
        command, cwd=repository, check=True, capture_output=True, text=True
    ).stdout


def releases(repository: Path) -> dict[str, str]:
    """Return the commit of each release, the oldest first."""
    text = (repository / "releases.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["commits"])


def history(repository: Path, destination: Path, commits: Mapping[str, str]) -> Path:
    """Clone a template, and tag its releases there, whatever tags it has or has not."""
    if not (repository / ".git").exists():
        raise MissingReleaseError(f"{repository} is no clone: updates need the releases from git")
    git(repository, "clone", "--quiet", "--no-tags", str(repository), str(destination))
    for version, commit in commits.items():
        try:
            git(destination, "merge-base", "--is-ancestor", commit, "HEAD")
        except subprocess.CalledProcessError:
            message = f"the commit of release {version}, {commit}, is not in the history of HEAD"
            if git(destination, "rev-parse", "--is-shallow-repository").strip() == "true":
                message += ": this clone is shallow; `git fetch --unshallow` completes it"
            raise MissingReleaseError(message) from None
        git(destination, "tag", version, commit)
    return destination


def add_version(
    clone: Path, version: str, change: Callable[[Path], object], base: str = "HEAD"
) -> None:
    """Add a version to a clone: what `change` makes of the version `base`."""
    git(clone, "checkout", "--quiet", "--detach", base)
    change(clone)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", version)
    git(clone, "tag", version)


def working_tree(repository: Path) -> Callable[[Path], object]:
    """Return the change that turns a clone into the working tree of the template."""

    def change(clone: Path) -> None:
        for part in PARTS:
            path = clone / part
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        snapshot(repository, clone)

    return change


_MEMORY = Path("/dev/shm")  # noqa: S108
_ENOUGH = 256 * 2**20


@contextmanager
def cached() -> Iterator[Path]:
    """Let Copier clone each version once, and render the same answers once; yield a fast folder.

    An update writes a thousand small files, so that folder and Copier's own are in memory where
    there is enough of it: a disk takes three times as long. The trees stay the same, which a test
    compares with the plain command. Answers, questions, diffs and merges are Copier's own each
    time. The names are private: where one is missing, the tests fail.
    """
    templates: dict[tuple[object, ...], _KeptTemplate] = {}
    trees: dict[str, Path] = {}
    mentions: dict[Path, bool] = {}
    render_plainly = Worker._render_template

    def template(url: str, ref: Any = None, use_prereleases: Any = False) -> _KeptTemplate:
        key = (url, ref, use_prereleases)
        return templates.setdefault(key, _KeptTemplate(url, ref, use_prereleases))

    def render(self: Worker) -> None:
        target = self.subproject.local_abspath
        source = self.template.local_abspath
        if source not in mentions:
            found = subprocess.run(["git", "grep", "-q", "_copier_operation"], cwd=source)
            mentions[source] = found.returncode == 0
        operation = copier._main._operation.get() if mentions[source] else None
        combined, unasked = self.answers.combined, sorted(self.answers.hidden)
        given = [self._answers_to_remember(), [combined.get(key) for key in unasked]]
        key = json.dumps([str(source), given, [*self.exclude], operation], default=str)
        if key in trees:
            shutil.copytree(trees[key], target, dirs_exist_ok=True, copy_function=shutil.copy)
            return
        pristine = not target.exists() or not any(target.iterdir())
        render_plainly(self)
        if pristine:
            trees[key] = shutil.copytree(target, Path(scratch, str(len(trees))))

    with ExitStack() as stack:
        scratch, hooks = (stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(2))
        ample = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH
        memory = _MEMORY if ample else None
        fast = stack.enter_context(tempfile.TemporaryDirectory(dir=memory))
        stack.enter_context(mock.patch.object(tempfile, "tempdir", fast))
        stack.enter_context(mock.patch.object(copier._main, "Template", template))
        stack.enter_context(mock.patch.object(copier._subproject, "Template", template))
        stack.enter_context(mock.patch.object(Worker, "_render_template", render))
        # No sample hooks in every repository.
        stack.enter_context(local.env(GIT_TEMPLATE_DIR=hooks))
        yield Path(fast)
        for kept in templates.values():
            Template._cleanup(kept)


class _KeptTemplate(Template):
    """A version of a template that outlives the command that has cloned it."""

    def _cleanup(self) -> None:
        pass


class Project:
    """A generated project in a repository of its own."""

    def __init__(self, template: Path, tree: Path) -> None:
        """Take a clone with versions, and a folder that is to be."""
        self.template = template
        self.tree = tree

    def generate(self, version: str, answers: Answers) -> None:
        """Generate it anew, and commit it."""
        shutil.rmtree(self.tree, ignore_errors=True)
        fresh(self.template, version, answers, self.tree)
        git(self.tree, "init", "--quiet", "--template=")
        self.commit()

    def update(self, version: str, answers: Answers | None = None) -> None:
        """Update it; without answers, with the last ones."""
        copier.run_update(
            self.tree,
            data=answers or {},
            vcs_ref=version,
            defaults=True,
            overwrite=True,
            quiet=True,
            unsafe=False,
        )

    def commit(self) -> None:
        """Commit everything."""
        git(self.tree, "add", "--all")
        git(self.tree, "commit", "--quiet", "--allow-empty", "--message", "x")

    def deleted(self) -> set[str]:
        """Return the files that are gone from the working tree.

        `git status` can hide one: beside a conflict it may take it for renamed to the file that
        is in conflict, which it shows as such.
        """
        return set(git(self.tree, "ls-files", "--deleted").splitlines())

    def conflicts(self) -> set[str]:
        """Return the files with conflict markers; git must know each as unmerged."""
        marked = {name for name, text in self.texts().items() if _MARKER.search(text)}
        unmerged = git(self.tree, "ls-files", "--unmerged").splitlines()
        assert marked == {line.partition("\t")[2] for line in unmerged}
        return marked

    def texts(self) -> dict[str, str]:
        """Return each file's text."""
        return {name: data.decode() for name, (data, _) in contents(self.tree).items()}


def fresh(template: Path, version: str, answers: Answers, tree: Path) -> Path:
    """Generate a version of the template."""
    copier.run_copy(
        str(template),
        tree,
        data=answers,
        vcs_ref=version,
        defaults=True,
        overwrite=True,
        quiet=True,
        unsafe=False,
    )
    return tree


def contents(tree: Path) -> dict[str, tuple[bytes, bool]]:
    """Return bytes and run bit of each file."""
    return {
        path.relative_to(tree).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in files(tree)
    }
