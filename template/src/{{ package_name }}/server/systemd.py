"""What systemd hands over and is told: sockets (sd_listen_fds(3)) and states (sd_notify(3))."""

import logging
import os
import socket

logger = logging.getLogger(__name__)

_FIRST_DESCRIPTOR = 3


def inherited_sockets() -> list[socket.socket]:
    """Return the sockets of a `.socket` unit, which listen already; none without one."""
    # Who is started by this process inherits the environment, but not the sockets.
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    descriptors = range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + count)
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for sock in sockets:
        logger.info("systemd listens on %s", sock.getsockname())
    return sockets


def notify(state: str) -> None:
    """Tell a unit of `Type=notify` a state, such as `READY=1`; without one, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        # unix(7): an abstract socket.
        address = address.replace("@", "\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError as error:
            logger.warning("systemd was not told %s: %s", state, error)
