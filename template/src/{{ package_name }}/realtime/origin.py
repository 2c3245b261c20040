"""Which web pages may connect: the Origin allow-list (RFC 6454).

A browser lets any page open a WebSocket to any server and sends the cookies along; CORS does not
apply. Only the Origin header says where the page is from (RFC 6455 section 10.2).
"""

import re

from falcon import HTTPForbidden
from falcon.asgi import Request, Response, WebSocket

from .trail import explained

Origin = tuple[str, str, int]

_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def parse_origin(text: str) -> Origin:
    """Return scheme, host and port; raise ValueError for what is not the origin of a web page."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise ValueError("this is no origin, such as https://example.org or http://[::1]:8000")
    scheme, host, port = match.groups()
    scheme = scheme.lower()
    return scheme, host.lower(), int(port or _DEFAULT_PORTS[scheme])


class OriginMiddleware:
    """Denies a page whose origin is not on the list with 403, before its credential is checked."""

    def __init__(
        self, allowed: frozenset[Origin] | None, exempt: frozenset[str], *, required: bool
    ) -> None:
        """Allow these origins, or all for None; on the paths that are `exempt`, any.

        A client without an origin is no browser, or reads what is of its own origin. Where cookies
        are credentials, one is `required`, but for a method that changes nothing.
        """
        self._allowed = allowed
        self._exempt = exempt
        self._required = required

    async def process_request(self, req: Request, resp: Response) -> None:
        """Check an HTTP request."""
        if req.path not in self._exempt:
            self._check(req, self._required and req.method not in _SAFE_METHODS)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Check a handshake."""
        self._check(req, self._required)

    def _check(self, req: Request, required: bool) -> None:
        origin = req.get_header("Origin")
        if origin is None:
            if required:
                error = HTTPForbidden(description="An Origin header is needed.")
                raise explained(error, "no Origin header, as a page would send")
        elif self._allowed is not None:
            try:
                allowed = parse_origin(origin) in self._allowed
            except ValueError:
                allowed = False
            if not allowed:
                error = HTTPForbidden(description="Pages of this origin may not connect.")
                raise explained(error, f"the origin {origin!r} is not in APP_ALLOW_ORIGINS")
