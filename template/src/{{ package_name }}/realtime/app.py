"""Falcon's app, which also ends connections and streams properly."""

import re
import time
from collections.abc import Callable
from typing import Any

from falcon import WebSocketPayloadType
from falcon.asgi import App, Request, Response
from falcon.routing import StaticRoute

from .access import Access, IsAllowed, allow_everybody
from .body import add_media_handlers
from .close_codes import CloseCode
from .drain import DrainMiddleware
from .errors import add_error_handlers
from .formats import BINARY, TEXT
from .limits import Limits
from .registry import OPENED, Registry
from .routes import ROUTES, Routes
from .trail import Trail
from .wire import WIRE, ReceivingWire


class RealtimeApp(App[Request, Response]):
    """Reads what a client sent before it left, and closes what a response has opened."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        is_allowed: IsAllowed = allow_everybody,
        verify: Callable[[Request], object] | None = None,
    ) -> None:
        """Make an app with `access` to rooms as allowed, and the `registry` of its connections."""
        self.routes = Routes()
        super().__init__(router=self.routes)
        self.access = Access(is_allowed)
        self.registry = Registry(limits, clock, verify)
        # A Connection reads all the time, so Falcon's own receive queue would only cost time.
        self.ws_options.max_receive_queue = 0
        self.ws_options.media_handlers[WebSocketPayloadType.TEXT] = TEXT
        self.ws_options.media_handlers[WebSocketPayloadType.BINARY] = BINARY
        self.ws_options.default_close_reasons.update({code: code.meaning for code in CloseCode})
        add_media_handlers(self, limits)
        add_error_handlers(self)
        self.add_middleware(Trail())
        self.add_middleware(DrainMiddleware(self.registry.deny_if_stopping))

    def add_sink(self, sink: Any, prefix: Any = "/", *, public: bool = False) -> None:
        """Add a sink, as Falcon does; it needs a credential unless it is `public`."""
        super().add_sink(sink, prefix)
        self.routes.add_fallback(re.compile(prefix).match, public=public, is_sink=True)

    def add_static_route(
        self, prefix: str, directory: Any, *args: Any, public: bool = False, **kwargs: Any
    ) -> None:
        """Serve the files of a directory; they need a credential unless they are `public`."""
        super().add_static_route(prefix, directory, *args, **kwargs)
        matches = StaticRoute(prefix, directory, *args, **kwargs).match
        self.routes.add_fallback(matches, public=public, is_sink=False)

    async def __call__(  # type: ignore[override]  # as in Falcon's own class
        self, scope: dict[str, Any], receive: Any, send: Any
    ) -> None:
        """Serve one connection, which the scope describes."""
        scope[ROUTES] = self.routes
        if scope["type"] == "websocket":
            extensions = scope.setdefault("extensions", {})
            if WIRE in extensions:
                await super().__call__(scope, receive, _dropping(send))
                return
            async with ReceivingWire(receive) as extensions[WIRE]:
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
