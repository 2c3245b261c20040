"""uvicorn's HTTP protocol, hardened: what may come in, how much of it, and until when."""

import asyncio
import sys
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlsplit

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_OUTSIDE = 65_536
_FIELD_OVERHEAD = 32
_PIECE = 16_384


class HttpProtocol(HttpToolsProtocol):
    """Bounds what uvicorn 0.54 leaves unbounded, and refuses what it crashes on.

    It counts what a client sends outside the body of a request that waits for it: request lines,
    headers, chunk sizes and extensions, trailers, blank lines, bodies that nobody wants. Above
    64 KiB the client gets 431, or is dropped if an answer has begun. A field or a chunk counts as
    32 bytes more than it has, as in RFC 9113 section 6.5.2; each byte of a body pays for one.
    """

    def __init__(self, *args: Any, head_timeout: float = 10.0, **options: Any) -> None:
        """Allow `head_timeout` seconds until the head of a request is complete."""
        super().__init__(*args, **options)
        self._head_timeout = head_timeout
        self._deadline: asyncio.Handle | None = None
        self._outside = 0
        self._piece = self._rest = b""

    @property
    def receiving(self) -> bool:
        """Whether the rest of a request's body is still to come."""
        return self._answering and self.cycle.more_body

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    # Needed until uvicorn has a deadline for the head of a request.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Set the deadline for the first request."""
        super().connection_made(transport)
        self._await_head()

    def on_response_complete(self) -> None:
        """Set the deadline for the next request, whatever is still to come of this one."""
        super().on_response_complete()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._forget_deadline()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._forget_deadline()
        self._deadline = self.loop.call_later(self._head_timeout, self._give_up)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _give_up(self) -> None:
        if self._outside and not (self.cycle is not None and self.cycle.more_body):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    # Needed until httptools or uvicorn bounds what surrounds a body.

    def data_received(self, data: bytes) -> None:
        """Parse in pieces, so that what is parsed outside a body never exceeds the bound."""
        self._rest = data
        while self._rest and not self.transport.is_closing():
            size = min(_PIECE, _MAX_OUTSIDE + 1 - self._outside)
            self._piece, self._rest = self._rest[:size], self._rest[size:]
            self._outside += len(self._piece)
            super().data_received(self._piece)
            if self._outside > _MAX_OUTSIDE:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        self._piece = self._rest = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count what a field takes beside its text; a trailer is no header (RFC 9110, 6.5.1)."""
        self._outside += _FIELD_OVERHEAD
        if self.cycle is None or self.cycle.scope is not self.scope:
            super().on_header(name, value)

    def on_chunk_header(self) -> None:
        """Count what a chunk takes beside its text."""
        self._outside += _FIELD_OVERHEAD

    def on_body(self, body: bytes) -> None:
        """Let a body pay for itself and for what surrounds it, until the answer begins."""
        if not self.cycle.response_started:
            self._outside = max(0, self._outside - 2 * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        if not self._ignores_upgrade():
            self._outside = 0
            super().on_message_complete()

    # Needed until uvicorn ignores an Upgrade that it does not take (RFC 9110, 7.8). It starts
    # the request, but httptools stops after its head and would take the body for the next one.

    def _should_upgrade(self) -> bool:
        """Tell whether this asks for a WebSocket (RFC 6455 section 4.1)."""
        asked = any(name == b"upgrade" and v.lower() == b"websocket" for name, v in self.headers)
        version, method = self.parser.get_http_version(), self.parser.get_method()
        return asked and (method, version) == (b"GET", "1.1")

    def _ignores_upgrade(self) -> bool:
        return self.parser.should_upgrade() and not self._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Parse the request again, without the Upgrade."""
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % field for field in self.headers if field[0] != b"upgrade"]
        self._rest = b"\r\n".join([*lines, b"", self._after_head()])
        self._outside = 0

    def _after_head(self) -> bytes:
        # Called where uvicorn handles an HttpParserUpgrade, which tells where the head ended.
        upgrade: Any = sys.exception()
        return self._piece[upgrade.args[0] :] + self._rest

    # Needed until uvicorn refuses early frames, which it loses, and pipelined requests: it forgets
    # the running answer, so that an event stream would never hear that its listener has left.

    def handle_websocket_upgrade(self) -> None:
        """Drop a client that does not wait for the handshake (RFC 6455 section 4.1)."""
        self._forget_deadline()
        if self._after_head():
            self.transport.abort()
        else:
            super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Drop a client that sends a request before the answer to the last one is complete.

        Browsers and proxies do not pipeline.
        """
        if self._answering:
            self._stop(HTTPStatus.BAD_REQUEST)
        super().on_message_begin()

    # Needed until uvicorn refuses what is no request to an origin server.

    def on_headers_complete(self) -> None:
        """Refuse other versions (RFC 9112, 2.3), targets (3.2) and numbers of hosts (3.2)."""
        version, method = self.parser.get_http_version(), self.parser.get_method()
        if version not in {"1.0", "1.1"}:
            self._stop(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and version == "1.1") or method == b"CONNECT":
            self._stop(HTTPStatus.BAD_REQUEST)
        self.url = self._origin_form(self.url)
        if not self._ignores_upgrade():
            self._forget_deadline()
            super().on_headers_complete()

    def _origin_form(self, target: bytes) -> bytes:
        target = target.partition(b"#")[0]
        if not target.startswith(b"/"):
            scheme, _, path, query, _ = urlsplit(target)
            if scheme.lower() not in {b"http", b"https"}:
                self._stop(HTTPStatus.BAD_REQUEST)
            target = (path or b"/") + (b"?" + query if query else b"")
        if not target.isascii():
            self._stop(HTTPStatus.BAD_REQUEST)
        return target

    def _stop(self, status: HTTPStatus) -> NoReturn:
        self._refuse(status)
        # httptools stops, and uvicorn calls the next method.
        raise ValueError

    def send_400_response(self, msg: str) -> None:
        """Answer what httptools cannot parse; write nothing into an answer that has begun."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        if self._answering:
            self.transport.abort()
        elif not self.transport.is_closing():
            head = f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\nContent-Length: 0"
            self.transport.write(f"{head}\r\n\r\n".encode())
            self.transport.close()
