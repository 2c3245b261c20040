"""uvicorn's server, with an orderly end."""

import asyncio
import contextlib
import socket
from typing import Any

import uvicorn

from ..realtime import Registry
from .descriptors import Descriptors
from .flood import flood
from .systemd import notify


class Server(uvicorn.Server):
    """uvicorn, but with a closing handshake for everybody before it cuts the connections.

    uvicorn sends 1012 and closes the socket at once. What a client has sent meanwhile makes the
    kernel reset the connection, and a reset can destroy the close frame before the client reads it.
    """

    def __init__(self, config: uvicorn.Config, registry: Registry, grace: float) -> None:
        """Take at most `grace` seconds for the closing handshakes."""
        super().__init__(config)
        self._registry = registry
        self._grace = grace
        self._descriptors = Descriptors()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the service and listen; then tell systemd."""
        await super().startup(sockets)
        notify("READY=1")

    async def on_tick(self, counter: int) -> bool:
        """Look after the file descriptors and the log, ten times a second."""
        self._descriptors.check()
        flood.report()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, close every connection with 1012, then do what uvicorn does.

        Then cut off clients that have not answered, do not read or have not finished a request.
        """
        notify("STOPPING=1")
        for server in self.servers:
            server.close()
        self._registry.drain()
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
        return len(self._registry) > 0 or any(map(_is_waiting, self.server_state.connections))


def _is_waiting(protocol: Any) -> bool:
    """Tell whether the client still has to answer a close frame or to finish a request."""
    return getattr(protocol, "close_sent", False) or getattr(protocol, "receiving", False)
