"""Where the credential travels: in a cookie, which a browser adds to a WebSocket by itself."""

import secrets
from collections.abc import Callable
from functools import partial

from falcon.asgi import Request, Response, WebSocket

from .identity import Principal, Unauthorized
from .resources.health import HEALTH_PATHS
from .store import Store

# A browser takes a cookie of this prefix only from this very host, and only if it is Secure:
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
COOKIE = "__Host-session"


class Sessions:
    """The sessions of this process: the cookie has a random id."""

    def __init__(self, store: Store[Principal], clock: Callable[[], float]) -> None:
        """Keep sessions in `store`; `clock` returns POSIX seconds."""
        self._store = store
        self._clock = clock

    def begin(self, principal: Principal) -> tuple[str, Principal | None]:
        """Return the id of a new session, and the principal of one that had to end for it.

        It lasts as long as the token that began it.
        """
        session = secrets.token_urlsafe(32)
        lifetime = principal.expires_at - self._clock()
        return session, self._store.put(session, principal, principal.name, lifetime)

    def find(self, req: Request) -> Principal:
        """Return whose session the request's cookie names; raise Unauthorized if it names none."""
        cookies = _cookies(req)
        # Two cookies of one name mean that somebody has planted one of them.
        principal = self._store.get(cookies[0]) if len(cookies) == 1 else None
        if principal is None:
            raise Unauthorized
        return principal

    def end(self, req: Request) -> list[Principal]:
        """End every session that the request's cookies name; return their principals."""
        ended = map(self._store.take, _cookies(req))
        return [principal for principal in ended if principal is not None]


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


def _cookies(req: Request) -> list[str]:
    """Return the values of the cookies with this very name (RFC 6265 section 4.2.1).

    Falcon strips blanks from a name, no-break spaces too. With such a byte before it a browser does
    not see the prefix, and lets any other host of the domain plant the cookie.
    """
    pairs = (req.get_header("Cookie") or "").split(";")
    named = (pair.removeprefix(" ").partition("=") for pair in pairs)
    return [value for name, _, value in named if name == COOKIE]
