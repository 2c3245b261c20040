"""Where the credential travels: in a cookie, which a browser adds to a WebSocket by itself."""

from falcon.asgi import Request, WebSocket

from .realtime import Authentication, Principal
from .security import Sessions


class AuthMiddleware(Authentication):
    """Lets a request reach its resource only with a valid credential.

    `POST /session` exchanges a Bearer token for the cookie; everything else needs the cookie.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Verify cookies with `sessions`."""
        self._sessions = sessions

    async def authenticate(self, req: Request, ws: WebSocket | None) -> Principal:
        """Verify the cookie; the registry does so again when a handshake is complete."""
        return self._sessions.find(req)
