"""What every peer does alike: the messages, validated by msgspec, and a room's listeners."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Generic, TypeVar

import msgspec

Payload = TypeVar("Payload")
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Echo(msgspec.Struct, tag_field="type", tag="echo", forbid_unknown_fields=True):
    """Asks for the same text."""

    text: Text


class Echoed(msgspec.Struct, tag_field="type", tag="echoed"):
    """The same text."""

    text: str


class Publish(msgspec.Struct, tag_field="type", tag="publish", forbid_unknown_fields=True):
    """Says something to everybody in the room."""

    text: Text


class Message(msgspec.Struct, tag_field="type", tag="message"):
    """Something that was said in the room."""

    room: str
    sender: str
    text: str


JOINED = '{"type":"joined"}'
SENDER = "anonymous"

encode = msgspec.json.Encoder().encode
_decode_echo = msgspec.json.Decoder(Echo).decode
_decode_publish = msgspec.json.Decoder(Publish).decode


def echo(text: str) -> str:
    """Return the answer to an echo."""
    return encode(Echoed(_decode_echo(text).text)).decode()


def publication(room: str, published: str | bytes) -> str:
    """Return what a room is to hear."""
    return encode(Message(room, SENDER, _decode_publish(published).text)).decode()


class Hub(Generic[Payload]):
    """Who listens to which room; each listener is the coroutine function that sends to it."""

    def __init__(self) -> None:
        self._rooms: defaultdict[str, dict[object, Callable[[Payload], Awaitable[None]]]]
        self._rooms = defaultdict(dict)

    async def publish(self, room: str, payload: Payload) -> None:
        """Send to one listener after the other."""
        for send in tuple(self._rooms[room].values()):
            await send(payload)

    @contextmanager
    def listening(self, room: str, send: Callable[[Payload], Awaitable[None]]) -> Iterator[None]:
        """Have `send` called with each payload."""
        key = object()
        self._rooms[room][key] = send
        try:
            yield
        finally:
            del self._rooms[room][key]


async def heard(hub: Hub[str], room: str) -> AsyncIterator[str]:
    """Yield what is said in the room, for Server-Sent Events, after a first message."""
    queue = asyncio.Queue[str]()
    with hub.listening(room, queue.put):
        yield JOINED
        while True:
            yield await queue.get()
