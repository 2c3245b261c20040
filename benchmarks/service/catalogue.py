"""Every measure, in the order in which it is taken."""

from functools import partial

from . import lifecycle, throughput
from .generated import STYLES, VARIANTS
from .measures import Measure
from .targets import BEFORE, LIBRARIES, PEERS, REFERENCE, SERVICE

_CPU = "µs of CPU for a message"
_APPS = tuple(name for name in PEERS if name != "websockets")
_SERVERS = (*_APPS, SERVICE, BEFORE)
_ALL = (*PEERS, SERVICE, BEFORE)
_GROWING = (REFERENCE, "falcon-tuned", "starlette", SERVICE, BEFORE)
_SAFETY = (SERVICE, *(f"without-{variant}" for variant in VARIANTS))
_STYLED = tuple(f"{SERVICE}-{style}" for style in STYLES if style != "none")


def _broadcast(name: str, group: str, listeners: int, rooms: int = 1) -> Measure:
    load = partial(throughput.broadcast, listeners=listeners, rooms=rooms)
    targets = _ALL if group == "broadcast" else _GROWING
    return Measure(name, group, _CPU, targets, load, slices=4 if listeners >= 1000 else 10)


def _silent(silent: int) -> Measure:
    load = partial(throughput.echo, silent=silent)
    return Measure(f"echo beside {silent:,} silent", "growth", _CPU, _GROWING, load)


def _memory(connections: int) -> Measure:
    run = partial(lifecycle.memory, connections=connections)
    name = f"idle connection, at {connections:,}"
    return Measure(name, "memory", "KiB of PSS", _SERVERS, alone=run, rounds=3)


MEASURES = (
    Measure("echo", "echo", _CPU, _ALL, throughput.echo),
    _broadcast("broadcast to 10", "broadcast", 10),
    _broadcast("broadcast to 100", "broadcast", 100),
    _broadcast("broadcast to 1,000", "broadcast", 1000),
    Measure("echo, without", "safety", _CPU, _SAFETY, throughput.echo, reference=SERVICE),
    Measure(
        "broadcast to 100, without",
        "safety",
        _CPU,
        _SAFETY,
        partial(throughput.broadcast, listeners=100),
        reference=SERVICE,
    ),
    Measure(
        "handshake",
        "handshake",
        "µs of CPU for a visit",
        (*_APPS, SERVICE, BEFORE, *_STYLED),
        throughput.handshake,
    ),
    Measure(
        "POST",
        "http",
        "µs of CPU for a request",
        _SERVERS,
        throughput.post,
        reference="falcon-tuned",
    ),
    Measure(
        "events to 200",
        "sse",
        "µs of CPU for an event",
        _SERVERS,
        throughput.events,
        reference="falcon-tuned",
    ),
    Measure(
        f"latency at {throughput.PACE:,} a second",
        "latency",
        "µs until the answer, median",
        _ALL,
        throughput.paced,
        reading=throughput.latency,
        slices=1,
        rounds=3,
    ),
    _silent(1000),
    _silent(5000),
    _broadcast("100 rooms of 10", "growth", 10, rooms=100),
    _broadcast("broadcast to 5,000", "growth", 5000),
    _memory(2000),
    _memory(5000),
    Measure(
        "SIGTERM to the last of 1,000 closes",
        "stop",
        "ms",
        _ALL,
        alone=lifecycle.stop,
        rounds=3,
    ),
    Measure(
        "start to the first answer",
        "start",
        "ms",
        _SERVERS,
        alone=lifecycle.start,
        reference="falcon-tuned",
    ),
    Measure(
        "import",
        "import",
        "ms of CPU",
        (LIBRARIES, SERVICE, BEFORE, f"{SERVICE}-jwt"),
        alone=lifecycle.imports,
        reference=LIBRARIES,
        rounds=3,
    ),
)
GROUPS = tuple(dict.fromkeys(measure.group for measure in MEASURES))
