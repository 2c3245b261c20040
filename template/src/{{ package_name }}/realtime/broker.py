"""The broker: how a message reaches the other connections."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, Self

from .history import History, Subscription
from .limits import Limits
from .media import Encoded
from .messages import Error, ServerMessage

Deliver = Callable[[Encoded], None]

UNAVAILABLE = Error("unavailable", "The message was not published: try again later")
"""What a client hears whose message the broker could not take."""


class BrokerUnavailableError(OSError):
    """The broker cannot carry messages now: 503 over HTTP, the error `unavailable` otherwise."""


class Broker(Protocol):
    """What a broker does; `async with broker` spans the life of the service."""

    async def __aenter__(self) -> Self:
        """Start."""

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop."""

    async def check(self) -> None:
        """Raise OSError if it could not deliver a message now."""

    async def publish(self, topic: str, message: ServerMessage) -> str:
        """Hand the message to every subscriber of the topic, in the order of publication.

        Returns its position. Raises BrokerUnavailableError if it may not have been published.
        """

    def subscribe(
        self, topic: str, deliver: Deliver, since: str | None = None
    ) -> AbstractAsyncContextManager[Subscription]:
        """Have `deliver` called with each message of the topic; it neither blocks nor raises.

        With the position `since`, the subscription has what was published after it, if all of that
        is known. Nothing falls between that and what is delivered.
        """

    def on_gap(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when messages may have been lost."""


class MemoryBroker:
    """Carries messages between the connections of one process."""

    def __init__(
        self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep a history within these limits; `clock` returns seconds."""
        self._topics: dict[str, dict[object, Deliver]] = {}
        self._history = History(limits or Limits(), clock)

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

    async def publish(self, topic: str, message: ServerMessage) -> str:
        """Hand the message, encoded once, to every subscriber of the topic; return its position."""
        number = self._history.next_id()
        position = self._history.position_of(number)
        encoded = Encoded(message.at(position))
        self._history.add(topic, number, encoded)
        # A copy: what is delivered may close a connection, and that may end its subscription.
        for deliver in tuple(self._topics.get(topic, {}).values()):
            deliver(encoded)
        return position

    @asynccontextmanager
    async def subscribe(
        self, topic: str, deliver: Deliver, since: str | None = None
    ) -> AsyncIterator[Subscription]:
        """Have `deliver` called with each message of the topic, until the block ends."""
        subscription = object()
        self._topics.setdefault(topic, {})[subscription] = deliver
        try:
            yield self._history.subscription(topic, since)
        finally:
            del self._topics[topic][subscription]
            if not self._topics[topic]:
                del self._topics[topic]

    def on_gap(self, callback: Callable[[], None]) -> None:
        """Do nothing: memory loses no message while the service runs."""
