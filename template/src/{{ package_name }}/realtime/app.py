"""Falcon's app, which also ends connections and streams properly."""

import time
from collections.abc import Callable
from typing import Any

from falcon import WebSocketPayloadType
from falcon.asgi import App, Request, Response

from .close_codes import CloseCode
from .errors import add_error_handlers
from .formats import BINARY, TEXT
from .head import HeadRouter
from .limits import Limits
from .registry import OPENED, Registry
from .trail import Trail


class RealtimeApp(App[Request, Response]):
    """Reads what a client sent before it left, and closes what a response has opened."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        verify: Callable[[Request], object] | None = None,
    ) -> None:
        """Make an app, and the `registry` of its connections, which takes these arguments."""
        super().__init__(router=HeadRouter())
        self.registry = Registry(limits, clock, verify)
        # A Connection reads all the time, so Falcon's own receive queue would only cost time.
        self.ws_options.max_receive_queue = 0
        self.ws_options.media_handlers[WebSocketPayloadType.TEXT] = TEXT
        self.ws_options.media_handlers[WebSocketPayloadType.BINARY] = BINARY
        self.ws_options.default_close_reasons.update({code: code.meaning for code in CloseCode})
        add_error_handlers(self)
        self.add_middleware(Trail())

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
            if OPENED in scope:
                await scope[OPENED].aclose()


def _dropping(send: Any) -> Any:
    """Return a `send` that drops what can no longer reach its client.

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
