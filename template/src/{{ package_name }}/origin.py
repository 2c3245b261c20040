"""Which web pages may connect: the Origin allow-list (RFC 6454).

A browser lets any page open a WebSocket to any server and sends the cookies along; CORS does not
apply. Only the Origin header tells whose page it is (RFC 6455 section 10.2).
"""

import re

from falcon import HTTPForbidden
from falcon.asgi import Request, Response, WebSocket

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
    """Refuses a page that is not on the list with 403, before anybody looks at its credentials."""

    def __init__(self, allowed: frozenset[Origin] | None, *, required: bool) -> None:
        """Allow these origins, or all for None; a client without one is no browser.

        Where cookies are credentials, an origin is `required`, for unsafe HTTP methods too.
        """
        self._allowed = allowed
        self._required = required

    async def process_request(self, req: Request, resp: Response) -> None:
        """Check a request that could change something."""
        if req.method not in _SAFE_METHODS:
            self._check(req)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Check a handshake."""
        self._check(req)

    def _check(self, req: Request) -> None:
        origin = req.get_header("Origin")
        if origin is None:
            if self._required:
                raise HTTPForbidden(description="An Origin header is needed.")
        elif self._allowed is not None:
            try:
                allowed = parse_origin(origin) in self._allowed
            except ValueError:
                allowed = False
            if not allowed:
                raise HTTPForbidden(description="Pages of this origin may not connect.")
