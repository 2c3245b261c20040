"""The protocol as the wire of its connection: see `realtime/wire.py`."""

from typing import Any, cast

from ..realtime.wire import WIRE, Deliver, Wire
from .access import log_refusal
from .ws_protocol import WebSocketProtocol


class WiredProtocol(WebSocketProtocol):
    """Hands messages over and takes frames without a queue and a task in between."""

    def handle_connect(self, event: Any) -> None:
        """Offer the wire in the ASGI scope."""
        super().handle_connect(event)
        if not self.close_sent:
            wire: Wire = self
            cast(dict[str, Any], self.scope["extensions"])[WIRE] = wire
        else:
            log_refusal(self.client, self.response.status_code)

    def deliver(self, deliver: Deliver) -> None:
        """Have `deliver` called with each event in its order, first those that wait."""
        waiting, self.queue = self.queue, cast(Any, _Delivery(deliver))
        while not waiting.empty():
            self.queue.put_nowait(waiting.get_nowait())
        # uvicorn pauses at each message, but where it thinks that it has done so already.
        self.read_paused = True
        self._read_on()

    def pause(self) -> None:
        """Handle nothing more of what has been read, and read no more."""
        # What a client sent before it was lost has no other place to wait.
        if not self.disconnected:
            self._held = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Go on, in the next turn of the loop."""
        self._held = False
        self._read_on()

    def write(self, frame: bytes) -> bool:
        """Send a frame; return False where that would wait, or nobody is there."""
        if (
            not self.writable.is_set()
            or self.close_sent
            or self.conn.close_rcvd is not None
            or self.transport.is_closing()
        ):
            return False
        self.transport.write(frame)
        return True

    def _waits(self) -> bool:
        return self._held if isinstance(self.queue, _Delivery) else super()._waits()

    def _read_on(self) -> None:
        if not (self._held or self.transport.is_closing()):
            self._go_on()


class _Delivery:
    """Stands in for uvicorn's queue: what is put there is delivered at once, and counted."""

    __slots__ = ("_count", "_deliver")

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._count = 0

    def put_nowait(self, event: Any) -> None:
        self._count += 1
        self._deliver(event)

    def qsize(self) -> int:
        """Return how many have been delivered: the protocol asks how many more there are."""
        return self._count
