"""Where the credential travels: as a one-time ticket in the query string of a WebSocket."""

import secrets
from collections.abc import Callable

from falcon import HTTPBadRequest
from falcon.asgi import Request, Response, WebSocket

from .identity import Identity, Principal, Unauthorized
from .resources.health import HEALTH_PATHS
from .store import Store

TICKET_LIFETIME = 30.0


class Tickets:
    """The tickets of this process that nobody has redeemed."""

    def __init__(self, store: Store[Principal], clock: Callable[[], float]) -> None:
        """Keep tickets in `store`; `clock` returns POSIX seconds."""
        self._store = store
        self._clock = clock

    def issue(self, principal: Principal) -> str:
        """Return a ticket that is good for one connection within 30 seconds.

        It is good no longer than the token that fetched it; the oldest one may have to go for it.
        """
        ticket = secrets.token_urlsafe(32)
        lifetime = min(TICKET_LIFETIME, principal.expires_at - self._clock())
        self._store.put(ticket, principal, principal.name, lifetime)
        return ticket

    def redeem(self, ticket: str) -> Principal:
        """Return whose ticket it is, once; raise Unauthorized if it is not good any more."""
        principal = self._store.take(ticket)
        if principal is None:
            raise Unauthorized
        return principal


class AuthMiddleware:
    """Lets a request reach its resource only when somebody has proved who it comes from.

    HTTP requests carry a Bearer token. A browser cannot add a header to a WebSocket, so it fetches
    a ticket with `POST /tickets`: a query string ends up in logs and histories, where a ticket that
    is used or 30 seconds old does no harm.
    """

    def __init__(self, identity: Identity, tickets: Tickets) -> None:
        """Verify tokens with `identity` and redeem `tickets`."""
        self._identity = identity
        self._tickets = tickets

    async def process_request(self, req: Request, resp: Response) -> None:
        """Verify the token of an HTTP request."""
        if req.path not in HEALTH_PATHS:
            req.context.principal = self._identity.verify_bearer(req)

    async def process_request_ws(self, req: Request, ws: WebSocket) -> None:
        """Redeem the ticket of a handshake."""
        try:
            ticket = req.get_param("ticket", required=True, allow_multiple=False)
        except HTTPBadRequest:
            raise Unauthorized from None
        req.context.principal = self._tickets.redeem(str(ticket))
