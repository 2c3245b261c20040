"""Rendering as a stranger's Copier would: without trust, settings or caches of this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import copier

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
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def render(template: Path, answers: Answers, destination: Path) -> Path:
    """Render the template; raise what Copier raises, also for a template that needs trust."""
    copier.run_copy(
        str(template), destination, data=answers, defaults=True, unsafe=False, quiet=True
    )
    return destination
