"""A message as the payload of a frame, and the type of that frame."""

from functools import cached_property

import msgspec
from falcon import WebSocketPayloadType

from .formats import BINARY, PAYLOAD_TYPES, TEXT
from .messages import ServerMessage
from .wire import chunk, frame

DEFAULT_PAYLOAD_TYPE = next(iter(PAYLOAD_TYPES.values()))


def payload_type_of(subprotocol: str | None) -> WebSocketPayloadType:
    """Return the payload type that the service sends: a suffix such as `.json` may name it."""
    _, dot, suffix = (subprotocol or "").rpartition(".")
    return PAYLOAD_TYPES.get(suffix if dot else "", DEFAULT_PAYLOAD_TYPE)


class Encoded:
    """A message, encoded once for each type of frame, however many connections it goes to."""

    def __init__(self, message: ServerMessage) -> None:
        self._message = message
        self._payloads: dict[WebSocketPayloadType, str | bytes] = {}
        self._frames: dict[WebSocketPayloadType, bytes] = {}

    @cached_property
    def json(self) -> bytes:
        """The message as JSON, for HTTP."""
        return msgspec.json.encode(self._message)

    @property
    def position(self) -> str | None:
        """Where it stands among all that was published."""
        position = self._message.position
        return None if position is msgspec.UNSET else position

    @cached_property
    def event(self) -> bytes:
        """The message as a Server-Sent Event, in a chunk."""
        number = b"" if self.position is None else b"id: %b\n" % self.position.encode()
        return chunk(b"%bdata: %b\n\n" % (number, self.json))

    def payload(self, payload_type: WebSocketPayloadType) -> str | bytes:
        """Return the message as the payload of a frame of that type."""
        if payload_type not in self._payloads:
            handler = TEXT if payload_type is WebSocketPayloadType.TEXT else BINARY
            self._payloads[payload_type] = handler.serialize(self._message)
        return self._payloads[payload_type]

    def frame(self, payload_type: WebSocketPayloadType) -> bytes:
        """Return the message in a frame of that type."""
        if payload_type not in self._frames:
            self._frames[payload_type] = frame(self.payload(payload_type))
        return self._frames[payload_type]
