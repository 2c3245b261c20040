"""No framework: an ASGI app in plain functions, the reference of all ratios."""

from collections.abc import Awaitable, Callable
from typing import Any

from .common import JOINED, Hub, echo, heard, publication

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_sockets = Hub[Event]()
_streams = Hub[str]()


async def app(scope: Event, receive: Receive, send: Send) -> None:
    """Route by hand."""
    path = scope.get("path", "")
    match scope["type"], path.split("/")[1:]:
        case "lifespan", _:
            await _lifespan(receive, send)
        case "websocket", ["echo"]:
            await _echo(receive, send)
        case "websocket", ["rooms", room]:
            await _room(room, receive, send)
        case "http", ["rooms", room] if scope["method"] == "POST":
            await _post(room, receive, send)
        case "http", ["rooms", room]:
            await _listen(room, send)
        case "http", ["livez"]:
            await _answer(send, 200, b"{}")
        case _:
            raise LookupError(path)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": echo(event["text"])})


async def _room(room: str, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    with _sockets.listening(room, send):
        await send({"type": "websocket.send", "text": JOINED})
        while (event := await receive())["type"] == "websocket.receive":
            await _publish(room, event["text"])


async def _publish(room: str, published: str | bytes) -> None:
    text = publication(room, published)
    await _sockets.publish(room, {"type": "websocket.send", "text": text})
    await _streams.publish(room, text)


async def _post(room: str, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    await _publish(room, body)
    await _answer(send, 204, b"")


async def _listen(room: str, send: Send) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for text in heard(_streams, room):
        body = f"data: {text}\n\n".encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))] if body else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
