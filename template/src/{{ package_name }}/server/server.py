"""uvicorn's server, with an orderly end."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn

from ..realtime import Registry
from .descriptors import Descriptors
from .flood import flood
from .systemd import notify

logger = logging.getLogger(__name__)

_TICK = 0.1


@dataclass(frozen=True)
class Plan:
    """How the service ends; in seconds."""

    delay: float
    """How long newcomers are denied before anybody is closed: until nobody is sent here."""
    window: float
    """Over how long the closes are spread."""
    grace: float
    """How long the last closing handshakes may take."""


class Server(uvicorn.Server):
    """uvicorn, but with a closing handshake for everybody before it cuts the connections.

    uvicorn sends 1012 and closes the socket at once. What a client has sent meanwhile makes the
    kernel reset the connection, and a reset can destroy the close frame before the client reads it.
    """

    def __init__(self, config: uvicorn.Config, registry: Registry, plan: Plan) -> None:
        """End as the plan says."""
        super().__init__(config)
        self._registry = registry
        self._plan = plan
        self._descriptors = Descriptors()
        self._hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the service and listen; then tell systemd."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        notify("READY=1")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at the second signal close everybody at once, at the next one cut what is left.

        uvicorn raises its signals again when it has stopped. Here only one that cuts counts, so
        that the exit status of an orderly end is 0.
        """
        if not self.should_exit:
            self.should_exit = True
        elif self._loop is None or self._hurry.is_set():
            self._captured_signals.append(sig)
            self.force_exit = True
        else:
            # Nothing else wakes the loop after a signal.
            self._loop.call_soon_threadsafe(self._hurry.set)

    async def on_tick(self, counter: int) -> bool:
        """Look after the file descriptors and the log, ten times a second."""
        self._descriptors.check()
        flood.report()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Deny newcomers, stop listening, close everybody with 1012, then do what uvicorn does.

        Before that, cut off clients that have not answered, do not read or have not finished a
        request.
        """
        notify("STOPPING=1")
        self._registry.stop_admitting()
        async with self._ticking():
            await self._pause(self._plan.delay)
            for server in self.servers:
                server.close()
            logger.info("closing connections", extra={"count": len(self._registry)})
            await self._registry.drain(self._plan.window, self._pause)
        # From here on, a signal has nothing to hurry but what it cuts.
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._plan.grace):
                # A signal sets `force_exit`; uvicorn has no event for any of it.
                while self._is_closing() and not self.force_exit:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        for protocol in tuple(self.server_state.connections):
            if _is_waiting(protocol) or protocol.transport.get_write_buffer_size() > 0:
                protocol.transport.abort()
        await super().shutdown(sockets)

    async def _pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until there is a hurry."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    @contextlib.asynccontextmanager
    async def _ticking(self) -> AsyncIterator[None]:
        """Do in the block what uvicorn does while it serves, such as setting the header Date."""

        async def tick() -> None:
            counter = 0
            while True:
                await self.on_tick(counter)
                counter += 1
                await asyncio.sleep(_TICK)

        task = asyncio.create_task(tick())
        try:
            yield
        finally:
            task.cancel()

    def _is_closing(self) -> bool:
        return len(self._registry) > 0 or any(map(_is_waiting, self.server_state.connections))


def _is_waiting(protocol: Any) -> bool:
    """Tell whether the client still has to answer a close frame or to finish a request."""
    return getattr(protocol, "close_sent", False) or getattr(protocol, "receiving", False)
