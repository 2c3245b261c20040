"""Where the credential travels: in the first message, or in the Authorization header over HTTP."""

import asyncio
from typing import Any

from falcon import HTTP_REQUEST_TIMEOUT, HTTPError, PayloadTypeError
from falcon.asgi import Request, Response, WebSocket

from .realtime import ClientMessage, MessageError, Principal, accept, parse
from .resources.health import HEALTH_PATHS
from .security import Identity, Unauthorized


class Auth(ClientMessage):
    """The first message of every connection."""

    token: str


class AuthMiddleware:
    """Lets a request reach its resource only with a valid credential.

    Falcon lets a WebSocket through to a sink without this check, so this app should have none.
    A browser cannot add headers to a WebSocket handshake, so the WebSocket is accepted first and
    its first message must carry the token. Until then, nothing is sent; a denial is a close code,
    3000 + the HTTP status: 3401, or 3408 at the deadline.
    """

    def __init__(self, identity: Identity, timeout: float) -> None:
        """Verify the first message, which must arrive within `timeout` seconds, with `identity`."""
        self._identity = identity
        self._timeout = timeout

    async def process_request(self, req: Request, resp: Response) -> None:
        """Verify the token of an HTTP request."""
        if req.path not in HEALTH_PATHS:
            req.context.principal = await self._identity.verify_bearer(req)

    async def process_resource_ws(
        self, req: Request, ws: WebSocket, resource: object, params: dict[str, Any]
    ) -> None:
        """Accept the WebSocket and verify the token in its first message."""
        if not any(name.startswith("on_websocket") for name in dir(resource)):
            return  # Falcon denies it with 405
        await accept(req, ws)
        req.context.principal = await self._authenticate(ws)

    async def _authenticate(self, ws: WebSocket) -> Principal:
        try:
            async with asyncio.timeout(self._timeout):
                first = parse(await ws.receive_media(), Auth)
        except TimeoutError:
            raise HTTPError(HTTP_REQUEST_TIMEOUT) from None
        except (MessageError, PayloadTypeError):
            raise Unauthorized("the first message carries no token") from None
        return await self._identity.verify(first.token)
