"""What is still to be sent to one client: in order, and bounded."""

from collections import deque
from typing import Generic, TypeVar

P = TypeVar("P")


class Backlog(Generic[P]):
    """Payloads, or what has one, that wait for a client that reads slowly."""

    def __init__(self, max_messages: int, max_size: int) -> None:
        """Hold that many payloads, of that size together: in characters of text or in bytes."""
        self._max_messages = max_messages
        self._max_size = max_size
        self._payloads: deque[tuple[P, int]] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        """Return whether a payload is waiting."""
        return bool(self._payloads)

    def put(self, payload: P, size: int) -> bool:
        """Add a payload of that size; return False if that would exceed a bound.

        A payload always fits into an empty backlog, whatever its size.
        """
        sum_ = self._size + size
        full = len(self._payloads) >= self._max_messages or sum_ > self._max_size
        if self._payloads and full:
            return False
        self._size = sum_
        self._payloads.append((payload, size))
        return True

    def take(self) -> P:
        """Remove the oldest payload and return it."""
        payload, size = self._payloads.popleft()
        self._size -= size
        return payload

    def clear(self) -> None:
        """Drop all payloads."""
        self._payloads.clear()
        self._size = 0
