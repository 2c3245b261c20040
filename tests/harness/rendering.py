"""Rendering as a stranger's Copier would: without trust, settings or caches of this machine."""

import copy
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import CodeType
from typing import Any
from unittest import mock

import copier
import copier._main
import copier._template
import jinja2
from plumbum import local

from .enumeration import Answers

PARTS = ("copier.yml", "template", "includes")
_JUNK = shutil.ignore_patterns("__pycache__", "*.py[co]", ".DS_Store", ".*_cache")


def snapshot(repository: Path, destination: Path) -> Path:
    """Copy the parts of a template that are rendered; from a plain folder Copier asks no git."""
    for part in PARTS:
        source = repository / part
        if source.is_dir():
            shutil.copytree(source, destination / part, ignore=_JUNK)
        else:
            destination.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, destination / part)
    return destination


@contextmanager
def isolated(scratch: Path) -> Iterator[None]:
    """Keep a person's own settings out of what is rendered."""
    settings = scratch / "copier-settings.yml"
    settings.write_text("{}\n")
    changes = {
        "COPIER_SETTINGS_PATH": str(settings),
        "COPIER_CACHE_DIR": str(scratch / "copier-cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    before = {key: os.environ.get(key) for key in changes}
    os.environ.update(changes)
    try:
        # Copier starts git with an environment of its own.
        with local.env(**changes):
            yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@contextmanager
def sped_up() -> Iterator[None]:
    """Let Copier read its configuration and compile each template once, and not ask git.

    The bytes stay the same, which a test compares with the plain command. The names are private:
    where one is missing, rendering is just slow again.
    """
    compiled: dict[tuple[object, ...], CodeType] = {}
    compile_plainly = jinja2.Environment.compile

    def compile_once(
        self: jinja2.Environment, source: Any, name: Any = None, filename: Any = None, *rest: Any
    ) -> Any:
        key = (source, name, filename, rest, self.trim_blocks, self.lstrip_blocks)
        if not isinstance(source, str):
            return compile_plainly(self, source, name, filename, *rest)
        if key not in compiled:
            compiled[key] = compile_plainly(self, source, name, filename, *rest)
        return compiled[key]

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(jinja2.Environment, "compile", compile_once))
        if hasattr(copier._main, "is_git_available"):
            # It guards only what keeps run bits in the index of a repository: here there is none.
            patch = mock.patch.object(copier._main, "is_git_available", return_value=False)
            stack.enter_context(patch)
        for key, wrap in (("get_repo", _asking_git_less), ("load_template_config", _reading_once)):
            if plainly := getattr(copier._template, key, None):
                stack.enter_context(mock.patch.object(copier._template, key, wrap(plainly)))
        yield


def _asking_git_less(get_repo: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Tell a plain folder with a template from a repository without three processes."""

    def get_repo_faster(url: str) -> str | None:
        folder = Path(url)
        if (folder / "copier.yml").is_file() and not (folder / ".git").exists():
            return None
        return get_repo(url)

    return get_repo_faster


def _reading_once(load: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Parse a `copier.yml` once for each content."""
    read: dict[bytes, dict[str, Any]] = {}

    def load_once(path: Path, *rest: Any) -> dict[str, Any]:
        text = path.read_bytes()
        if b"!include" in text:
            return load(path, *rest)
        if text not in read:
            read[text] = load(path, *rest)
        return copy.deepcopy(read[text])

    return load_once


def render(template: Path, answers: Answers, destination: Path) -> Path:
    """Render the template; raise what Copier raises, also for a template that needs trust."""
    copier.run_copy(
        str(template), destination, data=answers, defaults=True, unsafe=False, quiet=True
    )
    return destination
