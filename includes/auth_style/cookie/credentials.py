"""What a client sends to prove who it is: a session cookie, and the Origin of its page."""

from collections.abc import Callable

from {{ package_name }}.security import COOKIE
from {{ package_name }}.settings import Settings

from .attempt import Attempt, Post
from .forgery import NAME, bearer, token

__all__ = ["NAME"]


def origin(settings: Settings) -> dict[str, str]:
    """Return the header that a browser sends from a page of the service's own."""
    return {"Origin": next(iter(settings.allow_origins), f"http://localhost:{settings.port}")}


async def http_headers(settings: Settings, post: Post) -> dict[str, str]:
    """Return what a client sends with an HTTP request."""
    answer = await post("/session", bearer(token(settings)) | origin(settings))
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return {"Cookie": cookie} | origin(settings)


async def attempt(settings: Settings, post: Post) -> Attempt:
    """Return what a client sends to get in."""
    return Attempt(await http_headers(settings, post))


def cookies(settings: Settings, *values: str) -> Attempt:
    """Return an attempt with these cookies."""
    pairs = "; ".join(f"{COOKIE}={value}" for value in values)
    return Attempt(origin(settings) | {"Cookie": pairs})


DENIED: dict[str, Callable[[Settings], Attempt]] = {
    "nothing": lambda settings: Attempt(origin(settings)),
    "no value": lambda settings: cookies(settings, ""),
    "an unknown session": lambda settings: cookies(settings, "unknown"),
    "a token for a cookie": lambda settings: cookies(settings, token(settings)),
    "a token in the header": lambda settings: Attempt(bearer(token(settings)) | origin(settings)),
    "an oversized cookie": lambda settings: cookies(settings, "x" * 7000),
    "two cookies": lambda settings: cookies(settings, "unknown", "unknown"),
}

DENIED_HTTP = DENIED
