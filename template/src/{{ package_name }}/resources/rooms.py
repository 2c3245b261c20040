"""Rooms: whoever connects to `/rooms/{room}` hears what anybody publishes there."""

from typing import Annotated, assert_never

from falcon import HTTPNotFound
from falcon.asgi import Request, WebSocket
from msgspec import Meta

from ..broker import Broker
from ..connections import Connections
from ..identity import principal_of
from ..messages import ClientMessage, Ping, Pong, ServerMessage

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
    """`/rooms/{room}`: connecting joins, disconnecting leaves."""

    def __init__(self, broker: Broker, connections: Connections) -> None:
        """Carry messages with this broker."""
        self._broker = broker
        self._connections = connections

    async def on_websocket(self, req: Request, ws: WebSocket, room: str) -> None:
        """Publish what the client says and send it what others say."""
        if not (0 < len(room) <= _MAX_ROOM_NAME and room.isprintable() and "\ufffd" not in room):
            raise HTTPNotFound(description="There is no room of that name.")
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
