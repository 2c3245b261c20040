"""Which requests need no credential: a route that is marked as public, or a declared prefix."""

from collections.abc import Callable
from typing import Any, NamedTuple

from falcon.asgi import Request

from .head import HeadRouter

ROUTES = "realtime.routes"
"""The key in the ASGI scope of the routes of the app."""


def routes_of(req: Request) -> "Routes":
    """Return the routes of the app that the request came to."""
    routes: Routes = req.scope[ROUTES]
    return routes


class _Fallback(NamedTuple):
    """A sink or a static route: what Falcon tries where no route matches."""

    matches: Callable[[str], object]
    public: bool
    is_sink: bool


class Routes(HeadRouter):
    """The router, which middleware can ask, since it runs before Falcon has routed a request.

    A resource says with `public = True` that it is open to anybody, or with the methods that are:
    `public = {"POST"}`. With `any_host = True` neither the Host nor the Origin of a request
    is checked: for a monitor, which knows only the address. What says nothing is closed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resources: dict[str, object] = {}
        self._websockets: dict[str, bool] = {}
        self._fallbacks: list[_Fallback] = []

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Add a route, as Falcon does."""
        super().add_route(uri_template, resource, **kwargs)
        responders = self.map_http_methods(resource, **kwargs)
        self.resources[uri_template] = resource
        self._websockets[uri_template] = "WEBSOCKET" in responders

    def add_fallback(
        self, matches: Callable[[str], object], *, public: bool, is_sink: bool
    ) -> None:
        """Add a sink or a static route: the last one goes first, and sinks before static routes."""
        self._fallbacks.insert(0, _Fallback(matches, public, is_sink))
        self._fallbacks.sort(key=lambda fallback: not fallback.is_sink)

    def is_public(self, req: Request) -> bool:
        """Tell whether the request needs no credential."""
        if (resource := self._resource(req)) is None:
            fallback = self._fallback(req)
            return fallback is not None and fallback.public
        public = getattr(resource, "public", False)
        return public if isinstance(public, bool) else _method(req) in public

    def is_preflight(self, req: Request) -> bool:
        """Tell whether a browser asks what a page may do; it never adds a credential.

        A sink gets every method, so one that is not public gets no preflight either.
        https://fetch.spec.whatwg.org/#cors-preflight-request
        """
        asked = (req.get_header("Origin"), req.get_header("Access-Control-Request-Method"))
        if req.method != "OPTIONS" or None in asked:
            return False
        fallback = self._fallback(req)
        return self._resource(req) is not None or (fallback is not None and not fallback.is_sink)

    def is_for_any_host(self, req: Request) -> bool:
        """Tell whether neither the Host nor the Origin of the request matters."""
        return getattr(self._resource(req), "any_host", False) is True

    def takes_websocket(self, req: Request) -> bool:
        """Tell whether something would take this WebSocket, or Falcon denies it."""
        if (route := self.find(req.path, req)) is not None:
            return self._websockets[str(route[3])]
        fallback = self._fallback(req)
        return fallback is not None and fallback.is_sink

    def _resource(self, req: Request) -> object | None:
        route = self.find(req.path, req)
        return None if route is None else route[0]

    def _fallback(self, req: Request) -> _Fallback | None:
        return next((each for each in self._fallbacks if each.matches(req.path)), None)


def _method(req: Request) -> str:
    if req.is_websocket:
        return "WEBSOCKET"
    return "GET" if req.method == "HEAD" else req.method
