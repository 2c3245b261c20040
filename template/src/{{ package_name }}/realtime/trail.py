"""The trail in the log: how each connection began and ended, and what crashed."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from falcon import HTTPError
from falcon.asgi import Request, Response

from .close_codes import CloseCode, meaning_of
from .principal import Principal

logger = logging.getLogger(__name__)

E = TypeVar("E", bound=HTTPError)

REQUEST_ID = "realtime.request_id"
"""The key in the ASGI scope of the id of a request or a connection."""
PRINCIPAL = "realtime.principal"
"""The key in the ASGI scope of the name of who sent an HTTP request."""
ENDED = "realtime.ended"
"""The key in the ASGI scope of the close code that the client of a connection has seen."""

_DENIED = 3000


class Counted(Protocol):
    """A connection that counts its messages."""

    close_code: int | None
    received: int
    sent: int


def explained(error: E, reason: str) -> E:
    """Return the error with a reason that the log tells, and the client does not hear."""
    error.add_note(reason)
    return error


def reason_of(error: HTTPError) -> str:
    """Return why a request was denied."""
    notes: list[str] = getattr(error, "__notes__", [])
    return "; ".join(notes) or error.description or error.title


@asynccontextmanager
async def logged(req: Request, principal: Principal, connection: Counted) -> AsyncIterator[None]:
    """Log the opening of a connection, and its end once the block is over."""
    who = {"path": req.path, "principal": principal.name}
    logger.info("connection opened", extra=who | {"client": req.remote_addr})
    began, code = time.monotonic(), int(CloseCode.NORMAL)
    try:
        yield
    except HTTPError as error:
        code = _DENIED + error.status_code
        raise
    except Exception:
        code = CloseCode.SERVER_ERROR
        raise
    finally:
        code = req.scope[ENDED] = connection.close_code or int(code)
        ending = {
            "code": code,
            "meaning": meaning_of(code),
            "seconds": round(time.monotonic() - began, 3),
            "received": connection.received,
            "sent": connection.sent,
        }
        logger.info("connection closed", extra=who | ending)


class Trail:
    """Middleware that notes in the ASGI scope who sent an HTTP request, for its line in the log."""

    async def process_response(
        self, req: Request, resp: Response, resource: object, succeeded: bool
    ) -> None:
        """Note the principal, if auth.py has found one."""
        principal: Principal | None = req.context.get("principal")
        if principal is not None:
            req.scope[PRINCIPAL] = principal.name


def log_crash(req: Request, error: Exception, code: int) -> None:
    """Log an error of ours, with the HTTP status or the close code that the client saw."""
    extra: dict[str, Any] = {"path": req.path, "code": req.scope.get(ENDED, code)}
    logger.error("crashed", extra=extra, exc_info=error)
