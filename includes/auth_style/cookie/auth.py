"""Where the credential travels: in a cookie, which a browser adds to a WebSocket by itself."""

from falcon.asgi import Request, Response, WebSocket

from .resources.health import HEALTH_PATHS
from .security import Sessions


class AuthMiddleware:
    """Lets a request reach its resource only with a valid credential.

    `POST /session` exchanges a Bearer token for the cookie; everything else needs the cookie.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Verify cookies with `sessions`."""
        self._sessions = sessions

    async def process_request(self, req: Request, resp: Response) -> None:
        """Verify the cookie of an HTTP request; `POST /session` verifies its token itself."""
        if req.path not in HEALTH_PATHS and (req.method, req.path) != ("POST", "/session"):
            req.context.principal = self._sessions.find(req)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Verify the cookie of a handshake; the registry does so again when it is complete."""
        req.context.principal = self._sessions.find(req)
