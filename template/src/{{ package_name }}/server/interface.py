"""What ASGI apps, servers and wrappers hand each other."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Event], Coroutine[Any, Any, None]]
ASGIApp = Callable[[Event, Receive, Send], Awaitable[None]]
