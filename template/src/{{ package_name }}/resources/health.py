"""Health checks, open to anybody: a monitor has no credential and knows only the address."""

from falcon import HTTPServiceUnavailable
from falcon.asgi import Request, Response

from ..realtime import Broker


class LiveResource:
    """`GET /livez`: the process answers."""

    public = True
    any_host = True

    async def on_get(self, req: Request, resp: Response) -> None:
        """Tell a supervisor that the process need not be restarted."""
        resp.media = {"status": "live"}


class ReadyResource:
    """`GET /readyz`: the service can deliver messages."""

    public = True
    any_host = True

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
