"""Falcon as its documentation sets it up: its receive queue, its JSON handlers, `send_media`."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from falcon import HTTP_NO_CONTENT, WebSocketDisconnected
from falcon.asgi import App, Request, Response, SSEvent, WebSocket

from .common import SENDER, Echo, Hub, Publish, heard, publication

_sockets = Hub[object]()
_streams = Hub[str]()


class LiveResource:
    """`/livez`."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer."""
        resp.media = {}


class EchoResource:
    """`/echo`."""

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Echo."""
        await ws.accept()
        try:
            while True:
                message = msgspec.convert(await ws.receive_media(), Echo)
                await ws.send_media({"type": "echoed", "text": message.text})
        except WebSocketDisconnected:
            pass


class RoomResource:
    """`/rooms/{room}`."""

    async def on_websocket(self, req: Request, ws: WebSocket, room: str) -> None:
        """Publish what the client says and send it what others say."""
        await ws.accept()
        try:
            with _sockets.listening(room, ws.send_media):
                await ws.send_media({"type": "joined"})
                while True:
                    said = msgspec.convert(await ws.receive_media(), Publish).text
                    message = {"type": "message", "room": room, "sender": SENDER, "text": said}
                    await _sockets.publish(room, message)
        except WebSocketDisconnected:
            pass

    async def on_post(self, req: Request, resp: Response, room: str) -> None:
        """Publish the body."""
        said = msgspec.convert(await req.get_media(), Publish).text
        message = {"type": "message", "room": room, "sender": SENDER, "text": said}
        await _sockets.publish(room, message)
        await _streams.publish(room, publication(room, msgspec.json.encode(Publish(said))))
        resp.status = HTTP_NO_CONTENT

    async def on_get(self, req: Request, resp: Response, room: str) -> None:
        """Stream what is said."""
        resp.sse = _events(room)


async def _events(room: str) -> AsyncIterator[SSEvent]:
    async for text in heard(_streams, room):
        yield SSEvent(data=text.encode())


def make() -> Any:
    """Build the app."""
    app = App[Request, Response]()
    app.add_route("/livez", LiveResource())
    app.add_route("/echo", EchoResource())
    app.add_route("/rooms/{room}", RoomResource())
    return app


app = make()
