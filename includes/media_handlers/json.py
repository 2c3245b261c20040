"""The media handlers: JSON in TEXT frames, nothing in BINARY frames."""

from typing import NoReturn

import msgspec
from falcon import PayloadTypeError, WebSocketPayloadType
from falcon.media import BinaryBaseHandlerWS, TextBaseHandlerWS

from .messages import MessageError, ServerMessage

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class JSONHandler(TextBaseHandlerWS):
    """JSON in TEXT frames, by msgspec."""

    def serialize(self, media: object) -> str:
        """Return `media` as JSON; a str, because an ASGI server takes no bytes in a TEXT frame."""
        return _encode(media).decode()

    def deserialize(self, payload: str) -> object:
        """Return the decoded payload; raise MessageError if it is no JSON or nests too deep."""
        try:
            return _decode(payload)
        except (ValueError, RecursionError) as error:
            raise MessageError("malformed", str(error)) from None


class NoHandler(BinaryBaseHandlerWS):
    """Refuses BINARY frames: without it Falcon raises RuntimeError where MessagePack is missing."""

    def serialize(self, media: object) -> NoReturn:
        """Raise PayloadTypeError."""
        raise PayloadTypeError("this service sends no BINARY frames")

    def deserialize(self, payload: bytes) -> NoReturn:
        """Raise PayloadTypeError, which closes the connection with 1003."""
        raise PayloadTypeError("this service reads no BINARY frames")


TEXT = JSONHandler()
BINARY = NoHandler()
DEFAULT_PAYLOAD_TYPE = WebSocketPayloadType.TEXT


class Encoded:
    """A message that is encoded once, however many connections it goes to."""

    def __init__(self, message: ServerMessage) -> None:
        self._message = message
        self._text: str | None = None

    def payload(self, payload_type: WebSocketPayloadType) -> str | bytes:
        """Return the message as the payload of a frame of that type."""
        if self._text is None:
            self._text = TEXT.serialize(self._message)
        return self._text
