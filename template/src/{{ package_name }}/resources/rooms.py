"""Rooms: every listener of `/rooms/{room}` gets what anybody publishes there."""

from typing import Annotated, assert_never

from falcon import HTTP_NO_CONTENT, HTTPNotFound
from falcon.asgi import Request, Response, WebSocket
from msgspec import Meta

from ..realtime import (
    UNAVAILABLE,
    Access,
    Action,
    Broker,
    BrokerUnavailableError,
    ClientMessage,
    Ping,
    Pong,
    Registry,
    ServerMessage,
    joined,
    receive,
)

_MAX_ROOM_NAME = 64


class Publish(ClientMessage):
    """Publishes a text to everybody in the room, including the sender."""

    text: Annotated[str, Meta(min_length=1, max_length=4096)]


class Message(ServerMessage):
    """A text that was published in the room."""

    room: str
    sender: str
    text: str


class RoomResource:
    """`/rooms/{room}`: connecting joins, disconnecting leaves; POST publishes, GET listens."""

    def __init__(self, broker: Broker, registry: Registry, access: Access) -> None:
        """Publish with this broker, open connections in this registry, to whom access allows."""
        self._broker = broker
        self._registry = registry
        self._access = access

    async def on_post(self, req: Request, resp: Response, room: str) -> None:
        """Publish the `publish` message in the body; answer 204."""
        _check(room)
        sender = await self._access.check(req, Action.PUBLISH, room)
        message = await receive(req, Publish)
        await self._broker.publish(room, Message(room, sender.name, message.text))
        resp.status = HTTP_NO_CONTENT

    async def on_get(self, req: Request, resp: Response, room: str) -> None:
        """Stream the room's messages as Server-Sent Events."""
        _check(room)
        await self._access.check(req, Action.STREAM, room)
        since = await self._access.since(req, room)
        await self._registry.stream(
            req, resp, lambda deliver: joined(self._broker, room, deliver, since)
        )

    async def on_websocket(self, req: Request, ws: WebSocket, room: str) -> None:
        """Publish the client's messages, and send it those of the room."""
        _check(room)
        await self._access.check(req, Action.JOIN, room)
        since = await self._access.since(req, room)
        async with (
            self._registry.open(req, ws, Publish | Ping) as connection,
            joined(self._broker, room, connection.send, since),
        ):
            async for message in connection:
                match message:
                    case Publish(text=text):
                        sender = await self._access.check(req, Action.PUBLISH, room)
                        try:
                            await self._broker.publish(room, Message(room, sender.name, text))
                        except BrokerUnavailableError:
                            connection.send(UNAVAILABLE)
                    case Ping():
                        connection.send(Pong())
                    case _:
                        assert_never(message)


def _check(room: str) -> None:
    if not (0 < len(room) <= _MAX_ROOM_NAME and room.isprintable() and "\ufffd" not in room):
        raise HTTPNotFound(description="There is no room of that name.")
