"""Where the credential travels: as a one-time ticket in the query string of a WebSocket."""

from falcon import HTTPBadRequest
from falcon.asgi import Request, WebSocket

from .realtime import Authentication, Principal
from .security import Identity, Tickets, Unauthorized


class AuthMiddleware(Authentication):
    """Lets a request reach its resource only with a valid credential.

    HTTP requests carry a Bearer token. A browser cannot add a header to a WebSocket, so it fetches
    a ticket with `POST /tickets`: a query string ends up in logs and histories, where a ticket that
    is used or 30 seconds old does no harm.
    """

    def __init__(self, identity: Identity, tickets: Tickets) -> None:
        """Verify tokens with `identity` and redeem `tickets`."""
        self._identity = identity
        self._tickets = tickets

    async def authenticate(self, req: Request, ws: WebSocket | None) -> Principal:
        """Verify the token of a request; redeem the ticket of a handshake."""
        if ws is None:
            return await self._identity.verify_bearer(req)
        try:
            ticket = req.get_param("ticket", required=True, allow_multiple=False)
        except HTTPBadRequest:
            raise Unauthorized("one ticket is needed in the query string") from None
        return self._tickets.redeem(str(ticket))
