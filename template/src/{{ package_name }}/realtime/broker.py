"""The broker: how a message reaches the other connections."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, Self

from .media import Encoded
from .messages import ServerMessage

Deliver = Callable[[Encoded], None]


class Broker(Protocol):
    """What a broker does; `async with broker` spans the life of the service."""

    async def __aenter__(self) -> Self:
        """Start."""

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop."""

    async def check(self) -> None:
        """Raise OSError if it could not deliver a message now."""

    async def publish(self, topic: str, message: ServerMessage) -> None:
        """Hand the message to every subscriber of the topic, in the order of publication."""

    def subscribe(self, topic: str, deliver: Deliver) -> AbstractAsyncContextManager[None]:
        """Have `deliver` called with each message of the topic; it neither blocks nor raises."""


class MemoryBroker:
    """Carries messages between the connections of one process."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[object, Deliver]] = {}

    @property
    def topics(self) -> set[str]:
        """The topics that have subscribers."""
        return set(self._topics)

    async def __aenter__(self) -> Self:
        """Start: nothing to do."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop: nothing to do."""

    async def check(self) -> None:
        """Do nothing: memory is always there."""

    async def publish(self, topic: str, message: ServerMessage) -> None:
        """Hand the message, encoded once, to every subscriber of the topic."""
        encoded = Encoded(message)
        # A copy: what is delivered may close a connection, and that may end its subscription.
        for deliver in tuple(self._topics.get(topic, {}).values()):
            deliver(encoded)

    @asynccontextmanager
    async def subscribe(self, topic: str, deliver: Deliver) -> AsyncIterator[None]:
        """Have `deliver` called with each message of the topic, until the block ends."""
        subscription = object()
        self._topics.setdefault(topic, {})[subscription] = deliver
        try:
            yield
        finally:
            del self._topics[topic][subscription]
            if not self._topics[topic]:
                del self._topics[topic]
