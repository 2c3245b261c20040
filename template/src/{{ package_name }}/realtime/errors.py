"""Errors: what a client sees of an exception, over HTTP and over WebSocket."""

from typing import Any

from falcon import (
    MEDIA_JSON,
    HTTPBadRequest,
    HTTPError,
    HTTPInternalServerError,
    HTTPServiceUnavailable,
    HTTPUnprocessableEntity,
    PayloadTypeError,
)
from falcon.asgi import App, Request, Response, WebSocket

from .broker import BrokerUnavailableError
from .close_codes import CloseCode
from .messages import MessageError
from .trail import log_crash

DENIAL = "realtime.denial"
"""Where in the ASGI scope a denied request leaves its HTTPError, for the server to send or log."""

_DENIED = 3000


def add_error_handlers(app: App[Request, Response]) -> None:
    """Handle what is the client's fault; the rest is a crash: logged, then 500 or 1011."""
    app.set_error_serializer(write_json)
    app.add_error_handler(HTTPError, close_with_reason)
    app.add_error_handler(MessageError, close_with_reason)
    app.add_error_handler(PayloadTypeError, close_with_reason)
    app.add_error_handler(BrokerUnavailableError, be_unavailable)
    app.add_error_handler(Exception, crash)


def write_json(req: Request, resp: Response, error: HTTPError) -> None:
    """Write an error as JSON, whatever the client would accept.

    Falcon negotiates, and crashes where a client accepts only `multipart/form-data`.
    """
    resp.data = error.to_json()
    resp.content_type = MEDIA_JSON


async def close_with_reason(
    req: Request,
    resp: Response | None,
    error: HTTPError | MessageError | PayloadTypeError,
    params: dict[str, Any],
    *,
    ws: WebSocket | None = None,
) -> None:
    """Close a WebSocket with the code that tells the client why; leave HTTP to Falcon.

    Falcon's own handler would log each denial as an error and lose its headers and body.
    """
    if ws is None:
        if isinstance(error, MessageError):
            invalid = error.answer.code == "invalid"
            status = HTTPUnprocessableEntity if invalid else HTTPBadRequest
            error = status(description=error.answer.detail)
        req.scope[DENIAL] = error
        raise error
    if isinstance(error, HTTPError):
        req.scope[DENIAL] = error
        await ws.close(_DENIED + error.status_code)
    elif isinstance(error, MessageError):
        await ws.close(CloseCode.UNDECODABLE)
    else:
        await ws.close(CloseCode.WRONG_PAYLOAD_TYPE)


async def be_unavailable(
    req: Request,
    resp: Response | None,
    error: BrokerUnavailableError,
    params: dict[str, Any],
    *,
    ws: WebSocket | None = None,
) -> None:
    """Deny for a moment what needs the broker."""
    unavailable = HTTPServiceUnavailable(retry_after=1)
    await close_with_reason(req, resp, unavailable, params, ws=ws)


async def crash(
    req: Request,
    resp: Response | None,
    error: Exception,
    params: dict[str, Any],
    *,
    ws: WebSocket | None = None,
) -> None:
    """Log an error of ours; answer 500, or close with 1011 what is still open."""
    if ws is None or ws.unaccepted:
        log_crash(req, error, HTTPInternalServerError().status_code)
    else:
        log_crash(req, error, CloseCode.SERVER_ERROR)
    if ws is None:
        raise HTTPInternalServerError
    await ws.close(CloseCode.SERVER_ERROR)
