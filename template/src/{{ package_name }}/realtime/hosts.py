"""Which names this service answers to: the Host allow-list (RFC 9110 section 7.2).

DNS rebinding: a page of evil.example may have its own name point to this machine. For the browser
the service then has the page's own origin, so only the Host header gives it away.
"""

import ipaddress
import re

from falcon import HTTPBadRequest
from falcon.asgi import Request, Response, WebSocket

from .routes import routes_of
from .trail import explained

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

_HOST = re.compile(r"([a-z0-9_-][a-z0-9._-]*|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?", re.IGNORECASE)


def parse_host(text: str) -> str:
    """Return the name in a Host header, without the port; raise ValueError if there is none.

    A name has no case, and means the same with a dot at its end; an IPv6 address has many forms.
    """
    match = _HOST.fullmatch(text)
    if match is None:
        raise ValueError("this is no host, such as example.org, 192.0.2.1 or [2001:db8::1]")
    name = match[1].lower().removesuffix(".")
    return f"[{ipaddress.IPv6Address(name[1:-1])}]" if name.startswith("[") else name


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a service that listens on that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class HostMiddleware:
    """Denies a request to a host that is not on the list with 400, before anything else."""

    def __init__(self, allowed: frozenset[str] | None) -> None:
        """Allow these hosts, or all for None; of a resource for `any_host`, any."""
        self._allowed = allowed

    async def process_request(self, req: Request, resp: Response) -> None:
        """Check an HTTP request."""
        if not self._is_allowed(req) and not routes_of(req).is_for_any_host(req):
            raise _denial(req)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Check a handshake."""
        if not self._is_allowed(req):
            raise _denial(req)

    def _is_allowed(self, req: Request) -> bool:
        # The server has already denied a request with several hosts.
        host = req.get_header("Host") or ""
        try:
            return self._allowed is None or parse_host(host) in self._allowed
        except ValueError:
            return False


def _denial(req: Request) -> HTTPBadRequest:
    description = "This service does not answer to that host: see APP_ALLOW_HOSTS."
    host = req.get_header("Host")
    reason = f"the host {host!r} is not in APP_ALLOW_HOSTS"
    return explained(HTTPBadRequest(description=description), reason)
