"""Where the credential travels: in the X-API-Key header, over HTTP and WebSocket alike."""

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
        """Verify the key of an HTTP request."""
        if req.path not in HEALTH_PATHS:
            req.context.principal = self._identity.verify(req.get_header("X-API-Key"))

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Verify the key of a handshake."""
        req.context.principal = self._identity.verify(req.get_header("X-API-Key"))
