"""What a service's life costs: idle connections, its start, its end; on a server of its own."""

import os
import subprocess
from statistics import median

from .credentials import obtain
from .generator import Load
from .measures import Bench, Sample
from .serving import Server, pinned, serving
from .targets import Target

_IMPORTS = 5


def memory(bench: Bench, target: Target, connections: int) -> Sample:
    """Return how many KiB an idle connection takes (proportional set size)."""
    with serving(target, bench.core, bench.log(target)) as server:
        # What is made once, at the first connections, is not theirs.
        _hold(bench, server, 16)
        before = server.memory()
        after = _hold(bench, server, connections)
    return Sample((after - before) / connections / 1024)


def _hold(bench: Bench, server: Server, connections: int) -> int:
    """Open connections to an echo, return the memory of the server, leave."""
    requests = {"requests": obtain(server).handshakes("/echo")}
    load = Load("hold", requests, {"connections": connections})
    with bench.generator.opened(server.pid, server.port, load) as run:
        held = server.memory()
        run.leave()
    return held


def stop(bench: Bench, target: Target, connections: int = 1000) -> Sample:
    """Return the milliseconds from SIGTERM to the last close frame, with clients that answer."""
    with serving(target, bench.core, bench.log(target)) as server:
        requests = {"requests": obtain(server).handshakes("/rooms/1")}
        load = Load("hold", requests, {"connections": connections, "greet": 1})
        with bench.generator.opened(server.pid, server.port, load) as run:
            signalled = server.terminate()
            report = run.read()
    note = ", ".join(f"{count} with {code}" for code, count in sorted(report["codes"].items()))
    return Sample((report["last_close"] - signalled) * 1e3, note=note)


def start(bench: Bench, target: Target) -> Sample:
    """Return the milliseconds from the start of the process to its first answer."""
    with serving(target, bench.core, bench.log(target)) as server:
        return Sample(server.started * 1e3)


def imports(bench: Bench, target: Target) -> Sample:
    """Return the milliseconds of CPU that a Python takes to import what serves, and to end."""
    statement = f"import {target.imports}"
    taken = []
    for _ in range(_IMPORTS):
        with pinned(bench.core):
            process = subprocess.Popen([target.python, "-c", statement], env=target.env())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise ValueError(f"{target.name} cannot be imported")
        taken.append((usage.ru_utime + usage.ru_stime) * 1e3)
    return Sample(median(taken))
