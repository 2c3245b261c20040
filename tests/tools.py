"""The tools that judge what is not Python: from this environment, or from the system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGES = {"systemd-analyze": "systemd", "systemd-socket-activate": "systemd"}
"""What Debian calls the package of a program, where it is not the same."""


def tool(name: str) -> str:
    """Return a tool of this environment."""
    return str(Path(sys.executable).with_name(name))


def installed(name: str) -> str:
    """Return a program of the system; skip the test without it."""
    # Debian keeps servers where only the superuser looks.
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(
            f"{name} is not installed: on Debian, apt-get install {_PACKAGES.get(name, name)}"
        )
    return found


def complaints(command: list[str], cwd: Path | None = None) -> list[str]:
    """Return what a program says if it fails."""
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return [] if result.returncode == 0 else (result.stdout + result.stderr).splitlines()


def lint_containerfile(tree: Path) -> list[str]:
    """Lint the Containerfile of a project."""
    return complaints([tool("hadolint"), "--no-color", "Containerfile"], tree)


def validate(schema: str, *paths: Path) -> list[str]:
    """Validate YAML against a schema that comes with check-jsonschema."""
    builtin = f"--builtin-schema=vendor.{schema}"
    return complaints([tool("check-jsonschema"), builtin, *map(str, paths)])
