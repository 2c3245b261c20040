"""The open connections of this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from falcon import HTTPServiceUnavailable, HTTPUnauthorized
from falcon.asgi import Request, Response, WebSocket

from .broker import Deliver
from .close_codes import CloseCode
from .connection import Connection
from .drain import Pause, spread
from .events import EventStream
from .limits import Limits
from .media import Encoded, payload_type_of
from .messages import M, Resync, TypeForm
from .principal import Principal, principal_of
from .trail import REQUEST_ID, logged
from .wire import WIRE, WRITE, write_nothing

Subscribe = Callable[[Deliver], AbstractAsyncContextManager[object]]

OPENED = "realtime.opened"
"""The key in the ASGI scope of the exit stack that closes what a response has opened."""


async def accept(req: Request, ws: WebSocket) -> None:
    """Accept the WebSocket, with the subprotocol that the middleware has selected."""
    headers = {"X-Request-ID": req.scope[REQUEST_ID]} if REQUEST_ID in req.scope else None
    await ws.accept(req.context.get("subprotocol"), headers)


class Registry:
    """Opens connections and event streams for the resources; ends them with the service."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float],
        verify: Callable[[Request], object] | None = None,
    ) -> None:
        """Keep to these limits; `clock` returns POSIX seconds.

        `verify` is called once more when a connection is open: it raises an `HTTPError` if the
        credential has been revoked meanwhile.
        """
        self._limits = limits
        self._clock = clock
        self._verify = verify
        self._open: dict[Connection[Any] | EventStream, Principal] = {}
        self._draining = False

    def __len__(self) -> int:
        """Return how many are open, event streams included."""
        return len(self._open)

    async def check(self) -> None:
        """Raise an `HTTPError` once the service stops, as a part of what must be ready."""
        self.deny_if_stopping()

    def deny_if_stopping(self) -> None:
        """Raise a 503 once the service stops."""
        if self._draining:
            raise HTTPServiceUnavailable(description="The service is stopping.", retry_after=1)

    def stop_admitting(self) -> None:
        """Deny new connections and streams with 503; those that are open go on."""
        self._draining = True

    async def drain(self, window: float = 0.0, pause: Pause = asyncio.sleep) -> None:
        """Deny new ones; close every connection with 1012 and end every stream, what is sent first.

        They are spread over `window` seconds: clients that all leave at once all come back at once.
        """
        self.stop_admitting()
        closings = [partial(each.close, CloseCode.RESTART) for each in self._open]
        await spread(closings, window, pause)
        # Those whose handshake was on its way meanwhile.
        self.close_all(lambda principal: True, CloseCode.RESTART)

    def close_all(self, matches: Callable[[Principal], bool], code: CloseCode) -> None:
        """Close each connection and stream whose principal matches, as when rights change."""
        for connection, principal in tuple(self._open.items()):
            if matches(principal):
                connection.close(code)

    @asynccontextmanager
    async def open(
        self, req: Request, ws: WebSocket, expected: TypeForm[M]
    ) -> AsyncIterator[Connection[M]]:
        """Accept the WebSocket; yield a connection that receives the `expected` types of message.

        To deny the handshake, raise an `HTTPError` first: the client gets its status and body.
        Where the credential comes in the first message, the WebSocket is accepted already.
        """
        principal = principal_of(req)
        lifetime = self._admit(principal)
        if ws.unaccepted:
            await accept(req, ws)
        payload_type = payload_type_of(req.context.get("subprotocol"))
        wire = req.scope["extensions"][WIRE]
        connection = Connection(ws, wire, expected, self._limits, lifetime, payload_type)
        self._open[connection] = principal
        try:
            if self._verify is not None and principal is not Principal.anonymous:
                self._verify(req)
            async with logged(req, principal, connection), connection.open():
                yield connection
        finally:
            del self._open[connection]

    def resync(self) -> None:
        """Tell every client that messages may have been lost."""
        message = Encoded(Resync())
        for connection in tuple(self._open):
            connection.send(message)

    async def stream(self, req: Request, resp: Response, subscribe: Subscribe) -> None:
        """Answer with Server-Sent Events: the messages of the subscription.

        Raises an HTTPError where `open` would.
        """
        principal = principal_of(req)
        write = req.scope.get("extensions", {}).get(WRITE, write_nothing)
        stream = EventStream(self._limits, self._admit(principal), write)
        # Falcon closes no iterator of events, and the garbage collector is no place to run
        # asynchronous code: the app closes this stack once the answer has ended, however it ends.
        opened = req.scope.setdefault(OPENED, AsyncExitStack())
        self._open[stream] = principal
        opened.callback(self._open.pop, stream)
        await opened.enter_async_context(subscribe(stream.send))
        resp.cache_control = ["no-store"]
        # nginx would hold the events back until it has enough of them.
        resp.set_header("X-Accel-Buffering", "no")
        resp.sse = stream

    def _admit(self, principal: Principal) -> float:
        """Return for how many seconds the principal may stay; raise an HTTPError if not at all."""
        self.deny_if_stopping()
        lifetime = principal.expires_at - self._clock()
        if lifetime <= 0:
            raise HTTPUnauthorized(description="The credential has expired.")
        return lifetime
