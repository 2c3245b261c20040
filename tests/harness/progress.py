"""How far a long run is: count, rate and time left."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any


class Progress:
    """Watches futures."""

    def __init__(
        self, futures: Collection[Future[Any]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to count."""
        self._futures = futures
        self._clock = clock
        self._begin = clock()

    def __str__(self) -> str:
        """Return a line such as `57 of 180, 0.9 a second, 2:15 left`."""
        done, total = sum(future.done() for future in self._futures), len(self._futures)
        if not done or done == total:
            return f"{done} of {total}"
        rate = done / max(self._clock() - self._begin, 1e-3)
        minutes, seconds = divmod(round((total - done) / rate), 60)
        return f"{done} of {total}, {rate:.1f} a second, {minutes}:{seconds:02} left"
