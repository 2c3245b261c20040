"""Who may do what in a room: a question of the machinery, which the service answers."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

from falcon import HTTPForbidden
from falcon.asgi import Request

from .joining import since_of
from .principal import Principal, principal_of


class Action(StrEnum):
    """What somebody wants to do in a room."""

    JOIN = "join"
    """Connect with a WebSocket."""
    PUBLISH = "publish"
    """Send a message to everybody there, over WebSocket or HTTP."""
    STREAM = "stream"
    """Listen over HTTP, as Server-Sent Events."""
    RESUME = "resume"
    """Join or stream from an earlier position: asked in addition."""


IsAllowed = Callable[[Principal, Action, str], Awaitable[bool]]


async def allow_everybody(principal: Principal, action: Action, room: str) -> bool:
    """Allow everything: the answer of an app that has no other."""
    return True


class Access:
    """Lets through who is allowed, and denies the others with 403."""

    def __init__(self, is_allowed: IsAllowed) -> None:
        """Ask `is_allowed`, which may wait, each time."""
        self.is_allowed = is_allowed

    async def check(self, req: Request, action: Action, room: str) -> Principal:
        """Return whom the request comes from; raise HTTPForbidden if they may not do that there."""
        principal = principal_of(req)
        if not await self.is_allowed(principal, action, room):
            raise HTTPForbidden(description=f"You may not {action} here.")
        return principal

    async def since(self, req: Request, room: str) -> str | None:
        """Return the position that the client gives, if any, and may resume from there."""
        position = since_of(req)
        if position is not None:
            await self.check(req, Action.RESUME, room)
        return position
