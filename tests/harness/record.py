"""What has passed before: a combination need not be tried again while nothing of it has changed."""

import hashlib
import json
import sys
from collections.abc import Collection, Mapping
from importlib import metadata
from pathlib import Path

from . import gates


def digest(tree: Path, apart: Collection[str] = ()) -> str:
    """Return a digest of a project: of the names and contents of its files but for those `apart`.

    Such as the file with the answers, which names the place of the template.
    """
    total = hashlib.sha256(_tools().encode())
    for path in gates.files(tree):
        name = path.relative_to(tree).as_posix()
        if name not in apart:
            total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _tools() -> str:
    """Return what a project is tried with: the interpreter, the packages, this harness."""
    packages = {f"{d.name}=={d.version}" for d in metadata.distributions()}
    sources = [p.read_text(encoding="utf-8") for p in sorted(Path(__file__).parent.glob("*.py"))]
    return "\n".join([sys.version, *sorted(packages), *sources])


class Record:
    """The digests of the combinations that have passed, by their names, in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file, if it is there."""
        self._path = path
        try:
            self._passed: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            self._passed = {}

    def knows(self, name: str, digest: str) -> bool:
        """Tell whether a combination has passed just as it is."""
        return self._passed.get(name) == digest

    def update(self, results: Mapping[str, str | None]) -> None:
        """Keep the digest of what has passed, and forget what has failed, which is None."""
        passed = {name: digest for name, digest in results.items() if digest is not None}
        self._passed = {k: v for k, v in self._passed.items() if k not in results} | passed
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(self._passed, indent=1), encoding="utf-8")
        scratch.replace(self._path)
