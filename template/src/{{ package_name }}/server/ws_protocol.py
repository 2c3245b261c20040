"""uvicorn's WebSocket protocol, hardened: what a client does must not become an error of ours."""

import asyncio
import logging
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ..realtime.close_codes import CloseCode
from .access import log_refusal

_logger = logging.getLogger("websockets.server")
_logger.setLevel(logging.WARNING)  # uvicorn reports each connection too
_FRAMES_PER_TURN = 64
_FRAMES_PER_SECOND = 1000
_FRAMES_AT_ONCE = 1024
_BYTES_PER_FRAME = 512
_MAX_SLOW_TURNS = 64
_MAX_FRAGMENTS = 4096
_MAX_UNREAD = 1_048_576
_MAX_AFTER_CLOSE = 1_048_576
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Closes where uvicorn 0.54 would hang, crash or fill the memory, and shares the event loop.

    In one turn of the loop it handles at most 64 frames of a connection. Messages then wait for
    the app to take them, and that stops the client. Frames that give the app nothing would be
    free: pings, pongs, small fragments, whatever follows our close frame. Above 1024 of them a
    connection is read no faster than 1000 of them a second, and closed with 1013 if they
    fill its buffer for four seconds.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **options)
        self.conn.logger = _logger
        reader: Any = self.conn.reader
        reader.at_eof = partial(self._next_frame, reader.at_eof)
        self._frames = 0
        self._turn: asyncio.Handle | None = None
        self._unhandled = self._held = False
        self._paid_until = 0.0
        self._slow_turns = self._after_close = 0

    # Until uvicorn bounds what one connection does in a turn of the loop.

    def data_received(self, data: bytes) -> None:
        """Drop a client that does not wait for the handshake (RFC 6455, 4.1) or for the end."""
        if self.close_sent:
            self._after_close += len(data)
        early = self.handshake_initiated and not self.handshake_complete
        if early or self._after_close > _MAX_AFTER_CLOSE + (self.conn.max_message_size or 0):
            self._drop()
            return
        self.conn.reader.feed_data(data)
        if self._turn is None:
            self._take_turn()

    def _take_turn(self) -> None:
        self._turn = None
        self._handle_frames()
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # uvicorn gives no answer to a handshake that cannot be parsed.
            self.close_sent = True
            log_refusal(self.client, 400)
            self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)
            self.transport.close()
        elif not self._waits():
            self._go_on()

    def _waits(self) -> bool:
        """Tell whether the app has to take something before the client is read again."""
        return self.read_paused

    def _next_frame(self, at_eof: Callable[[], Generator[None, None, bool]]) -> Any:
        # websockets' parser looks for the end of the stream before each frame. Have it wait there:
        # so each frame is handled before the next one is parsed, and they can be counted.
        self._frames += 1
        yield
        return (yield from at_eof())

    def _handle_frames(self) -> None:
        buffer, messages = self.conn.reader.buffer, self.queue.qsize()
        received = len(buffer)
        self._frames, size = 0, -1
        while self._frames < _FRAMES_PER_TURN and 0 < len(buffer) != size:
            if self.conn.eof_sent or self._held:
                break
            size = len(buffer)
            super().data_received(b"")
        self._unhandled = (self._frames == _FRAMES_PER_TURN or self._held) and bool(buffer)
        wasted = self._frames - (self.queue.qsize() - messages)
        wasted -= (received - len(buffer)) // _BYTES_PER_FRAME
        if wasted > 0:
            credit = self.loop.time() - _FRAMES_AT_ONCE / _FRAMES_PER_SECOND
            self._paid_until = max(self._paid_until, credit) + wasted / _FRAMES_PER_SECOND

    def _go_on(self) -> None:
        """Read on, or handle what is left in the next turn, or when the frames are paid for."""
        if self._turn is None:
            debt = self._paid_until - self.loop.time()
            self._slow_turns = self._slow_turns + 1 if self._unhandled and debt > 0 else 0
            if self._slow_turns > _MAX_SLOW_TURNS:
                self._fail(CloseCode.OVERLOAD)
            elif self._unhandled or debt > 0:
                self.transport.pause_reading()
                self._turn = self.loop.call_later(max(debt, 0), self._take_turn)
            else:
                self.transport.resume_reading()

    async def receive(self) -> Any:
        """Go on when the app has taken the messages; uvicorn would read on whatever is left."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._go_on()
        return message

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle first what had arrived before."""
        self._held = False
        if self._turn is not None:
            self._turn.cancel()
        if self._unhandled and not self.close_sent:
            self.disconnected = True
            self.writable.set()
            self.stop_keepalive()
            self._turn = self.loop.call_soon(self._finish, exc)
        else:
            super().connection_lost(exc)

    def _finish(self, exc: Exception | None) -> None:
        self._handle_frames()
        if self._unhandled and self._paid_until <= self.loop.time():
            self._turn = self.loop.call_soon(self._finish, exc)
            return
        if (close := self.conn.close_rcvd) is not None:
            event = {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
            self.queue.put_nowait(event)  # type: ignore[arg-type]
        super().connection_lost(exc)

    def _fail(self, code: CloseCode) -> None:
        self.conn.fail(code, code.meaning)
        self.handle_parser_exception()

    def _drop(self) -> None:
        self.conn.reader.discard()
        self.close_sent = True
        self.transport.abort()

    # Until uvicorn bounds fragments and pongs, and writes nothing to who has left.

    def handle_cont(self, event: Any) -> None:
        """Close with 1009 what comes in too many fragments; their number had no bound."""
        if self.close_sent:
            return
        super().handle_cont(event)
        if len(self.frames) > _MAX_FRAGMENTS:
            self._fail(CloseCode.TOO_LARGE)

    def handle_ping(self) -> None:
        """Drop a client that pings and does not read the pongs; they piled up."""
        if self.transport.get_write_buffer_size() > _MAX_UNREAD:
            self._drop()
        elif not self.transport.is_closing():
            super().handle_ping()

    def handle_close(self, event: Any) -> None:
        """Have no send wait for a client that has closed; it would hold up what came before."""
        self.writable.set()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        """Write nothing where nobody is left."""
        if self.transport.is_closing():
            self.close_sent = True
        else:
            super().handle_parser_exception()

    def shutdown(self) -> None:
        """Leave alone what is closing; a second close frame was an exception in the server."""
        if not self.transport.is_closing():
            super().shutdown()
            self.close_sent = True

    async def send(self, message: Any) -> None:
        """Raise an OSError, as ASGI demands, where the client's error has closed the connection."""
        try:
            await super().send(message)
        except RuntimeError:
            if self.close_sent or self.transport.is_closing():
                raise ClientDisconnected from None
            raise
        if message["type"] == "websocket.close" and not self.transport.is_closing():
            self._go_on()
