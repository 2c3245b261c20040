"""What a client sends to get in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

S = TypeVar("S")


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


def headers_of(
    attempts: dict[str, Callable[[S], Attempt]],
) -> dict[str, Callable[[S], dict[str, str]]]:
    """Return what makes only the headers of each attempt."""

    def headers(make: Callable[[S], Attempt]) -> Callable[[S], dict[str, str]]:
        return lambda settings: make(settings).headers

    return {name: headers(make) for name, make in attempts.items()}
