"""uvicorn's protocols, hardened: what a client does must not become an error of ours."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from .close_codes import CloseCode

_MAX_FRAGMENTS = 4096
_MAX_UNREAD = 1_048_576
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Protocol(WebSocketsSansIOProtocol):
    """Closes where uvicorn 0.54 would hang, crash or fill the memory."""

    def data_received(self, data: bytes) -> None:
        """Refuse a handshake that cannot be parsed (a line too long, a body): it got no answer."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.close_sent = True
            self.transport.write(_BAD_REQUEST)
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """Drop a client that does not wait for the handshake (RFC 6455 section 4.1)."""
        if self.handshake_complete:
            super().send_receive_event_to_app()
        else:
            self._drop()

    def handle_parser_exception(self) -> None:
        """Drop a client whose first frames are bad: there is nothing yet to close in order."""
        if self.handshake_complete:
            super().handle_parser_exception()
        else:
            self._drop()

    def _drop(self) -> None:
        self.frames = []
        self.close_sent = True
        self.transport.abort()

    def handle_cont(self, event: Any) -> None:
        """Close with 1009 what comes in too many fragments; their number had no bound."""
        if self.close_sent:
            return
        super().handle_cont(event)
        if len(self.frames) > _MAX_FRAGMENTS:
            self.conn.fail(CloseCode.TOO_LARGE, CloseCode.TOO_LARGE.meaning)
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        """Drop a client that pings and does not read the pongs; they piled up."""
        if self.transport.get_write_buffer_size() > _MAX_UNREAD:
            self.transport.abort()
        else:
            super().handle_ping()

    def shutdown(self) -> None:
        """Leave alone what is closing; a second close frame was an exception in the server."""
        if not self.transport.is_closing():
            super().shutdown()

    async def send(self, message: Any) -> None:
        """Raise an OSError, as ASGI demands, where the client's error has closed the connection."""
        try:
            await super().send(message)
        except RuntimeError:
            if self.close_sent or self.transport.is_closing():
                raise ClientDisconnected from None
            raise


class HttpProtocol(HttpToolsProtocol):
    """Drops a client that sends a request before the answer to the last one is complete.

    uvicorn 0.54 forgets the running answer then: an event stream would never hear that its listener
    has left, and requests would pile up in memory. Browsers and proxies do not pipeline.
    """

    @property
    def receiving(self) -> bool:
        """Whether the rest of a request's body is still to come."""
        return self._answering and self.cycle.more_body

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def on_message_begin(self) -> None:
        """Refuse a request that comes too early."""
        if self._answering:
            self.transport.abort()
            # The parser stops, and has uvicorn answer with 400.
            raise ValueError("a request before the answer to the last one")
        super().on_message_begin()

    def send_400_response(self, msg: str) -> None:
        """Write nothing into an answer that has begun."""
        if self._answering:
            self.transport.abort()
        else:
            super().send_400_response(msg)
