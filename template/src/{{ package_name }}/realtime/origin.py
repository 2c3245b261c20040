"""Which web pages may connect: the Origin allow-list (RFC 6454).

A browser lets any page open a WebSocket to any server and sends the cookies along; CORS (`cors.py`)
does not apply. Only the Origin header says where the page is from (RFC 6455 section 10.2).
"""

import ipaddress
import re

from falcon import HTTPForbidden
from falcon.asgi import Request, Response, WebSocket

from .routes import routes_of
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
    if host.startswith("["):
        host = f"[{ipaddress.IPv6Address(host[1:-1])}]"
    return scheme, host.lower(), int(port or _DEFAULT_PORTS[scheme])


def write_origin(origin: Origin) -> str:
    """Return the origin as a browser writes it: without a default port (RFC 6454 section 6.2)."""
    scheme, host, port = origin
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")


class OriginMiddleware:
    """Denies a page whose origin is not on the list with 403, before its credential is checked."""

    def __init__(self, allowed: frozenset[Origin] | None, *, required: bool) -> None:
        """Allow these origins, or all for None; of a resource for `any_host`, any.

        A client without an origin is no browser, or reads what is of its own origin. Where cookies
        are credentials, one is `required`, but for a method that changes nothing.
        """
        self._allowed = allowed
        self._required = required

    async def process_request(self, req: Request, resp: Response) -> None:
        """Check an HTTP request."""
        required = self._required and req.method not in _SAFE_METHODS
        why = self._why_not(req, required)
        if why is not None and not routes_of(req).is_for_any_host(req):
            raise _denial(req, why)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Check a handshake."""
        if (why := self._why_not(req, self._required)) is not None:
            raise _denial(req, why)

    def _why_not(self, req: Request, required: bool) -> str | None:
        origin = req.get_header("Origin")
        if origin is None:
            return "An Origin header is needed." if required else None
        try:
            allowed = self._allowed is None or parse_origin(origin) in self._allowed
        except ValueError:
            allowed = False
        return None if allowed else "Pages of this origin may not connect."


def _denial(req: Request, why: str) -> HTTPForbidden:
    origin = req.get_header("Origin")
    reason = why if origin is None else f"the origin {origin!r} is not in APP_ALLOW_ORIGINS"
    return explained(HTTPForbidden(description=why), reason)
