"""How the service is served: uvicorn, its options, its socket."""

import contextlib
import logging
import socket
from functools import partial
from typing import Any

import uvicorn

from ..realtime import RealtimeApp, Registry
from .asgi import wrap
from .interface import ASGIApp
from .server import Plan, Server
from .settings import ServerSettings
from .systemd import inherited_sockets

logger = logging.getLogger(__name__)

# Linux: how long sent data may stay unacknowledged before the kernel gives the connection up.
_TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)


def create_server(
    app: ASGIApp, settings: ServerSettings, registry: Registry, **options: Any
) -> Server:
    """Return the server; an option of `uvicorn.Config` that is given wins."""
    # As uvicorn does: what serves nothing, such as a command, need not import the protocols.
    from .http_wire import WiredHttpProtocol
    from .ws_wire import WiredProtocol

    defaults: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "lifespan": "on",
        # As `set_up_logging` has it.
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxies),
        # Given always: uvicorn would read FORWARDED_ALLOW_IPS.
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "http": partial(WiredHttpProtocol, head_timeout=settings.head_timeout),
        "ws": WiredProtocol,
        "ws_max_size": settings.max_message_size,
        "ws_ping_interval": settings.ping_interval,
        "ws_ping_timeout": settings.ping_timeout,
        # Compression makes an idle connection 2.4 times as large.
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": settings.closing_time / 3,
    }
    config = uvicorn.Config(app, **(defaults | options))
    plan = Plan(settings.shutdown_delay, settings.drain_window, settings.closing_time / 2)
    return Server(config, registry, plan)


def listen(
    config: uvicorn.Config, send_timeout: float, sock: socket.socket | None = None
) -> socket.socket:
    """Listen; have the kernel drop a client that acknowledges nothing for `send_timeout` seconds.

    Without that a closed connection whose client does not read keeps its buffers for ever. What
    listens is `sock`, or else a socket at the host and port of `config`.
    """
    sock = sock or config.bind_socket()
    if _TCP_USER_TIMEOUT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, int(send_timeout * 1000))
    sock.listen(config.backlog)
    return sock


def serve(app: RealtimeApp, settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    if settings.dev:
        logger.warning("development mode: nothing is secret")
    server = create_server(wrap(app, settings.send_timeout), settings, app.registry)
    # In development, only this machine may connect, whatever systemd listens on.
    inherited: list[socket.socket | None] = [] if settings.dev else [*inherited_sockets()]
    with contextlib.suppress(KeyboardInterrupt):
        server.run(
            [listen(server.config, settings.send_timeout, sock) for sock in inherited or [None]]
        )
