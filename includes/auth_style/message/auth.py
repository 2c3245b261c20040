"""Where the credential travels: in the first message, or in the Authorization header over HTTP."""

import asyncio

from falcon import HTTP_REQUEST_TIMEOUT, HTTPError, PayloadTypeError
from falcon.asgi import Request, WebSocket

from .realtime import (
    Authentication,
    ClientMessage,
    MessageError,
    Principal,
    accept,
    parse,
    routes_of,
)
from .security import Identity, Unauthorized


class Auth(ClientMessage):
    """The first message of every connection."""

    token: str


class AuthMiddleware(Authentication):
    """Lets a request reach its resource only with a valid credential.

    A browser cannot add headers to a WebSocket handshake, so the WebSocket is accepted first and
    its first message must carry the token. Until then, nothing is sent; a denial is a close code,
    3000 + the HTTP status: 3401, or 3408 at the deadline.
    """

    def __init__(self, identity: Identity, timeout: float) -> None:
        """Verify the first message, which must arrive within `timeout` seconds, with `identity`."""
        self._identity = identity
        self._timeout = timeout

    async def authenticate(self, req: Request, ws: WebSocket | None) -> Principal:
        """Verify the token of a request, or accept a WebSocket and verify its first message."""
        if ws is None:
            return await self._identity.verify_bearer(req)
        if not routes_of(req).takes_websocket(req):
            return Principal.anonymous  # Falcon denies it with 404 or 405
        await accept(req, ws)
        try:
            async with asyncio.timeout(self._timeout):
                first = parse(await ws.receive_media(), Auth)
        except TimeoutError:
            raise HTTPError(HTTP_REQUEST_TIMEOUT) from None
        except (MessageError, PayloadTypeError):
            raise Unauthorized("the first message carries no token") from None
        return await self._identity.verify(first.token)
