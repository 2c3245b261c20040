"""What is logged, and in which form: no secrets, no false alarms, no control characters."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from .flood import flood
from .settings import ServerSettings

# What a line is marked with, and what libraries add for their own use.
_NOT_FOR_READERS = {"denied", "color_message", "websocket", "message", "asctime"}
_FALSE_ALARMS = (
    "ASGI callable returned without completing",
    "Invalid UTF-8 sequence",
    "Invalid HTTP request received",
    # The lines of `realtime/trail.py` and `access.py` say more, and have no query string.
    '%s - "WebSocket %s" ',
)


class ServerLogFilter(logging.Filter):
    """Keeps secrets and false alarms out of uvicorn's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop whole frames, query strings, and complaints about denials and bad UTF-8."""
        return record.levelno >= logging.INFO and not str(record.msg).startswith(_FALSE_ALARMS)


class _Handler(logging.StreamHandler[Any]):
    """Ours, to be told from others."""


_filter = ServerLogFilter()


def set_up_logging(settings: ServerSettings) -> None:
    """Log to the standard error as the settings say; through `logging` or structlog alike."""
    is_terminal = sys.stderr.isatty()
    in_json = settings.log_format == "json" or (settings.log_format == "auto" and not is_terminal)
    handler = _Handler(sys.stderr)
    handler.setFormatter(formatter(in_json=in_json, colors=is_terminal))
    handler.addFilter(flood)
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if not isinstance(other, _Handler)]
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    filter_server_logs()


def filter_server_logs() -> None:
    """Put the filter into uvicorn's loggers."""
    for name in ("uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).addFilter(_filter)


def formatter(*, in_json: bool, colors: bool) -> logging.Formatter:
    """Return what makes a line of text of a record: a JSON object, or one for people."""
    renderer: Processor = structlog.processors.JSONRenderer()
    if not in_json:
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
        processors=[_without_marks, structlog.processors.format_exc_info, _escape, renderer],
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _without_marks(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    kept = structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, method, event)
    return {name: value for name, value in kept.items() if name not in _NOT_FOR_READERS}


def _escape(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Leave no character that could move a cursor, or end a line and begin a forged one."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            # A traceback has lines; what an error says in it may have anything.
            lines = value.split("\n") if name == "exception" else [value]
            event[name] = "\n".join(map(_escaped, lines))
    return event


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
