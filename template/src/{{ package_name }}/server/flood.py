"""The log cannot be flooded: of what anybody can cause, a few lines a second are enough."""

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

_MAX_DENIALS = 10
_WINDOW = 1.0


class FloodFilter(logging.Filter):
    """Lets ten lines a second through that tell of a denial, and counts the others.

    Such a line has the attribute `denied`, or is a warning of uvicorn's about a client.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure the second with `clock`."""
        super().__init__()
        self._clock = clock
        self._began = -_WINDOW
        self._passed = self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line may be written."""
        of_uvicorn = record.name == "uvicorn.error" and record.levelno == logging.WARNING
        if not (getattr(record, "denied", False) or of_uvicorn):
            return True
        self.report()
        if self._clock() >= self._began + _WINDOW:
            self._began, self._passed = self._clock(), 0
        self._passed += 1
        if self._passed > _MAX_DENIALS:
            self._left_out += 1
        return self._passed <= _MAX_DENIALS

    def report(self) -> None:
        """Once the second is over, tell how many lines were left out."""
        if self._left_out and self._clock() >= self._began + _WINDOW:
            left_out, self._left_out = self._left_out, 0
            logger.warning("denials were left out of the log", extra={"count": left_out})


flood = FloodFilter()
"""The one of this process."""
