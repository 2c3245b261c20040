"""What one client may use at most: sizes, counts and deadlines."""

import math
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator


class Limits(BaseModel):
    """Each bound with its default: durations in seconds, sizes in bytes, text in characters."""

    # The settings are several classes, of which only the last is ever made: build only that one.
    model_config = ConfigDict(defer_build=True)

    max_message_size: PositiveInt = 65_536
    """A larger message from a client closes its connection with 1009; a larger body gets 413."""
    body_timeout: PositiveFloat = 5.0
    """How long the body of an HTTP request may take."""
    max_errors: PositiveInt = 10
    """After so many malformed messages a connection is closed with 1007."""
    inbox_messages: PositiveInt = 16
    """How many messages may wait for the resource before the client has to wait."""
    inbox_timeout: PositiveFloat = 5.0
    """How long it waits before its connection is closed with 1013."""
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
    history_messages: PositiveInt = 100
    """How many messages of a topic are kept for clients that come back."""
    history_seconds: PositiveFloat = 300.0
    """For how long."""
    history_size: PositiveInt = 524_288
    """How large those of a topic may be together."""
    history_total: PositiveInt = 67_108_864
    """How much memory those of all topics may take, about."""

    @model_validator(mode="after")
    def _check_history(self) -> Self:
        messages = self.outbox_messages > self.history_messages
        # Another format than the one by which the history measures may take more.
        if not (messages and self.outbox_size >= 2 * self.history_size):
            raise ValueError(
                "APP_OUTBOX_MESSAGES must be larger than APP_HISTORY_MESSAGES, and APP_OUTBOX_SIZE "
                "twice APP_HISTORY_SIZE: a client that comes back is sent all of it at once"
            )
        return self
