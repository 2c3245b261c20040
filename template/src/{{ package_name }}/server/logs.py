"""What the server logs: no secrets, no false alarms."""

import logging


class ServerLogFilter(logging.Filter):
    """Keeps secrets and false alarms out of uvicorn's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut query strings; drop whole frames, and complaints about denials and bad UTF-8."""
        if record.levelno < logging.INFO:
            return False
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
            )
        return not str(record.msg).startswith(
            ("ASGI callable returned without completing", "Invalid UTF-8 sequence")
        )


_filter = ServerLogFilter()


def set_up_logging() -> None:
    """Log to the standard error from INFO on, and filter what uvicorn has to say."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:     %(name)s: %(message)s")
    filter_server_logs()


def filter_server_logs() -> None:
    """Put the filter into uvicorn's loggers."""
    for name in ("uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).addFilter(_filter)
