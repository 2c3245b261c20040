"""How much a client may send over HTTP outside the expected bodies, and until when."""

import asyncio
import re
from http import HTTPStatus
from typing import Any, NoReturn

from falcon import MEDIA_JSON, HTTPError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .access import log_refusal

_MAX_OUTSIDE = 65_536
_MAX_UNWANTED = 1_048_576
_MAX_FIELDS = 256
_PIECE = 4096
# All of a request; httptools would wait for headers.
_HTTP_0_9 = re.compile(rb"GET [^ \r\n]+\r?\n")


class LimitedHttpProtocol(HttpToolsProtocol):
    """Bounds what uvicorn 0.54 leaves unbounded.

    It counts what a client sends outside the body of a request that waits for it: request lines,
    headers, chunk sizes and extensions, trailers, blank lines. Above 64 KiB the client gets 431, or
    is dropped if an answer has begun. Each byte of a body pays for one beside it. A body that
    comes after its answer has begun may have 1 MiB, so that a client that is still sending finds
    the answer.
    """

    def __init__(self, *args: Any, head_timeout: float = 10.0, **options: Any) -> None:
        """Allow `head_timeout` seconds until a request's head is complete and its body begins."""
        super().__init__(*args, **options)
        self._head_timeout = head_timeout
        self._deadline: asyncio.Handle | None = None
        self._lost = False
        self._refused = False
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
    def _holds(self) -> bool:
        """Whether what follows is not parsed, or not yet."""
        if self._refused or (self.pipeline and not self.receiving):
            return True
        return self.transport.is_closing() and not self._lost

    @property
    def _in_head(self) -> bool:
        return self.cycle is None or self.cycle.scope is not self.scope

    # Needed until uvicorn has a deadline for a request. Falcon reads the beginning of a body
    # itself, before any resource can set one.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Set the deadline for the first request."""
        super().connection_made(transport)
        self._await_head()

    def on_response_complete(self) -> None:
        """Set the deadline for the next request, whatever is still to come of this one."""
        super().on_response_complete()
        if not self._answering:
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
        if self._answering and self.cycle.response_started:
            # Its end sets the next deadline.
            return
        if self.receiving or (self._in_head and self._outside > 0):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    # Needed until httptools or uvicorn bounds what surrounds a body.

    def data_received(self, data: bytes) -> None:
        """Parse in pieces, so that what is parsed outside a body never exceeds the bound."""
        self._rest += data
        self._feed()

    def _feed(self) -> None:
        while self._rest and not self._holds:
            size = _MAX_OUTSIDE + 1 - self._outside
            if not self.receiving:
                # A hundred requests in a pipeline take a few milliseconds.
                size = min(size, _PIECE)
            self._piece, self._rest = self._rest[:size], self._rest[size:]
            self._outside += len(self._piece)
            super().data_received(self._piece)
            if self._outside > _MAX_OUTSIDE:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            elif self._outside == len(self._piece) and _HTTP_0_9.fullmatch(self._piece):
                self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        self._piece = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the fields; a trailer is no header (RFC 9110 section 6.5.1)."""
        self._fields += 1
        if self._fields > _MAX_FIELDS:
            self._stop(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self.cycle is None or self.cycle.scope is not self.scope:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Let a body pay for itself and for what surrounds it; drop one that nobody wants."""
        self._outside = max(0, self._outside - 2 * len(body))
        if self.cycle.response_started:
            self._unwanted += len(body)
            if self._unwanted > _MAX_UNWANTED:
                self._drop()
        else:
            self._forget_deadline()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        self._outside = self._unwanted = self._fields = 0
        if self._answering:
            self._forget_deadline()
        super().on_message_complete()

    def _drop(self) -> None:
        self._hold()
        self.transport.abort()

    def _hold(self) -> None:
        # Nothing that follows is parsed, not even once the client has left.
        self._refused, self._rest = True, b""

    def _stop(self, status: HTTPStatus) -> NoReturn:
        self._refuse(status)
        # httptools stops, and uvicorn calls the next method.
        raise ValueError

    def send_400_response(self, msg: str) -> None:
        """Answer what httptools cannot parse; write nothing into an answer that has begun."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        begun = self._answering and not (self.receiving and not self.cycle.response_started)
        if not self.transport.is_closing():
            log_refusal(self.client, status)
        if begun or self.pipeline:
            self._drop()
        elif not self.transport.is_closing():
            self._hold()
            if self._answering:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self.transport.write(_response(status, self.parser.get_method()))
            self.transport.close()


def _response(status: HTTPStatus, method: bytes) -> bytes:
    """Return what Falcon would answer with that status, as the last response of a connection."""
    body = HTTPError(status).to_json()
    lines = [
        f"HTTP/1.1 {status} {status.phrase}",
        f"Content-Type: {MEDIA_JSON}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    head = "\r\n".join([*lines, "", ""]).encode()
    return head if method == b"HEAD" else head + body
