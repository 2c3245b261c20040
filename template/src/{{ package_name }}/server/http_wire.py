"""The HTTP protocol as the wire of event streams: see `realtime/wire.py`."""

from functools import partial
from typing import Any

from ..realtime.wire import WRITE
from .http_protocol import HttpProtocol


class WiredHttpProtocol(HttpProtocol):
    """Writes chunks of a response without a task and an ASGI event in between."""

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Offer the wire in the ASGI scope."""
        cycle.scope["extensions"] = {WRITE: partial(_write, cycle)}
        super()._start_asgi_task(cycle, app)


def _write(cycle: Any, chunk: bytes) -> bool:
    """Write a chunk; return False where that would wait, there is no such body, or nobody."""
    if (
        not cycle.chunked_encoding
        or cycle.response_complete
        or cycle.disconnected
        or cycle.flow.write_paused
        or cycle.transport.is_closing()
    ):
        return False
    cycle.transport.write(chunk)
    return True
