"""Server-Sent Events: messages over plain HTTP."""

import asyncio
from typing import Self

from falcon.asgi import SSEvent

from .backlog import Backlog
from .close_codes import CloseCode
from .limits import Limits
from .media import Encoded
from .messages import ServerMessage
from .wire import Write, write_nothing


class EventStream:
    """The messages on their way to one listener, who can only be told that the stream is over.

    As with a `Connection`, sending never waits: a message is written at once where the server can;
    else it leaves through Falcon, as do those after it until nothing waits any more. A listener who
    does not keep up is dropped. It is no generator, since Falcon would leave that to the garbage
    collector when the listener leaves.
    """

    def __init__(
        self,
        limits: Limits,
        lifetime: float,
        write: Write = write_nothing,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """End after `lifetime` seconds; `write` writes a chunk of the response, if it can now.

        `loop` tells the time; None means the loop that runs.
        """
        self.close_code: CloseCode | None = None
        self._limits = limits
        self._write = write
        self._loop = loop or asyncio.get_running_loop()
        self._expires_at = self._loop.time() + lifetime
        self._backlog: Backlog[Encoded] = Backlog(limits.outbox_messages, limits.outbox_size)
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._comment_at = 0.0

    def send(self, message: ServerMessage | Encoded) -> None:
        """Send a message after those before it; do nothing once the stream is over."""
        if self.close_code is not None:
            return
        encoded = message if isinstance(message, Encoded) else Encoded(message)
        # Falcon sends nothing while it waits for an event.
        if self._is_awaited() and self._write(encoded.event):
            return
        if self._backlog.put(encoded, len(encoded.json)):
            self._wake(changed=True)
        else:
            self._backlog.clear()
            self.close(CloseCode.TOO_SLOW)

    def close(self, code: CloseCode = CloseCode.NORMAL) -> None:
        """End the stream after what is on its way."""
        if self.close_code is None:
            self.close_code = code
            self._wake(changed=True)

    def __aiter__(self) -> Self:
        """Iterate over the events until the stream is over."""
        return self

    async def __anext__(self) -> SSEvent:
        """Return the next message that waits, or a comment after `keepalive_interval` seconds.

        Falcon looks whether the listener is still there only when it gets an event.
        """
        while (now := self._loop.time()) < self._expires_at:
            if self._backlog:
                encoded = self._backlog.take()
                return SSEvent(data=encoded.json, event_id=encoded.position)
            if self.close_code is not None:
                raise StopAsyncIteration
            self._comment_at = min(now + self._limits.keepalive_interval, self._expires_at)
            self._waiter = self._loop.create_future()
            if self._timer is None:
                self._timer = self._loop.call_at(self._comment_at, self._watch)
            if not await self._waiter:
                return SSEvent()
        self.close(CloseCode.TOKEN_EXPIRED)
        raise StopAsyncIteration

    def _watch(self) -> None:
        # One timer for the stream: a new one for each event would cost as much as the event.
        self._timer = None
        if self._loop.time() >= self._comment_at:
            self._wake(changed=False)
        elif self._is_awaited():
            self._timer = self._loop.call_at(self._comment_at, self._watch)

    def _is_awaited(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _wake(self, *, changed: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(changed)
