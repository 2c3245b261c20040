"""What a client sends to prove who it is: a token, in its first message."""

import json
import time

from {{ package_name }}.identity import Identity
from {{ package_name }}.settings import Settings

NAME = "alice"


def token(settings: Settings) -> str:
    """Return a valid token."""
    return Identity(settings, time.time).issue(NAME)


def http_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of an HTTP request."""
    return {"Authorization": f"Bearer {token(settings)}"}


def handshake_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of a WebSocket handshake."""
    return {}


def first_messages(settings: Settings) -> list[str]:
    """Return what the client sends first on every WebSocket."""
    return [json.dumps({"type": "auth", "token": token(settings)})]
