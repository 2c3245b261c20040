"""The library `websockets` as a server of its own, with `broadcast`; it is no ASGI app."""

import asyncio
import signal
from collections import defaultdict
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

from .common import JOINED, echo, publication

_rooms: defaultdict[str, set[ServerConnection]] = defaultdict(set)


async def handle(ws: ServerConnection) -> None:
    """Echo, or be in a room."""
    path = ws.request.path if ws.request else ""
    if path == "/echo":
        async for text in ws:
            await ws.send(echo(str(text)))
        return
    room = path.rpartition("/")[2]
    _rooms[room].add(ws)
    try:
        await ws.send(JOINED)
        async for text in ws:
            broadcast(_rooms[room], publication(room, text))
    finally:
        _rooms[room].discard(ws)


def answer_http(ws: ServerConnection, request: Request) -> Response | None:
    """Answer `/livez`."""
    return ws.respond(HTTPStatus.OK, "{}") if request.path == "/livez" else None


async def run(port: int) -> None:
    """Serve until SIGTERM."""
    async with serve(
        handle, "127.0.0.1", port, compression=None, process_request=answer_http
    ) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        await server.wait_closed()
