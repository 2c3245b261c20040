"""Falcon's app, with two rules about the end of what it answers."""

from contextlib import AsyncExitStack
from typing import Any

from falcon.asgi import App, Request, Response

_OPENED = "realtime.opened"


class RealtimeApp(App[Request, Response]):
    """Reads what a client sent before it left, and closes what an answer has opened."""

    async def __call__(  # type: ignore[override]  # as in Falcon's own class
        self, scope: dict[str, Any], receive: Any, send: Any
    ) -> None:
        """Serve one connection, which the scope describes."""
        if scope["type"] == "websocket":
            await super().__call__(scope, receive, _dropping(send))
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            if _OPENED in scope:
                await scope[_OPENED].aclose()


def opened_by(req: Request) -> AsyncExitStack:
    """Return what is closed once the answer has ended, however it ends.

    Falcon never closes an iterator of Server-Sent Events, and the garbage collector is no place to
    run asynchronous code.
    """
    stack: AsyncExitStack = req.scope.setdefault(_OPENED, AsyncExitStack())
    return stack


def _dropping(send: Any) -> Any:
    """Return a `send` that drops what cannot reach its client any more.

    After a failed send, Falcon takes the WebSocket for closed and receives nothing more, although
    the server may still hold messages from before the client's close. So only the deadline of
    `SendDeadline` gets through: the end of all others is the `websocket.disconnect` to receive.
    """

    async def send_or_drop(event: dict[str, Any]) -> None:
        try:
            await send(event)
        except TimeoutError:
            raise
        except OSError:
            pass

    return send_or_drop
