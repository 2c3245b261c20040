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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


class GeneratorError(Exception):
    """The load generator could not do its work; the message says why."""


@dataclass(frozen=True)
class Load:
    """What the program is to do: its mode, the bytes that it sends, and how many of what."""

    mode: str
    files: dict[str, bytes]
    options: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """What a run has counted between two moments; CPU and durations in seconds."""

    messages: int
    seconds: float
    server: float
    waited: float
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
        self.core = core

    @contextmanager
    def opened(self, pid: int, port: int, load: "Load") -> Iterator["Run"]:
        """Open the connections to a server; yield what has them work until the block ends."""
        with tempfile.TemporaryDirectory() as name:
            arguments = {"pid": pid, "port": port, "mode": load.mode, **load.options}
            for key, content in load.files.items():
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
                os.sched_setaffinity(process.pid, {self.core})
            with process:
                try:
                    run = Run(process)
                    run.read()
                    yield run
                finally:
                    process.kill()


class Run:
    """Connections that are open, and do nothing unless they are told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        if not (process.stdin and process.stdout and process.stderr):
            raise ValueError("the process has no pipes")
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr

    def work(self, warmup: float, seconds: float) -> Counted:
        """Work; return what was counted in the seconds after the warm-up."""
        self._write(f"{warmup} {seconds}")
        report = self.read()
        keys = ("messages", "seconds", "server", "waited", "generator")
        return Counted(**{key: report.pop(key) for key in keys}, details=report)

    def leave(self) -> None:
        """Close every connection without a goodbye."""
        self._write("leave")
        self.read()

    def read(self) -> dict[str, Any]:
        """Return the next report; raise GeneratorError if there is none."""
        line = self._stdout.readline()
        if not line:
            raise GeneratorError(self._stderr.read().strip())
        report: dict[str, Any] = json.loads(line)
        return report

    def _write(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # what it said last tells why
            self._stdin.write(f"{line}\n")
            self._stdin.flush()
