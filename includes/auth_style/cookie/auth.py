"""Where the credential travels: in a cookie, which a browser adds to a WebSocket by itself."""

import hashlib
import secrets
from collections.abc import Callable
from functools import partial

from falcon.asgi import Request, Response, WebSocket

from .identity import Principal, Unauthorized
from .resources.health import HEALTH_PATHS

# A browser takes a cookie of this prefix only from this very host, and only if it is Secure:
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
COOKIE = "__Host-session"


class Sessions:
    """The sessions of this process: the cookie has a random id, of which only a digest is kept."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take the time in POSIX seconds from `clock`."""
        self._clock = clock
        self._principals: dict[bytes, Principal] = {}

    def begin(self, principal: Principal) -> str:
        """Return the id of a new session, which lasts as long as the token that began it."""
        now = self._clock()
        for digest in [d for d, p in self._principals.items() if p.expires_at <= now]:
            del self._principals[digest]
        session = secrets.token_urlsafe(32)
        self._principals[_digest(session)] = principal
        return session

    def find(self, req: Request) -> Principal:
        """Return whose session the request's cookie names; raise Unauthorized if it names none."""
        principal = self._principals.get(_digest(_cookie(req)))
        if principal is None or principal.expires_at <= self._clock():
            raise Unauthorized
        return principal

    def end(self, req: Request) -> None:
        """End the session that the request's cookie names."""
        self._principals.pop(_digest(_cookie(req)), None)


class AuthMiddleware:
    """Lets a request reach its resource only when somebody has proved who it comes from.

    `POST /session` takes a Bearer token and gives the cookie; everything else needs the cookie.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Verify cookies with `sessions`."""
        self._sessions = sessions

    async def process_request(self, req: Request, resp: Response) -> None:
        """Verify the cookie of an HTTP request; `POST /session` verifies its token itself."""
        if req.path not in HEALTH_PATHS and (req.method, req.path) != ("POST", "/session"):
            req.context.principal = self._sessions.find(req)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Verify the cookie of a handshake, and have it verified again when it is complete."""
        req.context.principal = self._sessions.find(req)
        req.context.verify_again = partial(self._sessions.find, req)


def _cookie(req: Request) -> str:
    # Two cookies of one name mean that somebody has planted one of them.
    values = req.get_cookie_values(COOKIE) or []
    if len(values) != 1:
        raise Unauthorized
    return values[0]


def _digest(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()
