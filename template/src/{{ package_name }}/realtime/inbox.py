"""What a client has sent and nobody has taken yet: in order, and bounded."""

import asyncio
from collections.abc import Callable
from typing import Generic

from .limits import Limits
from .messages import M
from .wire import Wire


class Inbox(Generic[M]):
    """Messages for those who iterate over a connection; while it is full, the wire waits."""

    # Lists and no deques or Events: there is one inbox for each idle connection.
    __slots__ = ("_limits", "_loop", "_messages", "_on_overload", "_overload", "_waiters", "_wire")

    def __init__(self, wire: Wire, limits: Limits, on_overload: Callable[[], None]) -> None:
        """Call `on_overload` when the inbox has been full for `inbox_timeout` seconds."""
        self._wire = wire
        self._limits = limits
        self._on_overload = on_overload
        self._loop = asyncio.get_running_loop()
        self._messages: list[M] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._overload: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        """Return whether a message waits."""
        return bool(self._messages)

    def put(self, message: M) -> None:
        """Add a message; one too many has the wire wait, and starts the time."""
        self._messages.append(message)
        self._wake()
        if self._overload is None and len(self._messages) > self._limits.inbox_messages:
            self._wire.pause()
            self._overload = self._loop.call_later(self._limits.inbox_timeout, self._on_overload)

    def take(self) -> M:
        """Return the oldest message, which waits no more."""
        message = self._messages.pop(0)
        if len(self._messages) <= self._limits.inbox_messages:
            self._read_on()
        return message

    def arrival(self) -> asyncio.Future[None]:
        """Return what is done at the next message, or at the end; each who waits has its own."""
        if self._waiters:
            # Without those who gave up waiting.
            self._waiters = [waiter for waiter in self._waiters if not waiter.done()]
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        return waiter

    def end(self) -> None:
        """Wake all who wait: nothing more will come. What has arrived can still be taken."""
        self._wake()
        self._read_on()

    def clear(self) -> None:
        """Drop everything."""
        self._messages.clear()

    def _wake(self) -> None:
        if self._waiters:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()

    def _read_on(self) -> None:
        if self._overload is not None:
            self._overload.cancel()
            self._overload = None
            self._wire.resume()
