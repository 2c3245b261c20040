"""Starlette."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from .common import JOINED, Hub, echo, heard, publication

_sockets = Hub[str]()
_streams = Hub[str]()


async def live(request: Request) -> Response:
    """Answer."""
    return JSONResponse({})


async def echo_socket(websocket: WebSocket) -> None:
    """Echo."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(echo(await websocket.receive_text()))
    except WebSocketDisconnect:
        pass


async def room_socket(websocket: WebSocket) -> None:
    """Publish what the client says and send it what others say."""
    room = websocket.path_params["room"]
    await websocket.accept()
    try:
        with _sockets.listening(room, websocket.send_text):
            await websocket.send_text(JOINED)
            while True:
                await _sockets.publish(room, publication(room, await websocket.receive_text()))
    except WebSocketDisconnect:
        pass


async def post(request: Request) -> Response:
    """Publish the body."""
    room = request.path_params["room"]
    text = publication(room, await request.body())
    await _sockets.publish(room, text)
    await _streams.publish(room, text)
    return Response(status_code=204)


async def listen(request: Request) -> Response:
    """Stream what is said."""
    texts = heard(_streams, request.path_params["room"])
    events = (f"data: {text}\n\n" async for text in texts)
    return StreamingResponse(events, media_type="text/event-stream")


app: Any = Starlette(
    routes=[
        Route("/livez", live),
        WebSocketRoute("/echo", echo_socket),
        WebSocketRoute("/rooms/{room}", room_socket),
        Route("/rooms/{room}", post, methods=["POST"]),
        Route("/rooms/{room}", listen, methods=["GET"]),
    ]
)
