"""One WebSocket: always reading, an outbox, deadlines, an orderly end."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Generic, Self

from falcon import PayloadTypeError, WebSocketPayloadType
from falcon.asgi import WebSocket

from .close_codes import CloseCode
from .formats import BINARY, TEXT
from .inbox import Inbox
from .limits import Limits
from .media import DEFAULT_PAYLOAD_TYPE, Encoded
from .messages import M, MessageError, ServerMessage, TypeForm, parse
from .outbox import Outbox
from .wire import Event, Wire

logger = logging.getLogger(__name__)

_LONGEST_TIMER = 3600.0


class _State(Enum):
    """How far a connection has come."""

    OPEN = auto()
    CLOSING = auto()
    """Nothing more comes in or goes out; the resource finishes what has arrived."""
    ENDED = auto()
    """The resource is done."""


class Connection(Generic[M]):
    """The only reader and the only writer of an accepted WebSocket.

    Iterate over it to get the client's messages. It reads whatever the resource does, so a client
    that leaves is noticed and pings stay answered; only where messages come in faster than they are
    handled does it wait, for `inbox_timeout` seconds. What a client sent before it left is handled
    like the rest. Sending never waits: what the client does not read stays in the outbox, and when
    that overflows the client is closed with 4002, so that it delays nobody else.
    """

    def __init__(
        self,
        ws: WebSocket,
        wire: Wire,
        expected: TypeForm[M],
        limits: Limits,
        lifetime: float = math.inf,
        payload_type: WebSocketPayloadType = DEFAULT_PAYLOAD_TYPE,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Expect these types of message; close with 4001 after `lifetime` seconds.

        `loop` tells the time; None means the loop that runs.
        """
        self.close_code: int | None = None
        self.received = self.sent = 0
        self._wire = wire
        self._expected = expected
        self._limits = limits
        self._payload_type = payload_type
        self._loop = loop or asyncio.get_running_loop()
        self._inbox: Inbox[M] = Inbox(wire, limits, self._overload)
        self._outbox = Outbox(ws, wire, limits, self._end)
        self._crash: Exception | None = None
        self._errors = 0
        self._state = _State.OPEN
        self._scope = asyncio.timeout(None)
        self._finish_by = math.inf
        self._active_at = self._loop.time()
        self._expires_at = self._active_at + lifetime
        self._timer: asyncio.TimerHandle | None = None

    def __aiter__(self) -> Self:
        """Iterate over the client's messages until the connection ends, however it ends."""
        return self

    async def __anext__(self) -> M:
        """Return the next message."""
        while not self._inbox:
            if self._state is not _State.OPEN:
                raise StopAsyncIteration
            await self._inbox.arrival()
        if self._state is _State.CLOSING:
            self._allow_time()
        return self._inbox.take()

    def send(self, message: ServerMessage | Encoded) -> None:
        """Send a message after those before it; do nothing once the connection is closing."""
        if self._state is not _State.OPEN:
            return
        self.sent += 1
        encoded = message if isinstance(message, Encoded) else Encoded(message)
        self._active_at = self._loop.time()
        if not self._outbox.put(encoded, self._payload_type):
            self._outbox.clear()
            self.close(CloseCode.TOO_SLOW)

    def close(self, code: CloseCode = CloseCode.NORMAL) -> None:
        """Close after sending what is in the outbox; what has arrived is still handled.

        The responder has `responder_grace` seconds for each message, `finish_timeout` for all. When
        a credential has expired, nothing more is handled: nobody vouches for it.
        """
        if self._state is _State.OPEN:
            if code is CloseCode.TOKEN_EXPIRED:
                self._inbox.clear()
            self._end(code)
            self._outbox.close(code)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Receive and send until the block ends; then send what is left and close with 1000."""
        try:
            async with self._scope:
                self._watch()
                self._wire.deliver(self._receive)
                try:
                    yield self
                    self.close()
                finally:
                    self._state = _State.ENDED
        except TimeoutError:
            if not self._scope.expired():
                raise
            logger.warning("a resource went on after its connection had ended: cancelled")
        finally:
            await self._finish()

    def _receive(self, event: Event) -> None:
        if self._state is not _State.OPEN:
            return
        if event["type"] == "websocket.disconnect":
            self._end(event["code"])
            return
        self.received += 1
        try:
            text = event.get("text")
            media = BINARY.deserialize(event["bytes"]) if text is None else TEXT.deserialize(text)
            message = parse(media, self._expected)
        except MessageError as error:
            self._reject(error)
        except PayloadTypeError:
            self.close(CloseCode.WRONG_PAYLOAD_TYPE)
        except Exception as error:
            self._crash = error
            self.close(CloseCode.SERVER_ERROR)
        else:
            self._active_at = self._loop.time()
            self._inbox.put(message)

    def _overload(self) -> None:
        self.close(CloseCode.OVERLOAD)

    def _reject(self, error: MessageError) -> None:
        self._errors += 1
        self.send(error.answer)
        if self._errors >= self._limits.max_errors:
            self.close(CloseCode.UNDECODABLE)

    def _watch(self) -> None:
        now = self._loop.time()
        idle_at = self._active_at + self._limits.idle_timeout
        if now >= self._expires_at:
            self.close(CloseCode.TOKEN_EXPIRED)
        elif now >= idle_at:
            self.close(CloseCode.IDLE)
        elif (end := min(self._expires_at, idle_at)) < math.inf:
            self._timer = self._loop.call_at(min(end, now + _LONGEST_TIMER), self._watch)

    def _end(self, code: int | None) -> None:
        if self._state is _State.OPEN:
            self._state = _State.CLOSING
            self.close_code = code
            self._inbox.end()
            self._finish_by = self._loop.time() + self._limits.finish_timeout
            self._allow_time()

    def _allow_time(self) -> None:
        if not self._scope.expired():
            grace_ends = self._loop.time() + self._limits.responder_grace
            self._scope.reschedule(min(grace_ends, self._finish_by))

    async def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._inbox.end()
        await self._outbox.flush(self._limits.send_timeout)
        if self._crash is not None:
            raise self._crash
