"""What one client may use at most: sizes, counts and deadlines."""

import math

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt


class Limits(BaseModel):
    """Each bound with its default: durations in seconds, sizes in bytes, text in characters."""

    max_message_size: PositiveInt = 65_536
    """A larger message from a client closes its connection with 1009; a larger body gets 413."""
    body_timeout: PositiveFloat = 5.0
    """How long the body of an HTTP request may take."""
    max_errors: PositiveInt = 10
    """After so many malformed messages a connection is closed with 1007."""
    inbox_messages: PositiveInt = 16
    """How many messages may wait for the resource before the receive loop waits too."""
    inbox_timeout: PositiveFloat = 5.0
    """How long it waits before it closes the connection with 1013."""
    outbox_messages: PositiveInt = 256
    """How many messages may wait for a slow client before it is closed with 4002."""
    outbox_size: PositiveInt = 1_048_576
    """How large they may be together."""
    send_timeout: float = Field(default=5.0, ge=0.001, le=3600)
    """How long a single send may take before the service gives up on the client."""
    idle_timeout: PositiveFloat = math.inf
    """How long no message may pass in either direction before a connection is closed with 4004."""
    keepalive_interval: float = Field(default=5.0, ge=0.001, le=60)
    """How long an event stream may be silent; only then is a listener who has left noticed."""
    responder_grace: PositiveFloat = 1.0
    """How long a responder may go on after its connection has ended, anew for each message."""
    finish_timeout: PositiveFloat = 30.0
    """How long it may go on in total, over the messages that had arrived."""
