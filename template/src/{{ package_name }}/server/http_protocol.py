"""uvicorn's HTTP protocol, hardened against what is not a request."""

import re
import sys
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from .http_requests import WholeHttpProtocol

# RFC 9112 section 3.2; it may be empty.
_HOST = re.compile(rb"([\w.~!$&'()*+,;=%-]*|\[[\w.:]+\])(:\d*)?", re.ASCII)


class HttpProtocol(WholeHttpProtocol):
    """Refuses what uvicorn 0.54 crashes on, and ignores an Upgrade that it would lose a body to."""

    _upgrades = False

    # Needed until uvicorn ignores an Upgrade that it does not take (RFC 9110, 7.8). It starts
    # the request, but httptools stops after its head and would take the body for the next one.

    def _should_upgrade(self) -> bool:
        """Tell whether this asks for a WebSocket (RFC 6455 section 4.1)."""
        return self._upgrades

    def _ignores_upgrade(self) -> bool:
        return self.parser.should_upgrade() and not self._upgrades

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

    def on_message_complete(self) -> None:
        """Wait for the body of a request whose Upgrade is ignored."""
        if not self._ignores_upgrade():
            super().on_message_complete()

    # Needed until uvicorn refuses early frames, which it loses, and a handshake before the last
    # answer is complete, which would then be written between the frames.

    def handle_websocket_upgrade(self) -> None:
        """Refuse a client that does not wait for it or for an answer (RFC 6455 section 4.1)."""
        self._forget_deadline()
        if self._after_head() or self._answering:
            self._refuse(HTTPStatus.BAD_REQUEST)
        else:
            super().handle_websocket_upgrade()

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
        self._upgrades = (method, version) == (b"GET", "1.1") and any(
            name == b"upgrade" and value.lower() == b"websocket" for name, value in self.headers
        )
        if not self._ignores_upgrade():
            super().on_headers_complete()

    def _origin_form(self, target: bytes) -> bytes:
        target = target.partition(b"#")[0]
        if not target.startswith(b"/"):
            scheme, _, path, query, _ = urlsplit(target)
            if scheme.lower() not in {b"http", b"https"}:
                self._stop(HTTPStatus.BAD_REQUEST)
            target = (path or b"/") + (b"?" + query if query else b"")
        return target
