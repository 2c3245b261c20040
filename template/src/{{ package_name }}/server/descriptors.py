"""File descriptors: a line in the log when none are left."""

import errno
import logging
import os
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

_SILENCE = 60.0


class Descriptors:
    """Logs that there are none, at most once a minute.

    uvloop's accept (libuv, `uv__emfile_trick`) then takes each new connection and closes it, and
    tells nobody.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure the minute with `clock`, in seconds."""
        self._clock = clock
        self._silent_until = -_SILENCE

    def check(self) -> None:
        """Try to get one."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE} and self._clock() >= self._silent_until:
                self._silent_until = self._clock() + _SILENCE
                logger.error("no file descriptors are left: new connections are dropped")
