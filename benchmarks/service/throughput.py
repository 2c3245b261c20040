"""What clients do to a running server, to see what it costs."""

from . import wire
from .credentials import obtain
from .generator import Counted, Load
from .measures import Sample
from .serving import Server

CONNECTIONS = 64
PACE = 2000
TICKETS = 6000
"""More than the visits of a round, where each needs one of its own."""

_ECHO = wire.frame(wire.message("echo", text=wire.TEXT))
_PUBLISH = wire.message("publish", text=wire.TEXT)


def echo(server: Server, silent: int = 0) -> Load:
    """Have 64 clients send as soon as they have their answer, beside others that are silent."""
    files = {"requests": obtain(server).handshakes("/echo"), "message": _ECHO}
    return Load("echo", files, {"connections": CONNECTIONS + silent, "active": CONNECTIONS})


def broadcast(server: Server, listeners: int, rooms: int = 1) -> Load:
    """Have a client in each room publish to that many listeners, itself included.

    At any moment four publications are on their way.
    """
    credential = obtain(server)
    requests = (credential.handshakes(f"/rooms/{number}") for number in range(rooms))
    files = {"requests": b"".join(requests), "message": wire.frame(_PUBLISH)}
    connections = listeners * rooms
    return Load(
        "publish", files, {"connections": connections, "rooms": rooms, "window": 4, "greet": 1}
    )


def post(server: Server) -> Load:
    """Have 16 clients publish over HTTP where nobody listens."""
    request = wire.request("POST", "/rooms/1", {}, _PUBLISH)
    return Load("echo", {"message": request}, {"kind": "http", "connections": 16})


def events(server: Server) -> Load:
    """Have 200 clients listen to Server-Sent Events, and one publish over HTTP."""
    files = {
        "requests": wire.request("GET", "/rooms/2", {}) + b"\0",
        "message": wire.request("POST", "/rooms/2", {}, _PUBLISH),
    }
    return Load("publish", files, {"kind": "sse", "connections": 200, "greet": 1})


def handshake(server: Server) -> Load:
    """Have 16 clients at a time connect, get one echo, and close in order."""
    credential = obtain(server, TICKETS)
    files = {"requests": credential.handshakes("/echo"), "message": _ECHO}
    if credential.first:
        files["first"] = credential.first
    return Load("visit", files, {"connections": 16})


def paced(server: Server) -> Load:
    """Have 64 clients send 2,000 messages a second between them, whatever the server does."""
    files = {"requests": obtain(server).handshakes("/echo"), "message": _ECHO}
    return Load("paced", files, {"connections": CONNECTIONS, "rate": PACE})


def latency(counted: Counted) -> Sample:
    """Return the median time from when a message was due to its echo, in microseconds.

    A message that is sent late counts from when it was due, so a stall of the server shows in
    all the messages that had to wait for it.
    """
    details = counted.details
    return Sample.of(counted, details["p50"], f"p99 {details['p99']:.0f} µs")
