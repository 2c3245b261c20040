"""What a client sends to prove who it is: a token in the Authorization header."""

from collections.abc import Callable

from {{ package_name }}.settings import Settings

from .attempt import Attempt, Post
from .forgery import NAME, REFUSED_BEARERS, bearer, carried, token

__all__ = ["NAME"]


async def attempt(settings: Settings, post: Post) -> Attempt:
    """Return what a client sends to get in."""
    return Attempt(bearer(token(settings)))


async def http_headers(settings: Settings, post: Post) -> dict[str, str]:
    """Return what a client sends with an HTTP request."""
    return bearer(token(settings))


REFUSED: dict[str, Callable[[Settings], Attempt]] = {
    "nothing": lambda settings: Attempt(),
    "another scheme": lambda settings: Attempt({"Authorization": f"Basic {token(settings)}"}),
    "no scheme": lambda settings: Attempt({"Authorization": token(settings)}),
    "a token in the query string": lambda settings: Attempt(
        query_string=f"token={token(settings)}"
    ),
    **carried(lambda token: Attempt(bearer(token))),
}

REFUSED_HTTP = REFUSED_BEARERS
