"""What was published lately, for clients that come back."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .limits import Limits
from .media import DEFAULT_PAYLOAD_TYPE, Encoded

Id = tuple[int, ...]
"""The number of a published message; a later one is greater."""

_OVERHEAD = 1_024
"""About what Python needs for a message beside its payload, in bytes."""
_MAX_STARTS = 10_000
_MAX_DIGITS = 20


class _Entry(NamedTuple):
    id: Id
    message: Encoded
    size: int
    at: float


@dataclass(slots=True)
class _Ring:
    start: Id
    """Everything after it is in the ring."""
    entries: deque[_Entry] = field(default_factory=deque)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """How a subscription began."""

    position: str
    """The newest position at that moment."""
    recovered: bool | None = None
    """Whether `missed` is all that came after the given position; None if there was none."""
    missed: tuple[Encoded, ...] = ()
    """What came after it, in order."""


class History:
    """The latest messages of each topic, within the bounds of the `history_` limits.

    A position is `<epoch>-<id>`. The epoch is random, so that one from another history is told
    from ours. To clients it is opaque.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure the age of messages with `clock`, in seconds."""
        self._limits = limits
        self._clock = clock
        self.reset(secrets.token_hex(8))

    def reset(self, epoch: str, newest: Id = (0,)) -> None:
        """Forget everything; no position from before is good any more."""
        self._epoch = epoch
        self._newest = newest
        # The topic that has been silent for longest comes first.
        self._rings: OrderedDict[str, _Ring] = OrderedDict()
        self._size = 0
        # Where topics begin whose messages are all gone, and where those do that are not named.
        self._starts: OrderedDict[str, Id] = OrderedDict()
        self._start = newest

    @property
    def position(self) -> str:
        """The newest position."""
        return self.position_of(self._newest)

    def position_of(self, id: Id) -> str:
        """Return the position of the message with that number."""
        return "-".join((self._epoch, *map(str, id)))

    def next_id(self) -> Id:
        """Return the number after the newest one."""
        return (self._newest[0] + 1,)

    def add(self, topic: str, id: Id, message: Encoded) -> None:
        """Keep a message, whose number is the newest; drop what has no room any more."""
        self._newest = id
        now = self._clock()
        ring = self._rings.get(topic)
        if ring is None:
            ring = self._rings[topic] = _Ring(self._starts.pop(topic, self._start))
        else:
            self._rings.move_to_end(topic)
        size = len(message.payload(DEFAULT_PAYLOAD_TYPE))
        ring.entries.append(_Entry(id, message, size, now))
        ring.size += size
        self._size += size + _OVERHEAD
        self._prune(ring, now)
        self._prune_silent(now)

    def subscription(self, topic: str, since: str | None) -> Subscription:
        """Return how a subscription of the topic begins."""
        if since is None:
            return Subscription(self.position)
        missed = self._missed(topic, since)
        return Subscription(self.position, missed is not None, missed or ())

    def _missed(self, topic: str, position: str) -> tuple[Encoded, ...] | None:
        id = self._parse(position)
        ring = self._rings.get(topic)
        if ring is not None:
            self._prune(ring, self._clock())
        start = self._starts.get(topic, self._start) if ring is None else ring.start
        if id is None or not start <= id <= self._newest:
            return None
        return () if ring is None else tuple(e.message for e in ring.entries if e.id > id)

    def _parse(self, position: str) -> Id | None:
        epoch, *numbers = position.split("-")
        known = epoch == self._epoch and len(numbers) == len(self._newest)
        if not known or any(
            not (n.isascii() and n.isdigit() and len(n) <= _MAX_DIGITS) for n in numbers
        ):
            return None
        return tuple(map(int, numbers))

    def _prune(self, ring: _Ring, now: float) -> None:
        limits, entries = self._limits, ring.entries
        while entries and (
            len(entries) > limits.history_messages
            or ring.size > limits.history_size
            or now - entries[0].at > limits.history_seconds
        ):
            self._drop_oldest(ring)

    def _prune_silent(self, now: float) -> None:
        """Drop topics that have been silent for too long, or for longest where all is too much."""
        while self._rings:
            topic, ring = next(iter(self._rings.items()))
            if self._size > self._limits.history_total and ring.entries:
                self._drop_oldest(ring)
            elif ring.entries and now - ring.entries[-1].at <= self._limits.history_seconds:
                return
            else:
                self._forget(topic)

    def _drop_oldest(self, ring: _Ring) -> None:
        entry = ring.entries.popleft()
        ring.start = entry.id
        ring.size -= entry.size
        self._size -= entry.size + _OVERHEAD

    def _forget(self, topic: str) -> None:
        ring = self._rings.pop(topic)
        while ring.entries:
            self._drop_oldest(ring)
        self._starts[topic] = ring.start
        if len(self._starts) > _MAX_STARTS:
            _, start = self._starts.popitem(last=False)
            self._start = max(self._start, start)
