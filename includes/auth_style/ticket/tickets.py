"""Tickets: Bearer token in, ticket out."""

from falcon import HTTP_CREATED
from falcon.asgi import Request, Response

from ..realtime import principal_of
from ..security import TICKET_LIFETIME, Tickets


class TicketsResource:
    """`POST /tickets`: fetches a ticket for one WebSocket."""

    def __init__(self, tickets: Tickets) -> None:
        """Issue tickets here."""
        self._tickets = tickets

    async def on_post(self, req: Request, resp: Response) -> None:
        """Answer 201 with the ticket and how many seconds it is good for."""
        ticket = self._tickets.issue(principal_of(req))
        resp.status = HTTP_CREATED
        resp.set_header("Cache-Control", "no-store")
        resp.media = {"ticket": ticket, "expires_in": TICKET_LIFETIME}
