"""What a client sends to get in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """The parts of a handshake that may carry a credential, and the first message."""

    headers: dict[str, str] = field(default_factory=dict)
    query_string: str = ""
    first: str | bytes | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to an HTTP request."""

    status: int
    headers: dict[str, str]
    media: Any


Post = Callable[[str, dict[str, str]], Awaitable[Answer]]
"""Sends an HTTP POST without a body: the path and the headers."""
