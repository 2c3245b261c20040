"""Rooms: whoever listens to `/rooms/{room}` hears what anybody publishes there."""

from functools import partial
from typing import Annotated, assert_never

from falcon import HTTP_NO_CONTENT, HTTPNotFound
from falcon.asgi import Request, Response, WebSocket
from msgspec import Meta

from ..body import receive
from ..broker import Broker
from ..connections import Connections
from ..identity import principal_of
from ..messages import ClientMessage, Ping, Pong, ServerMessage
from ..settings import Settings

_MAX_ROOM_NAME = 64


class Publish(ClientMessage):
    """Says something to everybody in the room, the sender included."""

    text: Annotated[str, Meta(min_length=1, max_length=4096)]


class Joined(ServerMessage):
    """The first message: from now on the client hears the room."""


class Message(ServerMessage):
    """Something that was said in the room."""

    room: str
    sender: str
    text: str


class RoomResource:
    """`/rooms/{room}`: connecting joins, disconnecting leaves; over HTTP, POST says, GET hears."""

    def __init__(self, broker: Broker, connections: Connections, settings: Settings) -> None:
        """Carry messages with this broker; `settings` limit their size."""
        self._broker = broker
        self._connections = connections
        self._settings = settings

    async def on_post(self, req: Request, resp: Response, room: str) -> None:
        """Publish the `publish` message in the body; answer 204."""
        _check(room)
        message = await receive(req, Publish, self._settings)
        sender = principal_of(req).name
        await self._broker.publish(room, Message(room, sender, message.text))
        resp.status = HTTP_NO_CONTENT

    async def on_get(self, req: Request, resp: Response, room: str) -> None:
        """Send what is said in the room, as Server-Sent Events."""
        _check(room)
        await self._connections.stream(req, resp, partial(self._broker.subscribe, room), Joined())

    async def on_websocket(self, req: Request, ws: WebSocket, room: str) -> None:
        """Publish what the client says and send it what others say."""
        _check(room)
        sender = principal_of(req).name
        async with (
            self._connections.open(req, ws, Publish | Ping) as connection,
            self._broker.subscribe(room, connection.send),
        ):
            connection.send(Joined())
            async for message in connection:
                match message:
                    case Publish(text=text):
                        await self._broker.publish(room, Message(room, sender, text))
                    case Ping():
                        connection.send(Pong())
                    case _:
                        assert_never(message)


def _check(room: str) -> None:
    if not (0 < len(room) <= _MAX_ROOM_NAME and room.isprintable() and "\ufffd" not in room):
        raise HTTPNotFound(description="There is no room of that name.")
