"""What a client sends to prove who it is: in this service, nothing."""

from {{ package_name }}.settings import Settings

NAME = "anonymous"


def http_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of an HTTP request."""
    return {}


def handshake_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of a WebSocket handshake."""
    return {}


def first_messages(settings: Settings) -> list[str]:
    """Return what the client sends first on every WebSocket."""
    return []
