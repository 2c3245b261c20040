"""What a client sends to prove who it is: a token in the Authorization header."""

from {{ package_name }}.settings import Settings

from .attempt import Attempt, Post
from .forgery import DENIED_BEARERS, NAME, bearer, token

__all__ = ["NAME"]


async def attempt(settings: Settings, post: Post) -> Attempt:
    """Return what a client sends to get in."""
    return Attempt(bearer(token(settings)))


async def http_headers(settings: Settings, post: Post) -> dict[str, str]:
    """Return what a client sends with an HTTP request."""
    return bearer(token(settings))


DENIED = DENIED_HTTP = DENIED_BEARERS
