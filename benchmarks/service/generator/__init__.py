"""The load generator, a small C program that is compiled when it is first needed."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


class GeneratorError(Exception):
    """The load generator could not do its work; the message says why."""


@dataclass(frozen=True)
class Counted:
    """What a run has counted between two moments; CPU and durations in seconds."""

    messages: int
    bytes: int
    seconds: float
    server: float
    generator: float
    details: dict[str, Any]


def compiler() -> str | None:
    """Return the path of the system's C compiler, None without one."""
    return shutil.which(os.environ.get("CC", "cc"))


def compile_generator(folder: Path) -> Path:
    """Return the program, compiled afresh only when its source has changed."""
    sources = sorted([*_HERE.glob("*.c"), *_HERE.glob("*.h")])
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    program = folder / f"generator-{digest}"
    if not program.exists():
        cc = compiler()
        if cc is None:
            raise GeneratorError(
                "the benchmark needs a C compiler for its load generator: install `cc` "
                "(on Debian: apt install gcc libc6-dev), or set CC"
            )
        folder.mkdir(parents=True, exist_ok=True)
        command = [cc, "-O2", "-Wall", "-o", str(program), str(_HERE / "main.c")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise GeneratorError(result.stderr)
    return program


class Generator:
    """Runs the program against one server after the other."""

    def __init__(self, program: Path, core: int) -> None:
        """Pin it to that core."""
        self._program = program
        self._core = core

    @contextmanager
    def opened(
        self, pid: int, port: int, mode: str, files: dict[str, bytes], **options: float | str
    ) -> Iterator["Run"]:
        """Open the connections; yield the run, which has not begun."""
        with tempfile.TemporaryDirectory() as name:
            arguments = {"pid": pid, "port": port, "mode": mode, **options}
            for key, content in files.items():
                path = Path(name) / key
                path.write_bytes(content)
                arguments[key] = str(path)
            process = subprocess.Popen(
                [str(self._program), *(f"{key}={value}" for key, value in arguments.items())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(process.pid, {self._core})
            with process:
                try:
                    run = Run(process)
                    run.read()
                    yield run
                finally:
                    process.kill()

    def run(
        self, pid: int, port: int, mode: str, files: dict[str, bytes], **options: float | str
    ) -> Counted:
        """Open the connections, do the work, return what was counted."""
        with self.opened(pid, port, mode, files, **options) as run:
            return run.finish()


class Run:
    """A run whose connections are open."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self) -> dict[str, Any]:
        """Return the next report; raise GeneratorError if there is none."""
        assert self._process.stdout and self._process.stderr  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise GeneratorError(self._process.stderr.read().strip())
        report: dict[str, Any] = json.loads(line)
        return report

    def finish(self, go: bool = True) -> Counted:
        """Tell it to go on, unless it ends by itself; return what was counted."""
        assert self._process.stdin  # noqa: S101
        if go:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        report = self.read()
        keys = ("messages", "bytes", "seconds", "server", "generator")
        return Counted(*(report.pop(key) for key in keys), details=report)
