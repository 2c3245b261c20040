"""How a client joins a topic: at once, or from where it left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from falcon.asgi import Request

from .broker import Broker, Deliver
from .media import Encoded
from .messages import Joined


def since_of(req: Request) -> str | None:
    """Return the position that a client gives to hear what it has missed.

    That is `Last-Event-ID`, as browsers send it when an event stream has broken off (HTML Standard,
    section 9.2), or the parameter `since` of the query.
    """
    return req.get_header("Last-Event-ID") or req.get_param("since") or None


@asynccontextmanager
async def joined(
    broker: Broker, topic: str, deliver: Deliver, since: str | None
) -> AsyncIterator[None]:
    """Deliver `joined`, what was missed since that position, and then each message of the topic."""
    async with broker.subscribe(topic, deliver, since) as subscription:
        # Nothing may be awaited here, or a new message would come before these.
        deliver(Encoded(Joined(subscription.recovered).at(subscription.position)))
        for message in subscription.missed:
            deliver(message)
        yield
