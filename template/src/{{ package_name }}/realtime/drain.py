"""The drain: nobody new comes in, and those who are here do not all leave at once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from falcon.asgi import Request, WebSocket

Pause = Callable[[float], Awaitable[object]]
"""Waits for so many seconds; it may come back earlier if there is a hurry."""


async def spread(
    closings: Sequence[Callable[[], object]],
    window: float,
    pause: Pause = asyncio.sleep,
    *,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Call these in turn, over `window` seconds; `clock` and `pause` measure the same time.

    Each has a slot of the same length, and a random moment in it. So their number in any second is
    even, and another process that stops at the same time does not call in step.
    """
    begun = clock()
    for number, close in enumerate(closings):
        due = begun + window * (number + jitter()) / len(closings)
        if (left := due - clock()) > 0:
            await pause(left)
        close()


class DrainMiddleware:
    """Denies handshakes while the service stops, before a WebSocket is accepted."""

    def __init__(self, deny_if_stopping: Callable[[], None]) -> None:
        """Have the function raise an `HTTPError` while the service stops."""
        self._deny_if_stopping = deny_if_stopping

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Deny the handshake with that error."""
        self._deny_if_stopping()
