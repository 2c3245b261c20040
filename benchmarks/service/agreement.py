"""That everybody who is measured does the same work."""

import json

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from . import wire
from .serving import Server, ServerError

_PATIENCE = 10.0
# Where a message stands, so that a client can come back: the service says that too.
_POSITION = {"position", "recovered"}


def check_agreement(server: Server) -> None:
    """Raise ServerError unless the echo and a room answer what all others answer."""
    if server.target.style != "none":
        return  # its service is the one that was checked, behind a credential
    echoed = {"type": "echoed", "text": wire.TEXT}
    said = {"type": "message", "room": "1", "sender": "anonymous", "text": wire.TEXT}
    with _connect(server, "/echo") as ws:
        ws.send(wire.message("echo", text=wire.TEXT), text=True)
        _expect(server, ws, echoed)
    with (
        _connect(server, "/rooms/1") as ws,
        _connect(server, "/rooms/1") as other,
    ):
        for each in (ws, other):
            _expect(server, each, {"type": "joined"})
        ws.send(wire.message("publish", text=wire.TEXT), text=True)
        for each in (ws, other):
            _expect(server, each, said)


def _connect(server: Server, path: str) -> ClientConnection:
    return connect(f"ws://{wire.HOST}:{server.port}{path}", open_timeout=_PATIENCE)


def _expect(server: Server, ws: ClientConnection, expected: dict[str, str]) -> None:
    try:
        heard = json.loads(ws.recv(timeout=_PATIENCE))
    except ConnectionClosed as error:
        raise ServerError(f"{server.target.name}: {error}, the others say {expected}") from None
    if {key: heard[key] for key in heard.keys() - _POSITION} != expected:
        raise ServerError(f"{server.target.name} says {heard}, the others {expected}")
