"""Health checks: open to everybody, without credentials."""

from falcon import HTTPServiceUnavailable
from falcon.asgi import Request, Response

from ..broker import Broker

HEALTH_PATHS = frozenset({"/livez", "/readyz"})
"""Open to whoever asks: what watches a service has no credential and knows only its address."""


class LiveResource:
    """`GET /livez`: the process answers."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200."""
        resp.media = {"status": "live"}


class ReadyResource:
    """`GET /readyz`: the service can carry messages."""

    def __init__(self, broker: Broker) -> None:
        """Ask this broker."""
        self._broker = broker

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200, or 503 while the broker cannot carry messages."""
        try:
            await self._broker.check()
        except OSError:
            raise HTTPServiceUnavailable(description="The broker does not answer.") from None
        resp.media = {"status": "ready"}
