"""What ASGI apps, servers and wrappers hand each other."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Event], Awaitable[None]]
ASGIApp = Callable[[Event, Receive, Send], Awaitable[None]]
