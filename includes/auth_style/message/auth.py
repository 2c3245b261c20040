"""Where the credential travels: in the first message, or in the Authorization header over HTTP."""

import asyncio
from typing import Any

from falcon import HTTP_REQUEST_TIMEOUT, HTTPError, PayloadTypeError
from falcon.asgi import Request, Response, WebSocket

from .connections import accept
from .identity import Identity, Principal, Unauthorized
from .messages import ClientMessage, MessageError, parse
from .resources.health import HEALTH_PATHS
from .settings import Settings


class Auth(ClientMessage):
    """The first message of every connection."""

    token: str


class AuthMiddleware:
    """Lets a request reach its resource only when somebody has proved who it comes from.

    A sink is no resource: Falcon would let a WebSocket through to it, so this app should have none.
    A browser cannot add headers to a WebSocket handshake, so the WebSocket is accepted first and
    its first message must carry the token. Until then the client hears nothing; a refusal is then
    a close code, 3000 + the HTTP status: 3401, or 3408 at the deadline.
    """

    def __init__(self, identity: Identity, settings: Settings) -> None:
        """Verify with `identity`."""
        self._identity = identity
        self._timeout = settings.auth_timeout

    async def process_request(self, req: Request, resp: Response) -> None:
        """Verify the token of an HTTP request."""
        if req.path not in HEALTH_PATHS:
            req.context.principal = self._identity.verify_bearer(req)

    async def process_resource_ws(
        self, req: Request, ws: WebSocket, resource: object, params: dict[str, Any]
    ) -> None:
        """Accept the WebSocket and verify the token in its first message."""
        if not any(name.startswith("on_websocket") for name in dir(resource)):
            return  # Falcon refuses with 405
        await accept(req, ws)
        req.context.principal = await self._authenticate(ws)

    async def _authenticate(self, ws: WebSocket) -> Principal:
        try:
            async with asyncio.timeout(self._timeout):
                first = parse(await ws.receive_media(), Auth)
        except TimeoutError:
            raise HTTPError(HTTP_REQUEST_TIMEOUT) from None
        except (MessageError, PayloadTypeError):
            raise Unauthorized from None
        return self._identity.verify(first.token)
