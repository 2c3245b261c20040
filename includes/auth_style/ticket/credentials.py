"""What a client sends to prove who it is: a one-time ticket in the query string."""

from collections.abc import Callable

from {{ package_name }}.settings import Settings

from .attempt import Attempt, Post
from .forgery import DENIED_BEARERS, NAME, bearer, token

__all__ = ["NAME"]


async def attempt(settings: Settings, post: Post) -> Attempt:
    """Return what a client sends to get in."""
    answer = await post("/tickets", bearer(token(settings)))
    return Attempt(query_string=f"ticket={answer.media['ticket']}")


async def http_headers(settings: Settings, post: Post) -> dict[str, str]:
    """Return what a client sends with an HTTP request."""
    return bearer(token(settings))


DENIED: dict[str, Callable[[Settings], Attempt]] = {
    "nothing": lambda settings: Attempt(),
    "no value": lambda settings: Attempt(query_string="ticket="),
    "an unknown ticket": lambda settings: Attempt(query_string="ticket=unknown"),
    "a token for a ticket": lambda settings: Attempt(query_string=f"ticket={token(settings)}"),
    "a token in the header": lambda settings: Attempt(bearer(token(settings))),
    "an oversized ticket": lambda settings: Attempt(query_string="ticket=" + "x" * 7000),
    "two tickets": lambda settings: Attempt(query_string="ticket=unknown&ticket=unknown"),
}

DENIED_HTTP = DENIED_BEARERS
