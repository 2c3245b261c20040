"""Health checks, open to anybody: a monitor has no credential and knows only the address."""

from typing import Protocol

from falcon import HTTPServiceUnavailable
from falcon.asgi import Request, Response


class LiveResource:
    """`GET /livez`: the process answers."""

    public = True
    any_host = True

    async def on_get(self, req: Request, resp: Response) -> None:
        """Tell a supervisor that the process need not be restarted."""
        resp.media = {"status": "live"}


class Part(Protocol):
    """What the service cannot work without."""

    async def check(self) -> None:
        """Raise OSError while it does not work, or an HTTPError that says what to answer."""


class ReadyResource:
    """`GET /readyz`: the service can do its work."""

    public = True
    any_host = True

    def __init__(self, **parts: Part) -> None:
        """Ask these parts, by their names: `broker=broker`."""
        self._parts = parts

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200, or 503 while a part does not work."""
        for name, part in self._parts.items():
            try:
                await part.check()
            except OSError:
                raise HTTPServiceUnavailable(description=f"The {name} does not answer.") from None
        resp.media = {"status": "ready"}
