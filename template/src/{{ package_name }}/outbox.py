"""What a WebSocket still has to be sent: in order, bounded, and never waited for."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from falcon import WebSocketDisconnected
from falcon.asgi import WebSocket

from .close_codes import CloseCode

# From Python 3.12 on, a new task runs at once up to its first real wait, so a send that does not
# block costs no round of the event loop. On 3.11 it starts with the next round.
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
# For a client that is gone without a close frame; never on the wire (RFC 6455 section 7.4.1).
_ABNORMAL = 1006


class Outbox:
    """Sends at once while the client keeps up; a task exists only while something is left."""

    def __init__(
        self, ws: WebSocket, max_messages: int, max_size: int, on_lost: Callable[[int | None], None]
    ) -> None:
        """Send to `ws`; call `on_lost` with the close code when a send finds the client gone."""
        self._ws = ws
        self._max_messages = max_messages
        self._max_size = max_size
        self._on_lost = on_lost
        self._queue: deque[str | bytes | CloseCode] = deque()
        self._size = 0
        self._writing = False
        self._writer: asyncio.Task[None] | None = None

    def put(self, payload: str | bytes) -> bool:
        """Send the payload after those before it; return False if that would exceed a bound.

        Sizes are counted in characters of text or in bytes. A payload always fits into an empty
        outbox, whatever its size.
        """
        size = self._size + len(payload)
        if self._queue and (len(self._queue) >= self._max_messages or size > self._max_size):
            return False
        self._size = size
        self._append(payload)
        return True

    def close(self, code: CloseCode) -> None:
        """Close the WebSocket after what is in the outbox."""
        self._append(code)

    def clear(self) -> None:
        """Drop what has not been sent yet."""
        self._queue.clear()
        self._size = 0

    async def flush(self, seconds: float) -> None:
        """Wait until everything is sent, but not longer than that; raise what went wrong."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=seconds)
            if self._writer.done():
                self._writer.result()
            else:
                self._writer.cancel()

    def _append(self, item: str | bytes | CloseCode) -> None:
        self._queue.append(item)
        if not self._writing:
            self._writing = True
            self._writer = asyncio.Task(self._write(), loop=asyncio.get_running_loop(), **_EAGER)

    async def _write(self) -> None:
        try:
            while self._queue:
                await self._send(self._queue.popleft())
        except WebSocketDisconnected as error:
            self._on_lost(error.code if error.__cause__ is None else _ABNORMAL)
        except Exception:
            self._on_lost(CloseCode.SERVER_ERROR)
            raise
        else:
            # After an error it stays set: a broken outbox starts no second writer.
            self._writing = False

    async def _send(self, item: str | bytes | CloseCode) -> None:
        if isinstance(item, CloseCode):
            await self._ws.close(item)
            return
        await (self._ws.send_text(item) if isinstance(item, str) else self._ws.send_data(item))
        self._size -= len(item)
