"""What a client sends to prove who it is: a token in its first message."""

from collections.abc import Callable

from {{ package_name }}.settings import Settings

from .attempt import Attempt, Post
from .codec import GARBAGE, encode
from .forgery import DENIED_BEARERS, NAME, bearer, carried, token

__all__ = ["NAME"]


def first(token: object) -> Attempt:
    """Return an attempt with this token."""
    return Attempt(first=encode({"type": "auth", "token": token}))


async def attempt(settings: Settings, post: Post) -> Attempt:
    """Return what a client sends to get in."""
    return first(token(settings))


async def http_headers(settings: Settings, post: Post) -> dict[str, str]:
    """Return what a client sends with an HTTP request."""
    return bearer(token(settings))


DENIED: dict[str, Callable[[Settings], Attempt]] = {
    "another message": lambda settings: Attempt(first=encode({"type": "ping"})),
    "no type": lambda settings: Attempt(first=encode({"token": token(settings)})),
    "no token": lambda settings: Attempt(first=encode({"type": "auth"})),
    "a token that is no text": lambda settings: first(1),
    "no object": lambda settings: Attempt(first=encode([])),
    "garbage": lambda settings: Attempt(first=GARBAGE),
    "a token and nothing else": lambda settings: Attempt(first=token(settings)),
    "garbage of the other frame type": lambda settings: Attempt(
        first=b"\xc1" if isinstance(GARBAGE, str) else "["
    ),
    "a token in the header": lambda settings: Attempt(bearer(token(settings)), first=encode({})),
    **carried(first),
}

DENIED_HTTP = DENIED_BEARERS
