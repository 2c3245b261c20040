"""CORS: which web pages of other origins may read the answers (Fetch standard, section 3.2)."""

from falcon import CORSMiddleware
from falcon.asgi import Request, Response

from .origin import Origin, write_origin

_EXPOSED = ("Retry-After", "WWW-Authenticate")


class CrossOriginMiddleware(CORSMiddleware[Request, Response]):
    """Falcon's middleware, for the same origins that may connect; a foreign one gets no header.

    It answers preflights with the methods of the resource. Add it like any other, wherever: it
    works on the response, whoever has made it, errors and event streams included.
    """

    def __init__(self, allowed: frozenset[Origin] | None, *, credentials: bool) -> None:
        """Let pages of these origins read answers, or of all for None; with cookies if it says."""
        super().__init__(
            "*" if allowed is None else map(write_origin, allowed),
            expose_headers=_EXPOSED,
            allow_credentials="*" if credentials else None,
        )

    async def process_response_async(
        self, req: Request, resp: Response, resource: object, req_succeeded: bool
    ) -> None:
        """Add the headers, and tell caches that they differ with the origin (RFC 9110, 12.5.5)."""
        await super().process_response_async(req, resp, resource, req_succeeded)
        varies = {name.strip().lower() for name in (resp.get_header("Vary") or "").split(",")}
        if varies.isdisjoint({"*", "origin"}):
            resp.append_header("Vary", "Origin")
