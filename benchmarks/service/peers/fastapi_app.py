"""FastAPI: its routes and its parameters; for messages msgspec, as everywhere here."""

from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from .common import JOINED, Hub, echo, heard, publication

_sockets = Hub[str]()
_streams = Hub[str]()


async def live() -> dict[str, str]:
    """Answer."""
    return {}


async def echo_socket(websocket: WebSocket) -> None:
    """Echo."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(echo(await websocket.receive_text()))
    except WebSocketDisconnect:
        pass


async def room_socket(websocket: WebSocket, room: str) -> None:
    """Publish what the client says and send it what others say."""
    await websocket.accept()
    try:
        with _sockets.listening(room, websocket.send_text):
            await websocket.send_text(JOINED)
            while True:
                await _sockets.publish(room, publication(room, await websocket.receive_text()))
    except WebSocketDisconnect:
        pass


async def post(request: Request, room: str) -> Any:
    """Publish the body."""
    text = publication(room, await request.body())
    await _sockets.publish(room, text)
    await _streams.publish(room, text)
    return Response(status_code=204)


async def listen(room: str) -> Any:
    """Stream what is said."""
    events = (f"data: {text}\n\n" async for text in heard(_streams, room))
    return StreamingResponse(events, media_type="text/event-stream")


app: Any = FastAPI()
app.get("/livez")(live)
app.websocket("/echo")(echo_socket)
app.websocket("/rooms/{room}")(room_socket)
app.post("/rooms/{room}")(post)
app.get("/rooms/{room}")(listen)
