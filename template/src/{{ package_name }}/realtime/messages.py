"""The envelope: what every message looks like, whichever media handler carries it."""

import re
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

if TYPE_CHECKING:
    from typing_extensions import TypeForm as TypeForm
else:
    TypeForm = type

M = TypeVar("M")
"""One type of message, or a union of several: `TypeForm[M]` is how it is handed over (PEP 747)."""

_MAX_DETAIL = 200

_NEXT_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _type(name: str) -> str:
    """Return the type of a message by its class: `PriceChanged` is `price_changed`."""
    return _NEXT_WORD.sub("_", name).lower()


class ClientMessage(msgspec.Struct, tag_field="type", tag=_type, forbid_unknown_fields=True):
    """A message from a client: an object whose `type` is the name of the class, in snake case."""


class ServerMessage(msgspec.Struct, tag_field="type", tag=_type, kw_only=True):
    """A message to a client: an object whose `type` is the name of the class, in snake case."""

    position: str | msgspec.UnsetType = msgspec.UNSET
    """Where it stands among all that was published: the broker sets it, clients give it back."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Raise TypeError for a field that would hide the broker's."""
        super().__init_subclass__(**options)
        if "position" in vars(cls).get("__annotations__", ()):
            raise TypeError(f"{cls.__name__}: `position` is the broker's, take another name")

    def at(self, position: str) -> Self:
        """Return this message with that position."""
        return msgspec.structs.replace(self, position=position)


class Ping(ClientMessage):
    """Asks for a `pong`: a browser cannot send the ping frame of the protocol."""


class Pong(ServerMessage):
    """The answer to a `ping`."""


class Joined(ServerMessage):
    """The first message about a topic: from now on, the client gets what is published there."""

    recovered: bool | None
    """Whether all that it missed since its position follows; None if it gave none."""


class Resync(ServerMessage):
    """The broker has lost messages: what the client knows may have a gap."""


class Error(ServerMessage):
    """Says what was wrong with the client's last message; the connection stays open."""

    code: str
    detail: str


class MessageError(ValueError):
    """A message that cannot be decoded (`malformed`) or has the wrong shape (`invalid`)."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.answer = Error(code=code, detail=detail[:_MAX_DETAIL])


def parse(media: object, expected: TypeForm[M]) -> M:
    """Return `media` as one of the `expected` messages; raise MessageError if it is not."""
    if not isinstance(media, dict) or "type" not in media:
        raise MessageError("invalid", "Expected an object with a field `type`")
    return convert(media, expected)


def convert(media: object, expected: TypeForm[M]) -> M:
    """Return `media` as `expected`, whatever that is; raise MessageError, which names the field."""
    tag = getattr(getattr(expected, "__struct_config__", None), "tag_field", None)
    if tag is not None and isinstance(media, dict) and tag not in media:
        # msgspec would do without the tag where only one type is expected.
        raise MessageError("invalid", f"Object missing required field `{tag}`")
    try:
        # The keys of a JSON object are text, also where they stand for numbers.
        converted: M = msgspec.convert(media, expected, strict=True, str_keys=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise MessageError("invalid", str(error)) from None
    return converted
