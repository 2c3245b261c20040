"""The close codes of this service, in one table: for the code and for the tests."""

from enum import IntEnum
from http import HTTPStatus
from typing import Self


class CloseCode(IntEnum):
    """A WebSocket close code (RFC 6455 section 7.4), what it means and whether to reconnect.

    A denial after the WebSocket was accepted is not in this table: it is 3000 + its HTTP status.
    """

    meaning: str
    reconnect: bool

    def __new__(cls, code: int, meaning: str = "", reconnect: bool = False) -> Self:
        """Make a member; the meaning travels as the reason, in at most 123 bytes (section 5.5)."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.reconnect = reconnect
        return member

    NORMAL = 1000, "done", False
    WRONG_PAYLOAD_TYPE = 1003, "no handler for this frame type", False
    UNDECODABLE = 1007, "too many malformed messages", False
    TOO_LARGE = 1009, "message too large", False
    SERVER_ERROR = 1011, "our fault", True
    RESTART = 1012, "the service restarts", True
    OVERLOAD = 1013, "messages arrive faster than they are handled", True
    TOKEN_EXPIRED = 4001, "the token has expired", True
    TOO_SLOW = 4002, "messages are read too slowly", True
    IDLE = 4004, "no message for too long", True


# What only a client sends, and what stands for a close frame that never came (section 7.4.1).
_OF_THE_CLIENT = {
    1001: "the client goes away",
    1002: "protocol error",
    1005: "the client gave no code",
    1006: "lost without a close frame",
    1008: "against the client's policy",
}
_DENIED = 3000


def meaning_of(code: int) -> str:
    """Return what a close code means, whoever has sent it."""
    try:
        return CloseCode(code).meaning
    except ValueError:
        pass
    try:
        return f"denied: {HTTPStatus(code - _DENIED).phrase}"
    except ValueError:
        return _OF_THE_CLIENT.get(code, "a code of the client's own")
