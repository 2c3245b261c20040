"""The session: Bearer token in, cookie out."""

from datetime import UTC, datetime

from falcon import HTTP_CREATED, HTTP_NO_CONTENT
from falcon.asgi import Request, Response

from ..auth import COOKIE, Sessions
from ..close_codes import CloseCode
from ..connections import Connections
from ..identity import Identity, principal_of


class SessionResource:
    """`/session`: begins and ends the session of a browser."""

    def __init__(self, identity: Identity, sessions: Sessions, connections: Connections) -> None:
        """Verify tokens with `identity`; keep sessions, and close connections with them."""
        self._identity = identity
        self._sessions = sessions
        self._connections = connections

    async def on_post(self, req: Request, resp: Response) -> None:
        """Begin a session; answer 201 with the cookie.

        The token is verified here, so that a cookie alone can never make another one.
        """
        principal = self._identity.verify_bearer(req)
        resp.set_cookie(
            COOKIE, self._sessions.begin(principal), path="/", secure=True, same_site="Lax"
        )
        resp.status = HTTP_CREATED
        resp.media = {"name": principal.name, "expires_at": principal.expires_at}

    async def on_delete(self, req: Request, resp: Response) -> None:
        """End the session and close its connections with 4001; answer 204."""
        principal = principal_of(req)
        self._sessions.end(req)
        self._connections.close_all(lambda other: other is principal, CloseCode.TOKEN_EXPIRED)
        # Not unset_cookie: a browser ignores a `__Host-` cookie that is not Secure, also its end.
        epoch = datetime.fromtimestamp(0, UTC)
        resp.set_cookie(COOKIE, "", expires=epoch, path="/", secure=True, same_site="Lax")
        resp.status = HTTP_NO_CONTENT
