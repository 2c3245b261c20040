"""What work costs: measured on a running server, as its CPU for a message."""

from . import wire
from .credentials import obtain
from .generator import GeneratorError
from .measures import WARMUP, Bench, Sample
from .serving import Server

CONNECTIONS = 64
PACE = 2000
VISITS = 1500

_ECHO = wire.frame(wire.message("echo", text=wire.TEXT))
_PUBLISH = wire.message("publish", text=wire.TEXT)


def echo(bench: Bench, server: Server, silent: int = 0) -> Sample:
    """Have 64 clients send as soon as they have their answer, beside others that are silent."""
    credential = obtain(server)
    counted = bench.generator.run(
        server.pid,
        server.port,
        "echo",
        {"requests": credential.handshakes("/echo"), "message": _ECHO},
        connections=CONNECTIONS + silent,
        active=CONNECTIONS,
        seconds=bench.seconds,
        warmup=WARMUP,
    )
    return Sample.of(counted)


def broadcast(bench: Bench, server: Server, listeners: int, rooms: int = 1) -> Sample:
    """Have a client in each room publish to that many listeners, itself included."""
    credential = obtain(server)
    requests = (credential.handshakes(f"/rooms/{number}") for number in range(rooms))
    counted = bench.generator.run(
        server.pid,
        server.port,
        "publish",
        {"requests": b"".join(requests), "message": wire.frame(_PUBLISH)},
        connections=listeners * rooms,
        rooms=rooms,
        window=4,
        greet=1,
        seconds=bench.seconds,
        warmup=WARMUP,
    )
    return Sample.of(counted)


def post(bench: Bench, server: Server) -> Sample:
    """Have 16 clients publish over HTTP where nobody listens."""
    counted = bench.generator.run(
        server.pid,
        server.port,
        "echo",
        {"message": wire.request("POST", "/rooms/1", {}, _PUBLISH)},
        kind="http",
        connections=16,
        seconds=bench.seconds,
        warmup=WARMUP,
    )
    return Sample.of(counted)


def events(bench: Bench, server: Server) -> Sample:
    """Have 200 clients listen to Server-Sent Events, and one publish over HTTP."""
    counted = bench.generator.run(
        server.pid,
        server.port,
        "publish",
        {
            "requests": wire.request("GET", "/rooms/2", {}) + b"\0",
            "message": wire.request("POST", "/rooms/2", {}, _PUBLISH),
        },
        kind="sse",
        connections=200,
        greet=1,
        seconds=bench.seconds,
        warmup=WARMUP,
    )
    return Sample.of(counted)


def handshake(bench: Bench, server: Server) -> Sample:
    """Have 16 clients at a time connect, get one echo, and close in order."""
    credential = obtain(server, VISITS)
    files = {"requests": credential.handshakes("/echo"), "message": _ECHO}
    if credential.first:
        files["first"] = credential.first
    counted = bench.generator.run(
        server.pid, server.port, "visit", files, connections=16, visits=VISITS
    )
    return Sample.of(counted)


def latency(bench: Bench, server: Server) -> Sample:
    """Return the median time from when a message was due to its echo, at a fixed rate.

    A message that is sent late counts from when it was due, so a stall of the server shows in
    all the messages that had to wait for it.
    """
    credential = obtain(server)
    counted = bench.generator.run(
        server.pid,
        server.port,
        "paced",
        {"requests": credential.handshakes("/echo"), "message": _ECHO},
        connections=CONNECTIONS,
        rate=PACE,
        seconds=bench.seconds * 2,
        warmup=WARMUP,
    )
    rate = counted.messages / counted.seconds
    if rate < PACE * 0.95:
        raise GeneratorError(f"{server.target.name} answers only {rate:.0f} messages a second")
    return Sample(counted.details["p50"], rate, note=f"p99 {counted.details['p99']:.0f} µs")
