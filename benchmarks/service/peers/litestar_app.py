"""Litestar: its listener, and its channels for rooms."""

from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import websocket_listener
from litestar.response import ServerSentEvent

from .common import JOINED, echo, publication


async def live() -> dict[str, str]:
    """Answer."""
    return {}


async def echo_socket(data: str) -> str:
    """Echo; a listener does not validate a struct by itself, it would get a dict."""
    return echo(data)


async def room_socket(
    socket: WebSocket[Any, Any, Any], room: str, channels: ChannelsPlugin
) -> None:
    """Publish what the client says and send it what others say."""
    await socket.accept()
    try:
        async with (
            channels.start_subscription(room) as subscriber,
            subscriber.run_in_background(socket.send_text),
        ):
            await socket.send_text(JOINED)
            while True:
                channels.publish(publication(room, await socket.receive_text()), room)
    except WebSocketDisconnect:
        pass


async def publish(request: Request[Any, Any, Any], room: str, channels: ChannelsPlugin) -> None:
    """Publish the body."""
    channels.publish(publication(room, await request.body()), room)


async def listen(room: str, channels: ChannelsPlugin) -> ServerSentEvent:
    """Stream what is said."""

    async def events() -> AsyncIterator[str]:
        async with channels.start_subscription(room) as subscriber:
            yield JOINED
            async for event in subscriber.iter_events():
                yield event.decode()

    return ServerSentEvent(events())


app: Any = Litestar(
    [
        get("/livez")(live),
        websocket_listener("/echo")(echo_socket),
        websocket("/rooms/{room:str}")(room_socket),
        post("/rooms/{room:str}", status_code=204)(publish),
        get("/rooms/{room:str}")(listen),
    ],
    plugins=[ChannelsPlugin(backend=MemoryChannelsBackend(), arbitrary_channels_allowed=True)],
    openapi_config=None,
)
