"""HTTP requests in order: each that has arrived completely is handled, even if its client left."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

from .http_limits import LimitedHttpProtocol

_MAX_AHEAD = 65_536
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Flow(FlowControl):
    """Reads on only while nothing waits to be parsed."""

    held = False

    def resume_reading(self) -> None:
        """Read on, unless something is held."""
        if not self.held:
            super().resume_reading()


class WholeHttpProtocol(LimitedHttpProtocol):
    """Loses no request that has arrived, in a pipeline or from a client that closes at once.

    uvicorn 0.54 tells a request that its client has left before it hands over the body, drops those
    that wait in the pipeline, closes where only the client's direction has ended, and forgets a
    running answer when the next request begins, so that an event stream would never hear that its
    listener has left. Needed until it does none of that.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **options)
        self._running: Any = None
        self._over = False
        self._at_eof = False

    def connection_made(self, transport: Any) -> None:
        """Bound what is read ahead of the answers."""
        super().connection_made(transport)
        self.flow = self._flow = Flow(transport)

    def _feed(self) -> None:
        super()._feed()
        ahead = len(self._rest) + (len(self.cycle.body) if self.pipeline else 0)
        self._flow.held = ahead > _MAX_AHEAD
        if self._flow.held:
            self._flow.pause_reading()
        elif self.pipeline:
            # An answer makes a client that has closed reset the connection, and then the kernel
            # drops what nobody has read: so read on, although uvicorn waits for the answer.
            self._flow.resume_reading()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            finally:
                self._over = True
                if self._lost:
                    self.loop.call_soon(self._go_on)

        self._running, self._over = cycle, False
        cycle.disconnected = self._lost
        cycle.receive = _whole_first(cycle)
        super()._start_asgi_task(cycle, answer)

    def on_response_complete(self) -> None:
        """Go on with the next request, or with what is not parsed yet."""
        super().on_response_complete()
        if self._rest and not self._holds:
            self.loop.call_soon(self._feed)
        elif self._at_eof and not self._answering:
            self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio reads what it returns
        """Keep the other direction open for the answers.

        Half a body never becomes whole, and a listener who ends its own direction has left.
        """
        self._at_eof = True
        half = self.receiving and not self._rest
        return self._answering and not (half or self._running.response_started)

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle what has arrived, though nobody is there for the answers."""
        parser, self._lost = self.parser, True
        super().connection_lost(exc)
        if self._answering or self._rest:
            self.parser = parser
            self._running.disconnected = True
            self._running.message_event.set()
            if self._over:
                self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Handle the next request that does more than ask for an answer, or the next turn."""
        if self._running.keep_alive and (self.pipeline or self._rest):
            self._feed()
            while self.pipeline and self._over:
                cycle, app = self.pipeline.pop()
                if cycle.scope["method"] not in _SAFE_METHODS:
                    self._start_asgi_task(cycle, app)
            if self._over:
                self.loop.call_soon(self._go_on)
        else:
            # It refers to this protocol, which refers to it.
            self.parser = None  # type: ignore[assignment]


def _whole_first(cycle: Any) -> Callable[[], Any]:
    """Return its `receive`, which hands over a whole body before it tells that the client left."""
    plainly, handed_over = cycle.receive, False

    async def receive() -> Any:
        nonlocal handed_over
        if cycle.disconnected and not cycle.more_body and not handed_over:
            handed_over = True
            return {"type": "http.request", "body": bytes(cycle.body), "more_body": False}
        event = await plainly()
        handed_over = handed_over or event.get("more_body") is False
        return event

    return receive
