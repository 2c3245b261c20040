"""What a client sends to prove who it is: a key in the X-API-Key header."""

from collections.abc import Callable

from {{ package_name }}.security.identity import make_development_key
from {{ package_name }}.settings import Settings

from .attempt import Attempt, Post

NAME = "alice"
KEY = make_development_key(NAME)


def header(key: str) -> dict[str, str]:
    """Return the header with this key."""
    return {"X-API-Key": key}


async def attempt(settings: Settings, post: Post) -> Attempt:
    """Return what a client sends to get in."""
    return Attempt(header(KEY))


async def http_headers(settings: Settings, post: Post) -> dict[str, str]:
    """Return what a client sends with an HTTP request."""
    return header(KEY)


DENIED: dict[str, Callable[[Settings], Attempt]] = {
    "nothing": lambda settings: Attempt(),
    "no value": lambda settings: Attempt(header("")),
    "a wrong secret": lambda settings: Attempt(header(KEY[:-1])),
    "a secret of another id": lambda settings: Attempt(header(KEY.replace("alice", "mallory"))),
    "no id": lambda settings: Attempt(header(KEY.removeprefix("alice"))),
    "an id alone": lambda settings: Attempt(header("alice")),
    "an id and no secret": lambda settings: Attempt(header("alice.")),
    "an oversized key": lambda settings: Attempt(header("alice." + "x" * 7000)),
    "a key that is no ASCII": lambda settings: Attempt(header("älice.ÿ")),
    "a key in another header": lambda settings: Attempt({"Authorization": f"Bearer {KEY}"}),
    "a key in the query string": lambda settings: Attempt(query_string=f"key={KEY}"),
}

DENIED_HTTP = DENIED
