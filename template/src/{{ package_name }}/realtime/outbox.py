"""What a WebSocket still has to be sent: in order, bounded, and never waited for."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from falcon import WebSocketDisconnected, WebSocketPayloadType
from falcon.asgi import WebSocket

from .backlog import Backlog
from .close_codes import CloseCode
from .limits import Limits
from .media import Encoded
from .wire import Wire

# From Python 3.12 on, a new task runs at once up to its first real wait, so a send that does not
# block costs no round of the event loop. On 3.11 it starts with the next round.
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
# For a client that is gone without a close frame; never on the wire (RFC 6455 section 7.4.1).
_ABNORMAL = 1006


class Outbox:
    """Sends at once while the client keeps up; a task exists only while something is left.

    While the wire takes it, a message is written there. What has to wait goes through ASGI, where
    each send has its deadline; so does what follows, until nothing waits any more.
    """

    __slots__ = (
        "_backlog",
        "_close_code",
        "_limits",
        "_on_lost",
        "_wire",
        "_writer",
        "_writing",
        "_ws",
    )

    def __init__(
        self, ws: WebSocket, wire: Wire, limits: Limits, on_lost: Callable[[int | None], None]
    ) -> None:
        """Send to `ws`; call `on_lost` with the close code when a send finds the client gone."""
        self._ws = ws
        self._wire = wire
        self._limits = limits
        self._backlog: Backlog[str | bytes] | None = None
        self._on_lost = on_lost
        self._close_code: CloseCode | None = None
        self._writing = False
        self._writer: asyncio.Task[None] | None = None

    def put(self, message: Encoded, payload_type: WebSocketPayloadType) -> bool:
        """Send the message after those before it; return False if too much waits already."""
        if not self._writing and self._wire.write(message.frame(payload_type)):
            return True
        if self._backlog is None:
            self._backlog = Backlog(self._limits.outbox_messages, self._limits.outbox_size)
        payload = message.payload(payload_type)
        if not self._backlog.put(payload, len(payload)):
            return False
        self._write_on()
        return True

    def close(self, code: CloseCode) -> None:
        """Close the WebSocket after what is in the outbox."""
        self._close_code = code
        self._write_on()

    def clear(self) -> None:
        """Drop what has not been sent yet."""
        if self._backlog:
            self._backlog.clear()

    async def flush(self, seconds: float) -> None:
        """Wait until everything is sent, but not longer than that; raise what went wrong."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=seconds)
            if self._writer.done():
                self._writer.result()
            else:
                self._writer.cancel()

    def _write_on(self) -> None:
        if not self._writing:
            self._writing = True
            self._writer = asyncio.Task(self._write(), loop=asyncio.get_running_loop(), **_EAGER)

    async def _write(self) -> None:
        try:
            while self._backlog:
                payload = self._backlog.take()
                if isinstance(payload, str):
                    await self._ws.send_text(payload)
                else:
                    await self._ws.send_data(payload)
            if self._close_code is not None:
                await self._ws.close(self._close_code)
        except WebSocketDisconnected as error:
            self._on_lost(error.code if error.__cause__ is None else _ABNORMAL)
        except Exception:
            self._on_lost(CloseCode.SERVER_ERROR)
            raise
        else:
            # After an error it stays set: a broken outbox starts no second writer.
            self._writing = False
