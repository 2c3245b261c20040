"""The server: the app in its ASGI wrappers, and uvicorn's settings."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import uvicorn
from falcon import HTTPError, HTTPForbidden, HTTPInternalServerError

from .app import create_app
from .close_codes import CloseCode
from .connections import Connections
from .descriptors import Descriptors
from .errors import DENIAL
from .http_protocol import HttpProtocol
from .protocol import Protocol
from .settings import Settings

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Event], Awaitable[None]]
ASGIApp = Callable[[Event, Receive, Send], Awaitable[None]]

_DENIAL_EXTENSION = "websocket.http.response"
# Linux: how long sent data may stay unacknowledged before the kernel gives the connection up.
_TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)


class DenialResponses:
    """Answers a refused handshake with the HTTP response it stands for.

    A server makes a bare 403 of every refusal, unless the app sends the response itself:
    https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap this app."""
        self._app = app

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Run the app; turn a `websocket.close` before `websocket.accept` into a response."""
        accepted = _DENIAL_EXTENSION not in scope.get("extensions", {})

        async def send_or_deny(event: Event) -> None:
            nonlocal accepted
            if event["type"] == "websocket.close" and not accepted:
                crashed = event["code"] == CloseCode.SERVER_ERROR
                fallback = HTTPInternalServerError() if crashed else HTTPForbidden()
                await _deny(scope.get(DENIAL, fallback), send)
            else:
                accepted = True
                await send(event)

        await self._app(scope, receive, send_or_deny)


async def _deny(error: HTTPError, send: Send) -> None:
    headers = {"content-type": "application/json"}
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
    """Gives up a client that has stopped reading.

    Once the buffers are full, `send` waits for ever, and so does the closing handshake: only an
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
                async with asyncio.timeout(self._seconds):
                    await send(event)
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


class ServerLogFilter(logging.Filter):
    """Keeps secrets and false alarms out of uvicorn's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut query strings; drop frames, and what is said of denials, lost clients, bad UTF-8."""
        if record.levelno < logging.INFO:
            return False
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
            )
        return not str(record.msg).startswith(
            ("ASGI callable returned without completing", "Invalid UTF-8 sequence")
        )


_log_filter = ServerLogFilter()


def wrap(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Put the app into its ASGI wrappers and the filter into uvicorn's log."""
    for name in ("uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).addFilter(_log_filter)
    return DenialResponses(SendDeadline(app, settings.send_timeout))


def create_asgi(
    settings: Settings | None = None, connections: Connections | None = None
) -> ASGIApp:
    """Return the service as `serve` runs it.

    Raises TypeError without arguments, as another server would call it, since that one would run
    it without our protocols and settings. uvicorn's `--factory` then exits with that line.
    """
    if settings is None or connections is None:
        raise TypeError(f"run the service with `python -m {__package__}`")
    if settings.dev:
        logging.getLogger(__name__).warning("development mode: nothing is secret")
    return wrap(create_app(settings, connections=connections), settings)


class Server(uvicorn.Server):
    """uvicorn, but with a closing handshake for everybody before it cuts the connections.

    uvicorn sends 1012 and closes the socket at once. What a client has sent meanwhile makes the
    kernel reset the connection, and a reset can destroy the close frame before the client reads it.
    """

    def __init__(self, config: uvicorn.Config, connections: Connections, grace: float) -> None:
        """Take at most `grace` seconds for the closing handshakes."""
        super().__init__(config)
        self._connections = connections
        self._grace = grace
        self._descriptors = Descriptors()

    async def on_tick(self, counter: int) -> bool:
        """Look after the file descriptors, ten times a second."""
        self._descriptors.check()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, close every connection with 1012, then do what uvicorn does.

        Who has not answered by then, does not read or does not finish a request is cut off.
        """
        for server in self.servers:
            server.close()
        self._connections.restart()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                # A second Ctrl+C sets `force_exit`; uvicorn has no event for any of it.
                while self._is_closing() and not self.force_exit:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        for protocol in tuple(self.server_state.connections):
            if _is_waiting(protocol) or protocol.transport.get_write_buffer_size() > 0:
                protocol.transport.abort()
        await super().shutdown(sockets)

    def _is_closing(self) -> bool:
        return len(self._connections) > 0 or any(map(_is_waiting, self.server_state.connections))


def _is_waiting(protocol: Any) -> bool:
    """Tell whether the client still has to answer a close frame or to finish a request."""
    return getattr(protocol, "close_sent", False) or getattr(protocol, "receiving", False)


def create_server(
    app: ASGIApp, settings: Settings, connections: Connections, **options: Any
) -> Server:
    """Return the server; an option of `uvicorn.Config` that is given wins."""
    defaults: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxies),
        # Given always: uvicorn would read FORWARDED_ALLOW_IPS.
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "http": partial(HttpProtocol, head_timeout=settings.head_timeout),
        "ws": Protocol,
        "ws_max_size": settings.max_message_size,
        "ws_ping_interval": settings.ping_interval,
        "ws_ping_timeout": settings.ping_timeout,
        # Compression makes an idle connection 2.4 times as large.
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": settings.shutdown_grace / 3,
    }
    config = uvicorn.Config(app, **(defaults | options))
    return Server(config, connections, settings.shutdown_grace / 2)


def listen(config: uvicorn.Config, settings: Settings) -> socket.socket:
    """Listen; have the kernel drop a client that acknowledges nothing within the send deadline.

    Without that a closed connection whose client does not read keeps its buffers for ever.
    """
    sock = config.bind_socket()
    if _TCP_USER_TIMEOUT is not None:
        milliseconds = int(settings.send_timeout * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, milliseconds)
    sock.listen(config.backlog)
    return sock


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    connections = Connections(settings, time.time)
    server = create_server(create_asgi(settings, connections), settings, connections)
    with contextlib.suppress(KeyboardInterrupt):
        server.run([listen(server.config, settings)])
