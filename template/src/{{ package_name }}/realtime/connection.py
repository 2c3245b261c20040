"""One WebSocket: a receive loop of its own, an outbox, deadlines, an orderly end."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Generic, Self

from falcon import PayloadTypeError, WebSocketDisconnected, WebSocketPayloadType
from falcon.asgi import WebSocket

from .backlog import Backlog
from .close_codes import CloseCode
from .limits import Limits
from .media import DEFAULT_PAYLOAD_TYPE, Encoded
from .messages import M, MessageError, ServerMessage, TypeForm, parse
from .outbox import Outbox

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

    Iterate over it to get the client's messages. The receive loop runs whatever the resource does,
    so a client that leaves is noticed and pings stay answered; only where messages come in faster
    than they are handled does it wait, for `inbox_timeout` seconds. What a client sent before it
    left is handled like the rest. Sending never waits: what the client does not read stays in the
    outbox, and when that overflows the client is closed with 4002, so that it delays nobody else.
    """

    def __init__(
        self,
        ws: WebSocket,
        expected: TypeForm[M],
        limits: Limits,
        lifetime: float = math.inf,
        payload_type: WebSocketPayloadType = DEFAULT_PAYLOAD_TYPE,
    ) -> None:
        """Expect these types of message; close with 4001 after `lifetime` seconds."""
        self.close_code: int | None = None
        self.received = self.sent = 0
        self._ws = ws
        self._expected = expected
        self._limits = limits
        self._payload_type = payload_type
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[M] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        backlog = Backlog[str | bytes](limits.outbox_messages, limits.outbox_size)
        self._outbox = Outbox(ws, backlog, self._end)
        self._errors = 0
        self._state = _State.OPEN
        self._scope = asyncio.timeout(None)
        self._finish_by = math.inf
        self._active_at = self._loop.time()
        self._expires_at = self._active_at + lifetime
        self._reader: asyncio.Task[None]
        self._timer: asyncio.Handle

    def __aiter__(self) -> Self:
        """Iterate over the client's messages until the connection ends, however it ends."""
        return self

    async def __anext__(self) -> M:
        """Return the next message."""
        while not self._inbox:
            if self._state is not _State.OPEN:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        self._taken.set()
        if self._state is _State.CLOSING:
            self._allow_time()
        return self._inbox.popleft()

    def send(self, message: ServerMessage | Encoded) -> None:
        """Send a message after those before it; do nothing once the connection is closing."""
        if self._state is not _State.OPEN:
            return
        self.sent += 1
        encoded = message if isinstance(message, Encoded) else Encoded(message)
        self._active_at = self._loop.time()
        if not self._outbox.put(encoded.payload(self._payload_type)):
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
            self._outbox.close(code)
            self._end(code)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Receive and send until the block ends; then send what is left and close with 1000."""
        try:
            async with self._scope:
                self._reader = asyncio.create_task(self._read())
                self._timer = self._loop.call_soon(self._watch)
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

    async def _read(self) -> None:
        try:
            while self._state is _State.OPEN:
                try:
                    message = parse(await self._ws.receive_media(), self._expected)
                except MessageError as error:
                    self._reject(error)
                else:
                    await self._deliver(message)
        except PayloadTypeError:
            self.close(CloseCode.WRONG_PAYLOAD_TYPE)
        except WebSocketDisconnected as error:
            self._end(error.code)
        except TimeoutError:
            self.close(CloseCode.OVERLOAD)
        except Exception:
            self.close(CloseCode.SERVER_ERROR)
            raise

    async def _deliver(self, message: M) -> None:
        self.received += 1
        self._active_at = self._loop.time()
        self._inbox.append(message)
        self._arrived.set()
        if len(self._inbox) > self._limits.inbox_messages:
            self._taken.clear()
            async with asyncio.timeout(self._limits.inbox_timeout):
                await self._taken.wait()

    def _reject(self, error: MessageError) -> None:
        self._errors += 1
        self.received += 1
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
        else:
            wake_at = min(self._expires_at, idle_at, now + _LONGEST_TIMER)
            self._timer = self._loop.call_at(wake_at, self._watch)

    def _end(self, code: int | None) -> None:
        if self._state is _State.OPEN:
            self._state = _State.CLOSING
            self.close_code = code
            self._arrived.set()
            self._finish_by = self._loop.time() + self._limits.finish_timeout
            self._allow_time()

    def _allow_time(self) -> None:
        if not self._scope.expired():
            grace_ends = self._loop.time() + self._limits.responder_grace
            self._scope.reschedule(min(grace_ends, self._finish_by))

    async def _finish(self) -> None:
        self._timer.cancel()
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._outbox.flush(self._limits.send_timeout)
        if not self._reader.cancelled():
            self._reader.result()
