"""The access log: a line for each HTTP request, and for each WebSocket that is denied."""

import logging
import re
import time
import uuid
from http import HTTPStatus
from typing import Any

from structlog.contextvars import bind_contextvars, clear_contextvars

from ..realtime.errors import DENIAL
from ..realtime.trail import ENDED, PRINCIPAL, REQUEST_ID, reason_of
from .interface import ASGIApp, Event, Receive, Send

logger = logging.getLogger(__name__)

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADER = b"x-request-id"
_PROBES = frozenset({"/livez", "/readyz"})


class AccessLog:
    """Gives each request and connection an id, which is in its lines and in its answer.

    A client or a proxy may choose the id, in `X-Request-ID`. A query string is never logged.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap this app."""
        self._app = app

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Run the app; log what came of it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        # By the specification these are iterables, which may be good for once only.
        scope["headers"] = [(name, value) for name, value in scope["headers"]]
        scope["client"] = tuple(scope.get("client") or ()) or None
        scope[REQUEST_ID] = _id_of(scope)
        # The server has given this task a context of its own. It is left as it is, for what the
        # server logs if the app crashes.
        clear_contextvars()
        bind_contextvars(request_id=scope[REQUEST_ID])
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            _log_websocket(scope)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Event, receive: Receive, send: Send) -> None:
        began, status = time.monotonic(), HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_and_note(event: Event) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
                id_field = (_HEADER, scope[REQUEST_ID].encode())
                event = event | {"headers": [*event.get("headers", ()), id_field]}
            await send(event)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            seconds = round(time.monotonic() - began, 3)
            _log_request(scope, status, {"status": status, "seconds": seconds})


def log_refusal(client: Any, status: int) -> None:
    """Log what the server has refused by itself, because it was no request or took too long."""
    reason = HTTPStatus(status).phrase
    extra = {"client": client and client[0], "status": int(status), "reason": reason}
    logger.warning("request refused", extra=extra | {"denied": True})


def _id_of(scope: Event) -> str:
    ids: list[bytes] = [value for name, value in scope["headers"] if name == _HEADER]
    if len(ids) == 1 and _ID.fullmatch(ids[0]):
        return ids[0].decode()
    return uuid.uuid4().hex


def _who(scope: Event) -> dict[str, Any]:
    who = {"path": scope["path"], "client": scope["client"] and scope["client"][0]}
    if PRINCIPAL in scope:
        who["principal"] = scope[PRINCIPAL]
    return who


def _log_request(scope: Event, status: int, outcome: dict[str, Any]) -> None:
    extra = {"method": scope["method"]} | _who(scope) | outcome
    if status < HTTPStatus.BAD_REQUEST:
        level = logging.DEBUG if scope["path"] in _PROBES else logging.INFO
        logger.log(level, "request", extra=extra)
        return
    if DENIAL in scope:
        extra["reason"] = reason_of(scope[DENIAL])
    logger.warning("request", extra=extra | {"denied": True})


def _log_websocket(scope: Event) -> None:
    if DENIAL in scope:
        error = scope[DENIAL]
        outcome = {"status": error.status_code, "reason": reason_of(error), "denied": True}
        logger.warning("connection denied", extra=_who(scope) | outcome)
    elif ENDED not in scope:
        # A resource of its own kind, which has accepted it without the registry.
        logger.info("connection closed", extra=_who(scope))
