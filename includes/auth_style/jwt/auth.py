"""Where the credential travels: in the Authorization header, over HTTP and WebSocket alike."""

from falcon.asgi import Request, Response, WebSocket

from .resources.health import HEALTH_PATHS
from .security import Identity


class AuthMiddleware:
    """Lets a request reach its resource only with a valid credential.

    A browser cannot add this header to a WebSocket: the style is for apps and servers.
    """

    def __init__(self, identity: Identity) -> None:
        """Verify with `identity`."""
        self._identity = identity

    async def process_request(self, req: Request, resp: Response) -> None:
        """Verify the token of an HTTP request."""
        if req.path not in HEALTH_PATHS:
            req.context.principal = await self._identity.verify_bearer(req)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Verify the token of a handshake."""
        req.context.principal = await self._identity.verify_bearer(req)
