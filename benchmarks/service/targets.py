"""Who is measured: the peers, and the generated service in several forms."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import generated
from .peers.__main__ import APPS

ROOT = Path(__file__).parents[2]
REFERENCE = "raw"
SERVICE = "service"
BEFORE = "before"
LIBRARIES = "its-libraries"
PEERS = (*APPS, "websockets")

# None of these is a secret: they exist for the time of a run, on this machine.
API_KEY = "the-key-of-the-benchmark"
_SETTINGS = {
    # One client comes again and again, each time with a ticket that was fetched beforehand.
    "APP_MAX_TICKETS": "100000",
    # As its peers: everybody is closed at once.
    "APP_SHUTDOWN_DELAY": "0",
    "APP_DRAIN_WINDOW": "0",
    "APP_SECRET": "the secret of the benchmark, which is long enough",
    "APP_API_KEYS": f"alice:{hashlib.sha256(API_KEY.encode()).hexdigest()}",
}


@dataclass(frozen=True)
class Target:
    """How to start a server, and what its Python imports to do so."""

    name: str
    python: str
    words: tuple[str, ...]
    """What follows `python -m`, up to the port."""
    imports: str
    source: str = ""
    """Where its package is."""
    style: str = "none"
    package: str = ""

    def command(self, port: int) -> list[str]:
        """Return the command that serves on a port."""
        return [self.python, "-m", *self.words, str(port)]

    def env(self) -> dict[str, str]:
        """Return the environment of its process: nothing of a person's own that changes it."""
        mine = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("APP_", "PYTHON", "UVICORN_", "WEB_CONCURRENCY"))
        }
        path = os.pathsep.join(filter(None, (self.source, str(ROOT))))
        return mine | _SETTINGS | {"PYTHONHASHSEED": "0", "PYTHONPATH": path}


def find_targets(python: str, scratch: Path, before: Path | None = None) -> dict[str, Target]:
    """Render the services; return who can be measured, by name.

    `before` is another checkout of this template, whose service is one of them.
    """
    libraries = "falcon.asgi, uvicorn, pydantic_settings"
    targets = [_peer(name, python) for name in PEERS]
    targets.append(Target(LIBRARIES, python, (), libraries))
    shutil.rmtree(scratch, ignore_errors=True)
    services = _render(ROOT, generated.STYLES, scratch / "now")
    for style, (source, package) in services.items():
        name = SERVICE if style == "none" else f"{SERVICE}-{style}"
        targets.append(_service(name, python, source, package, style))
        if style == "none":
            launched = partial(_service, python=python, source=source, package=package)
            targets += [launched(f"without-{bound}", bound=bound) for bound in generated.VARIANTS]
    if before:
        source, package = _render(before, ("none",), scratch / "before")["none"]
        targets.append(_service(BEFORE, python, source, package))
    return {target.name: target for target in targets}


def _peer(name: str, python: str) -> Target:
    module = "benchmarks.service.peers"
    imports = f"uvicorn, {module}.{APPS[name]}" if name in APPS else "websockets.asyncio.server"
    return Target(name, python, (module, name), imports)


def _service(
    name: str, python: str, source: str, package: str, style: str = "none", bound: str = ""
) -> Target:
    module = ("benchmarks.service.generated", package, bound) if bound else (package,)
    words = (*module, "--port")
    return Target(name, python, words, f"{package}.__main__", source, style, package)


def _render(repository: Path, styles: Iterable[str], scratch: Path) -> dict[str, tuple[str, str]]:
    """Return for each style where its package is, and its name."""
    # What measures needs no Copier.
    from tests.harness.rendering import isolated, snapshot, sped_up

    template = snapshot(repository, scratch / "template")
    with isolated(scratch), sped_up():
        return {
            style: (str(tree / "src"), generated.render_service(template, style, tree))
            for style in styles
            for tree in [scratch / style]
        }
