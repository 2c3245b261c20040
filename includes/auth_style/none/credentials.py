"""What a client sends to prove who it is: in this service, nothing."""

from {{ package_name }}.settings import Settings

from .attempt import Attempt, Post

NAME = "anonymous"


async def attempt(settings: Settings, post: Post) -> Attempt:
    """Return what a client sends to get in."""
    return Attempt()


async def http_headers(settings: Settings, post: Post) -> dict[str, str]:
    """Return what a client sends with an HTTP request."""
    return {}
