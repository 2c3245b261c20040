"""A server as a process of its own, pinned to a core."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import wire
from .targets import Target

_PATIENCE = 30.0


class ServerError(Exception):
    """A server did not start, or died; the message says what it logged."""


@dataclass
class Server:
    """A running server."""

    target: Target
    process: subprocess.Popen[bytes]
    port: int
    started: float
    """How many seconds passed until the first answer."""

    @property
    def pid(self) -> int:
        """The only process: nothing here has workers."""
        return self.process.pid

    def memory(self) -> int:
        """Return its proportional set size in bytes; Linux only."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise ServerError("no Pss in smaps_rollup")

    def terminate(self) -> float:
        """Send SIGTERM; return when, by the monotonic clock."""
        self.process.send_signal(signal.SIGTERM)
        return time.monotonic()


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Have the processes that are started in the block inherit the core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def serving(target: Target, core: int, log: Path) -> Iterator[Server]:
    """Serve until the block ends, in order if the server can."""
    port = _free_port()
    with log.open("wb") as stderr:
        begin = time.monotonic()
        with pinned(core):
            process = subprocess.Popen(
                target.command(port), env=target.env(), stdout=stderr, stderr=stderr, cwd=log.parent
            )
        try:
            _wait_until_it_answers(process, port, log)
            yield Server(target, process, port, time.monotonic() - begin)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((wire.HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    request = wire.request("GET", "/livez", {"Connection": "close"})
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((wire.HOST, port), 5) as sock:
            sock.sendall(request)
            if sock.recv(64).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.001)
    raise ServerError(f"{' '.join(map(str, process.args))}\n{log.read_text()[-2000:]}")  # type: ignore[arg-type]
