"""HEAD: the answer to GET without its body, whatever the resource (RFC 9110 section 9.3.2)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from falcon.asgi import Request, Response
from falcon.routing import CompiledRouter

Responder = Callable[..., Awaitable[None]]


class HeadRouter(CompiledRouter):
    """Routes HEAD to the responder for GET, where a resource has none of its own."""

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Any]:
        """Map each method to its responder."""
        responders: dict[str, Any] = super().map_http_methods(resource, **kwargs)
        if "GET" in responders:
            responders.setdefault("HEAD", _without_body(responders["GET"]))
        return responders


def _without_body(get: Responder) -> Responder:
    async def head(req: Request, resp: Response, **params: Any) -> None:
        await get(req, resp, **params)
        if resp.sse is not None:
            # Of events Falcon would announce JSON without a byte; of a stream, which it leaves
            # unread, it announces no length.
            resp.content_type = "text/event-stream"
            resp.stream, resp.sse = cast("AsyncIterator[bytes]", resp.sse), None

    return head
