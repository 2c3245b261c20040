"""uvicorn's HTTP protocol, hardened: what may come in, how much of it, and until when."""

import asyncio
import re
import sys
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlsplit

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_OUTSIDE = 65_536
_MAX_UNWANTED = 1_048_576
_MAX_FIELDS = 256
_PIECE = 16_384
# All of a request; httptools would wait for headers.
_HTTP_0_9 = re.compile(rb"GET [^ \r\n]+\r?\n")
# RFC 9112 section 3.2; it may be empty.
_HOST = re.compile(rb"([\w.~!$&'()*+,;=%-]*|\[[\w.:]+\])(:\d*)?", re.ASCII)


class HttpProtocol(HttpToolsProtocol):
    """Bounds what uvicorn 0.54 leaves unbounded, and refuses what it crashes on.

    It counts what a client sends outside the body of a request that waits for it: request lines,
    headers, chunk sizes and extensions, trailers, blank lines. Above 64 KiB the client gets 431, or
    is dropped if an answer has begun. Each byte of a body pays for one beside it. A body that
    comes after its answer has begun may have 1 MiB, so that a client that is still sending finds
    the answer.
    """

    def __init__(self, *args: Any, head_timeout: float = 10.0, **options: Any) -> None:
        """Allow `head_timeout` seconds until the head of a request is complete."""
        super().__init__(*args, **options)
        self._head_timeout = head_timeout
        self._deadline: asyncio.Handle | None = None
        self._outside = 0
        self._unwanted = 0
        self._fields = 0
        self._piece = self._rest = b""

    @property
    def receiving(self) -> bool:
        """Whether the rest of a request's body is still to come."""
        return self._answering and self.cycle.more_body

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _in_head(self) -> bool:
        return self.cycle is None or self.cycle.scope is not self.scope

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
        if self._outside and self._in_head:
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
            elif self._outside == len(self._piece) and _HTTP_0_9.fullmatch(self._piece):
                self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        self._piece = self._rest = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the fields; a trailer is no header (RFC 9110 section 6.5.1)."""
        self._fields += 1
        if self._fields > _MAX_FIELDS:
            self._stop(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Let a body pay for itself and for what surrounds it; drop one that nobody wants."""
        self._outside = max(0, self._outside - 2 * len(body))
        if self.cycle.response_started:
            self._unwanted += len(body)
            if self._unwanted > _MAX_UNWANTED:
                self.transport.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        if not self._ignores_upgrade():
            self._outside = self._unwanted = self._fields = 0
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
        self._outside = self._fields = 0
        # This one would refuse another request after HTTP/1.0 or `Connection: close`.
        self.parser = type(self.parser)(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _after_head(self) -> bytes:
        # Called where uvicorn handles an HttpParserUpgrade, which tells where the head ended.
        upgrade: Any = sys.exception()
        return self._piece[upgrade.args[0] :] + self._rest

    # Needed until uvicorn refuses early frames, which it loses, and pipelined requests: it forgets
    # the running answer, so that an event stream would never hear that its listener has left.

    def handle_websocket_upgrade(self) -> None:
        """Refuse a client that does not wait for the handshake (RFC 6455 section 4.1)."""
        if self._after_head():
            self._refuse(HTTPStatus.BAD_REQUEST)
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
        """Refuse other versions (RFC 9112, 2.3), and targets and hosts that are none (3.2)."""
        version, method = self.parser.get_http_version(), self.parser.get_method()
        if version not in {"1.0", "1.1"}:
            self._stop(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        hosts = [value for name, value in self.headers if name == b"host"]
        wrong = len(hosts) > 1 or (not hosts and version == "1.1") or method == b"CONNECT"
        if wrong or not all(map(_HOST.fullmatch, hosts)):
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
        return target

    def _stop(self, status: HTTPStatus) -> NoReturn:
        self._refuse(status)
        # httptools stops, and uvicorn calls the next method.
        raise ValueError

    def send_400_response(self, msg: str) -> None:
        """Answer what httptools cannot parse; write nothing into an answer that has begun."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        if self._answering and not (self.receiving and not self.cycle.response_started):
            self.transport.abort()
        elif not self.transport.is_closing():
            if self._answering:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            head = f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\nContent-Length: 0"
            self.transport.write(f"{head}\r\n\r\n".encode())
            self.transport.close()
