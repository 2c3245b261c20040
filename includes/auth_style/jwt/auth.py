"""Where the credential travels: in the Authorization header, over HTTP and WebSocket alike."""

from falcon.asgi import Request, WebSocket

from .realtime import Authentication, Principal
from .security import Identity


class AuthMiddleware(Authentication):
    """Lets a request reach its resource only with a valid credential.

    A browser cannot add this header to a WebSocket: the style is for apps and servers.
    """

    def __init__(self, identity: Identity) -> None:
        """Verify with `identity`."""
        self._identity = identity

    async def authenticate(self, req: Request, ws: WebSocket | None) -> Principal:
        """Verify the token of a request or a handshake."""
        return await self._identity.verify_bearer(req)
