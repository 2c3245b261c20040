"""Test suites in isolated processes, forked from one in which everything is imported already.

    with ForkServer() as server:
        outcomes = [server.submit(tree) for tree in trees]
        for outcome in outcomes:
            assert not outcome.result().complaints

A suite runs as `pytest --cov` in the root of its project, in a process of its own that begins with
nothing of another project: what the suites import from outside of their projects is imported once
in the process they are forked from, a lane, which learns it from the suites that it has run. So
nothing here knows which libraries a template uses.

The tree of a project is not written to. A suite that ends without a result (a crash, `os._exit`)
or not in time is a failure of that suite alone.

This file is also the program of a lane, so it imports nothing but the standard library.
"""

import contextlib
import gc
import hashlib
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

ARGUMENTS = ("-q", "--cov", "-p", "no:cacheprovider")
"""How a suite is run."""

# Fixed here, since a test may have `tempfile` use another folder for a time.
SCRATCH = tempfile.gettempdir()

_WARM = "def test_warm():\n    pass\n"
# What is imported already cannot have its assertions rewritten: of a plugin nobody needs that.
_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")


@dataclass
class Outcome:
    """How a suite ended."""

    complaints: list[str]
    """None if it is green."""
    seconds: float
    """Of wall time."""
    cpu: float = 0
    memory: int = 0
    """The most that the process held, in KiB."""
    tests: str = ""
    """A digest of the names of the tests that have passed."""


class ForkServer:
    """Runs suites side by side, each in its own process."""

    def __init__(
        self,
        jobs: int | None = None,
        *,
        warmup: str = _WARM,
        deadline: float = 300,
        arguments: Sequence[str] = ARGUMENTS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare to run as many suites at once as there are `jobs`.

        `warmup` is a test module that each lane runs before the first suite, for what takes its
        time at the first use. After `deadline` seconds a suite is killed.
        """
        # A suite also waits: one more than there are cores keeps them busy.
        self.jobs = jobs or (os.cpu_count() or 1) + 1
        self._lanes = [_Lane(warmup, deadline, arguments, environment) for _ in range(self.jobs)]
        self._free: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for lane in self._lanes:
            self._free.put(lane)
        self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="suite")

    def submit(self, tree: Path, *more: str, coverage: bool = True) -> Future[Outcome]:
        """Run the suite of a project, with `more` arguments, as soon as there is room.

        Without `coverage` it takes half the time.
        """
        return self._pool.submit(self._run, tree, more, coverage)

    def _run(self, tree: Path, more: Sequence[str], coverage: bool) -> Outcome:
        lane = self._free.get()
        try:
            return lane.run(tree, more, coverage)
        finally:
            self._free.put(lane)

    def __enter__(self) -> Self:
        """Return the server; it ends with the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drop what has not begun and stop the lanes."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        # A lane that is at work is stopped, and its suite with it.
        for lane in self._lanes:
            lane.terminate()
        self._pool.shutdown()
        for lane in self._lanes:
            lane.close()


class _Lane:
    """A process that runs one suite after the other."""

    def __init__(
        self,
        warmup: str,
        deadline: float,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None,
    ) -> None:
        self._order = json.dumps(
            {"warmup": warmup, "deadline": deadline, "arguments": [*_QUIET, *arguments]}
        )
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def run(self, tree: Path, more: Sequence[str], coverage: bool) -> Outcome:
        if self._process is None:
            self._process = self._start()
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
            answer = self._ask(f"{json.dumps([str(tree), scratch, more, coverage])}\n")
            output = Path(scratch) / "output"
            text = output.read_text("utf-8", errors="replace") if output.exists() else ""
        failure = answer["failure"]
        complaints = [*text.splitlines(), failure] if failure else []
        seconds = time.monotonic() - begin
        return Outcome(complaints, seconds, answer["cpu"], answer["memory"], answer["tests"])

    def _start(self) -> subprocess.Popen[str]:
        # -P: the folder of this file is not for import, there are modules with common names in it.
        return subprocess.Popen(
            [sys.executable, "-P", __file__, self._order],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, request: str) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(request)
            process.stdin.flush()
        if line := process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.close()
        failure = "the process that runs the suites has ended"
        return {"failure": failure, "cpu": 0, "memory": 0, "tests": ""}

    def terminate(self) -> None:
        if process := self._process:
            process.terminate()

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()


# --- In a lane -------------------------------------------------------------------------------


class _LateError(Exception):
    pass


def _late(signum: int, frame: FrameType | None) -> None:
    raise _LateError


def _lane(warmup: str, deadline: float, arguments: list[str]) -> None:
    """Run what is asked for on standard input, and answer on standard output, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(1))
    signal.signal(signal.SIGALRM, _late)
    _warm(warmup, arguments)
    for line in sys.stdin:
        tree, scratch, more, coverage = json.loads(line)
        chosen = [word for word in arguments if coverage or not word.startswith("--cov")] + more
        answer = _suite(Path(tree), Path(scratch), deadline, chosen)
        modules = Path(scratch) / "modules"
        names = modules.read_text(encoding="utf-8").split() if modules.exists() else []
        # With the answer the scratch folder goes.
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()
        _learn(names)


def _warm(warmup: str, arguments: list[str]) -> None:
    """Run a test, so that all that a session imports is there."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        folder = Path(scratch)
        (folder / "test_warm_up_of_a_lane.py").write_text(warmup, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        output, failure = folder / "output", None
        with _elsewhere(folder):
            code = _session(folder, output, [*arguments, "-W", "ignore"])
            if code != 0:
                failure = output.read_text(encoding="utf-8")
    if failure is not None:
        sys.exit(f"the warm-up has failed:\n{failure}")
    sys.modules.pop("test_warm_up_of_a_lane", None)
    _freeze()


@contextlib.contextmanager
def _elsewhere(folder: Path) -> Iterator[None]:
    """Undo what a session changes in the process."""
    path, streams, place = sys.path[:], (os.dup(1), os.dup(2)), Path.cwd()
    environment = dict(os.environ)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in enumerate(streams, 1):
            os.dup2(copy, number)
            os.close(copy)
        os.chdir(place)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)


class _Passed:
    """A plugin that keeps the names of the tests that have passed."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.passed:
            self.names.append(report.nodeid)


def _session(folder: Path, output: Path, arguments: list[str]) -> int:
    """Run pytest in this process as `python -m pytest` would."""
    import pytest

    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.chdir(folder)
    # The tree stays as it is: byte code would be of no use to anybody.
    sys.dont_write_bytecode = True
    os.environ |= {
        "COVERAGE_FILE": str(output.with_name("coverage")),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": "src",
        # Two sessions that clean up a folder for both get in each other's way.
        "PYTEST_DEBUG_TEMPROOT": str(output.parent),
    }
    sys.path[:0] = [str(folder), str(folder / "src")]
    sys.argv = [pytest.__file__, *arguments]
    try:
        passed = _Passed()
        code = int(pytest.main(arguments, plugins=[passed]))
        names = "\n".join(sorted(passed.names)).encode("utf-8", "backslashreplace")
        output.with_name("tests").write_text(hashlib.sha256(names).hexdigest(), encoding="utf-8")
        return code
    finally:
        sys.dont_write_bytecode = False


def _freeze() -> None:
    # The collector would touch every object, and so copy the pages that processes share.
    gc.collect()
    gc.freeze()


def _suite(tree: Path, scratch: Path, deadline: float, arguments: list[str]) -> dict[str, Any]:
    """Run a suite in a forked process; return its end."""
    process = os.fork()
    if process == 0:
        _forked(tree, scratch, arguments)
    late = False
    try:
        signal.setitimer(signal.ITIMER_REAL, deadline)
        # It stays a zombie, so that its number is not given to another process group.
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except _LateError:
        late = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # Whatever a suite has started ends with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        _, status, usage = os.wait4(process, 0)
    result, tests = scratch / "result", scratch / "tests"
    if late:
        failure = f"The suite was killed: it was not over after {deadline:g} seconds."
    elif not result.exists():
        code = os.waitstatus_to_exitcode(status)
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        failure = f"The process of the suite ended {how} before the suite was over."
    else:
        failure = result.read_text(encoding="utf-8")
    return {
        "failure": failure,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss,
        "tests": tests.read_text(encoding="utf-8") if tests.exists() else "",
    }


def _forked(tree: Path, scratch: Path, arguments: list[str]) -> None:
    """Run the suite; never return."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        before = set(sys.modules)
        code = _session(tree, scratch / "output", arguments)
        # As at the end of any process, which waits for its threads.
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        names = [name for name in list(sys.modules) if name not in before and _lasting(name, tree)]
        (scratch / "modules").write_text("\n".join(names), encoding="utf-8")
        failure = "" if code == 0 else f"pytest ended with exit status {code}."
        (scratch / "result").write_text(failure, encoding="utf-8")
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _lasting(name: str, tree: Path) -> bool:
    """Tell whether a module comes from a file outside of the project."""
    spec = getattr(sys.modules[name], "__spec__", None)
    origin = getattr(spec, "origin", None)
    if not origin or getattr(spec, "name", None) != name or not Path(origin).is_absolute():
        return False
    return not Path(origin).is_relative_to(tree)


def _learn(names: list[str]) -> None:
    """Import what a suite has imported, for the suites to come."""
    if not names:
        return
    importlib.invalidate_caches()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            # What cannot be imported by itself is left to the suites.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    _freeze()


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    _lane(order["warmup"], order["deadline"], order["arguments"])
