"""Who must prove who it is: everybody, but for what is public."""

from abc import ABC, abstractmethod

from falcon.asgi import Request, Response, WebSocket

from .principal import Principal
from .routes import routes_of


class Authentication(ABC):
    """Middleware that lets a request reach its resource only with a valid credential.

    What is public (see `Routes`) needs none, nor does a preflight: those come from
    `Principal.anonymous`. For a path that does not exist, who has a credential gets 404, and who
    has none 401.
    """

    @abstractmethod
    async def authenticate(self, req: Request, ws: WebSocket | None) -> Principal:
        """Return whom a request comes from; raise an HTTPError to deny it. A handshake has `ws`."""

    async def process_request(self, req: Request, resp: Response) -> None:
        """Authenticate an HTTP request."""
        routes = routes_of(req)
        if routes.is_public(req) or routes.is_preflight(req):
            req.context.principal = Principal.anonymous
        else:
            req.context.principal = await self.authenticate(req, None)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Authenticate a handshake."""
        if routes_of(req).is_public(req):
            req.context.principal = Principal.anonymous
        else:
            req.context.principal = await self.authenticate(req, ws)
