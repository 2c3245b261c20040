"""Who is measured: the peers, and the generated service in several forms."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import generated
from .peers.__main__ import APPS

ROOT = Path(__file__).parents[2]
REFERENCE = "raw"
SERVICE = "service"
LIBRARIES = "its-libraries"
PEERS = (*APPS, "websockets")

# None of these is a secret: they exist for the time of a run, on this machine.
API_KEY = "the-key-of-the-benchmark"
_CREDENTIALS = {
    "APP_SECRET": "the secret of the benchmark, which is long enough",
    "APP_API_KEYS": f"alice:{hashlib.sha256(API_KEY.encode()).hexdigest()}",
}


@dataclass(frozen=True)
class Target:
    """How to start a server, and what its Python imports to do so."""

    name: str
    command: Callable[[int], list[str]]
    imports: str
    python: str
    environment: dict[str, str] = field(default_factory=dict)
    style: str = "none"
    package: str = ""

    def env(self) -> dict[str, str]:
        """Return the environment of its process: nothing of a person's own that changes it."""
        mine = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("APP_", "PYTHON", "UVICORN_", "WEB_CONCURRENCY"))
        }
        fixed = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
        return mine | fixed | self.environment


def find_targets(python: str, scratch: Path) -> dict[str, Target]:
    """Render the services; return who can be measured, by name."""
    targets = [_peer(name, python) for name in PEERS]
    targets.append(
        Target(LIBRARIES, _cannot_serve, "falcon.asgi, uvicorn, pydantic_settings", python)
    )
    for style, (tree, package) in _render(scratch).items():
        environment = _CREDENTIALS | {"PYTHONPATH": f"{tree / 'src'}{os.pathsep}{ROOT}"}

        def service(
            name: str,
            *module: str,
            environment: dict[str, str] = environment,
            style: str = style,
            package: str = package,
        ) -> Target:
            def command(port: int) -> list[str]:
                return [python, "-m", *module, "--port", str(port)]

            imports = f"{package}.__main__"
            return Target(name, command, imports, python, environment, style, package)

        targets.append(service(f"{SERVICE}-{style}" if style != "none" else SERVICE, package))
        if style == "none":
            launcher = "benchmarks.service.generated"
            targets += [
                service(f"without-{variant}", launcher, package, variant)
                for variant in generated.VARIANTS
            ]
    return {target.name: target for target in targets}


def _cannot_serve(port: int) -> list[str]:
    raise ValueError("libraries are only imported")


def _peer(name: str, python: str) -> Target:
    module = "benchmarks.service.peers"
    imports = f"uvicorn, {module}.{APPS[name]}" if name in APPS else "websockets.asyncio.server"
    return Target(name, lambda port: [python, "-m", module, name, str(port)], imports, python)


def _render(scratch: Path) -> dict[str, tuple[Path, str]]:
    # What measures needs no Copier either.
    from tests.harness.rendering import isolated, snapshot, sped_up

    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    template = snapshot(ROOT, scratch / "template")
    with isolated(scratch), sped_up():
        return {
            style: (tree, generated.render_service(template, style, tree))
            for style in generated.STYLES
            for tree in [scratch / style]
        }
