"""Falcon without its receive queue, with msgspec, and with texts that are encoded once."""

from typing import Any

from falcon import HTTP_NO_CONTENT, WebSocketDisconnected
from falcon.asgi import App, Request, Response, SSEvent, WebSocket

from .common import JOINED, Hub, echo, heard, publication
from .falcon_documented import LiveResource

_sockets = Hub[str]()
_streams = Hub[str]()


class EchoResource:
    """`/echo`."""

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Echo."""
        await ws.accept()
        try:
            while True:
                await ws.send_text(echo(await ws.receive_text()))
        except WebSocketDisconnected:
            pass


class RoomResource:
    """`/rooms/{room}`."""

    async def on_websocket(self, req: Request, ws: WebSocket, room: str) -> None:
        """Publish what the client says and send it what others say."""
        await ws.accept()
        try:
            with _sockets.listening(room, ws.send_text):
                await ws.send_text(JOINED)
                while True:
                    await _sockets.publish(room, publication(room, await ws.receive_text()))
        except WebSocketDisconnected:
            pass

    async def on_post(self, req: Request, resp: Response, room: str) -> None:
        """Publish the body."""
        text = publication(room, await req.stream.read())
        await _sockets.publish(room, text)
        await _streams.publish(room, text)
        resp.status = HTTP_NO_CONTENT

    async def on_get(self, req: Request, resp: Response, room: str) -> None:
        """Stream what is said."""
        resp.sse = (SSEvent(data=text.encode()) async for text in heard(_streams, room))


def make() -> Any:
    """Build the app."""
    app = App[Request, Response]()
    app.ws_options.max_receive_queue = 0
    app.add_route("/livez", LiveResource())
    app.add_route("/echo", EchoResource())
    app.add_route("/rooms/{room}", RoomResource())
    return app


app = make()
