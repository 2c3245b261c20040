"""What a client hears as Server-Sent Events."""

import json
from collections.abc import Awaitable, Callable
from typing import Any


class Listener:
    """Hears one event after the other."""

    def __init__(self, read: Callable[[], Awaitable[bytes]], headers: dict[str, str]) -> None:
        """Take the body from `read`, which raises EOFError at its end."""
        self.headers = headers
        self.last_id = ""
        self._read = read
        self._rest = b""

    async def hear(self) -> Any:
        """Return the next message."""
        while (message := await self.hear_event()) is None:
            pass
        return message

    async def hear_event(self) -> Any:
        """Return the message in the next event, None if that is a comment."""
        while b"\n\n" not in self._rest:
            self._rest += await self._read()
        event, _, self._rest = self._rest.partition(b"\n\n")
        fields = dict(line.split(": ", 1) for line in event.decode().split("\n"))
        self.last_id = fields.get("id", self.last_id)
        return json.loads(fields["data"]) if "data" in fields else None
