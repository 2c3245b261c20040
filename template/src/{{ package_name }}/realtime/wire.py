"""The wire of a WebSocket: what a connection needs of the server, with nothing in between."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

Event = dict[str, Any]
Deliver = Callable[[Event], None]
Write = Callable[[bytes], bool]

WIRE = "realtime.wire"
"""Among the extensions in the ASGI scope: the `Wire`, if the server has one of its own."""
WRITE = "realtime.write"
"""Among those of an HTTP request: has a chunk of its response written, as `Wire.write` a frame."""

_TEXT, _BINARY = 0x81, 0x82
_SHORT, _MEDIUM = 126, 65_536
_ABNORMAL = 1006


class Wire(Protocol):
    """What a server offers beside `receive` and `send`; nothing here waits.

    A message that passes through here wakes no task but the one that handles it. ASGI middleware
    sees the handshake and the end, and neither these messages nor what is written.
    """

    def deliver(self, deliver: Deliver) -> None:
        """Have `deliver` called with each event of ASGI in its order, first those that wait."""

    def pause(self) -> None:
        """Deliver nothing more while the client is there: so it has to wait."""

    def resume(self) -> None:
        """Go on, soon."""

    def write(self, frame: bytes) -> bool:
        """Send a frame; return False and do nothing where that would wait, or nobody is there."""


class ReceivingWire:
    """The wire on top of `receive`, for any ASGI server; lasts as long as its block."""

    def __init__(self, receive: Callable[[], Awaitable[Event]]) -> None:
        """Read from `receive` once somebody wants it delivered."""
        self._receive = receive
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin: nothing to do."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Read nothing more; raise what went wrong."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
            if not self._reader.cancelled():
                self._reader.result()

    def deliver(self, deliver: Deliver) -> None:
        """Read in a task."""
        self._reader = asyncio.create_task(self._read(deliver))

    def pause(self) -> None:
        """Have the reader wait."""
        self._goes_on.clear()

    def resume(self) -> None:
        """Let the reader go on."""
        self._goes_on.set()

    def write(self, frame: bytes) -> bool:
        """Do nothing: ASGI has no send that does not wait."""
        return write_nothing(frame)

    async def _read(self, deliver: Deliver) -> None:
        try:
            while True:
                event = await self._receive()
                deliver(event)
                if event["type"] == "websocket.disconnect":
                    break
                await self._goes_on.wait()
        except Exception:
            deliver({"type": "websocket.disconnect", "code": _ABNORMAL})
            raise


def write_nothing(data: bytes) -> bool:
    """Stand in for the `write` of a server that has none."""
    return False


def frame(payload: str | bytes) -> bytes:
    """Return the payload in a frame as a server sends it: whole, unmasked (RFC 6455 section 5.2).

    It is made once for all who get it; the server's own library makes it anew for each of them.
    """
    opcode, data = (_TEXT, payload.encode()) if isinstance(payload, str) else (_BINARY, payload)
    size = len(data)
    if size < _SHORT:
        return bytes((opcode, size)) + data
    if size < _MEDIUM:
        return struct.pack("!BBH", opcode, _SHORT, size) + data
    return struct.pack("!BBQ", opcode, _SHORT + 1, size) + data


def chunk(data: bytes) -> bytes:
    """Return the data as a chunk of a response whose length is open (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)
