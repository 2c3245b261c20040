"""The ASGI wrappers: what a server needs and Falcon does not do."""

import sys
from typing import NoReturn

from falcon import HTTPError, HTTPForbidden, HTTPInternalServerError
from uvicorn.config import STARTUP_FAILURE

from ..realtime.close_codes import CloseCode
from ..realtime.deadline import in_time
from ..realtime.errors import DENIAL
from ..realtime.trail import REQUEST_ID
from .access import AccessLog
from .interface import ASGIApp, Event, Receive, Send

_DENIAL_EXTENSION = "websocket.http.response"


class DenialResponses:
    """Answers a denied handshake with its HTTP response.

    A server turns every denial into a bare 403, unless the app sends the response itself:
    https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap this app."""
        self._app = app

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Run the app; turn a `websocket.close` before `websocket.accept` into a response."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        accepted = _DENIAL_EXTENSION not in scope.get("extensions", {})

        async def send_or_deny(event: Event) -> None:
            nonlocal accepted
            if event["type"] == "websocket.close" and not accepted:
                crashed = event["code"] == CloseCode.SERVER_ERROR
                fallback = HTTPInternalServerError() if crashed else HTTPForbidden()
                await _deny(scope, scope.get(DENIAL, fallback), send)
            else:
                accepted = True
                await send(event)

        await self._app(scope, receive, send_or_deny)


async def _deny(scope: Event, error: HTTPError, send: Send) -> None:
    headers = {"content-type": "application/json"}
    if REQUEST_ID in scope:
        headers["x-request-id"] = scope[REQUEST_ID]
    headers.update({name.lower(): value for name, value in dict(error.headers or {}).items()})
    await send(
        {
            "type": "websocket.http.response.start",
            "status": error.status_code,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "websocket.http.response.body", "body": error.to_json()})


class SendDeadline:
    """Gives up on a client that has stopped reading.

    Once the buffers are full, `send` waits forever, and so does the closing handshake: only an
    error raised here frees the connection. TimeoutError is the OSError that the ASGI
    specification has a server raise when the client is gone; Falcon understands it as such on a
    WebSocket. An HTTP response, as of an event stream, is left unfinished: the server cuts it.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """Wrap this app; no send takes longer than that many seconds."""
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Run the app with the deadline on what it sends."""
        given_up = False

        async def send_in_time(event: Event) -> None:
            nonlocal given_up
            try:
                await in_time(send(event), self._seconds)
            except OSError:
                given_up = scope["type"] == "http"
                # To close what is already lost is no error.
                if event["type"] != "websocket.close":
                    raise

        try:
            await self._app(scope, receive, send_in_time)
        except OSError:
            if not given_up:
                raise


def wrap(app: ASGIApp, send_timeout: float) -> ASGIApp:
    """Put the app into its ASGI wrappers; no send takes longer than `send_timeout` seconds."""
    return AccessLog(DenialResponses(SendDeadline(app, send_timeout)))


def create_asgi() -> NoReturn:
    """Refuse to run under another server, which would not use our protocols and settings.

    Exits with the status for which uvicorn does not start its workers again. An exception would not
    do: without `--factory` uvicorn takes a TypeError to mean that this is the app.
    """
    package = __package__.partition(".")[0]
    print(f"error: run the service with `python -m {package}`", file=sys.stderr)
    sys.exit(STARTUP_FAILURE)
