"""Health checks, open to anybody."""

from falcon import HTTPServiceUnavailable
from falcon.asgi import Request, Response

from ..realtime import Broker

HEALTH_PATHS = frozenset({"/livez", "/readyz"})
"""Open to anybody: a monitor has no credential and knows only the address."""


class LiveResource:
    """`GET /livez`: the process answers."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Tell a supervisor that the process need not be restarted."""
        resp.media = {"status": "live"}


class ReadyResource:
    """`GET /readyz`: the service can deliver messages."""

    def __init__(self, broker: Broker) -> None:
        """Ask this broker."""
        self._broker = broker

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200, or 503 while the broker cannot deliver messages."""
        try:
            await self._broker.check()
        except OSError:
            raise HTTPServiceUnavailable(description="The broker does not answer.") from None
        resp.media = {"status": "ready"}
