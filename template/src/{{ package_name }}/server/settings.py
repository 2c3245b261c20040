"""The settings of the server: where it listens, to whom it answers, how long things may take."""

import ipaddress
import logging
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from ..realtime.hosts import LOOPBACK, is_loopback, parse_host
from ..realtime.limits import Limits
from ..realtime.origin import Origin, parse_origin
from .env_file import ENCODING

logger = logging.getLogger(__name__)

ENVIRONMENT = SettingsConfigDict(
    env_prefix="APP_",
    # As a compose file has it: a variable without a value is a variable that is not set.
    env_ignore_empty=True,
    env_file=".env",
    env_file_encoding=ENCODING,
    extra="ignore",
    frozen=True,
    hide_input_in_errors=True,
)
"""How settings are read from the environment and from the file `.env`."""

_RENAMED = {"allowed_origins": "allow_origins", "handler_grace": "responder_grace"}

# An environment variable with several values has commas between them.
Words = Annotated[tuple[str, ...], NoDecode]


def split_words(value: object) -> object:
    """Split a text at its commas; leave anything else as it is."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _unless_dev(seconds: float) -> Callable[[dict[str, Any]], float]:
    """Return the default of a time that nobody waits for with `--dev`."""
    return lambda values: 0.0 if values.get("dev") else seconds


class ServerSettings(Limits):
    """Every setting of the server with its default; durations in seconds."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=0, le=65535)
    dev: bool = False
    """Development on this machine only: see `--dev`."""
    allow_hosts: Words = ()
    """Which names the service answers to, at any port, or `*`; by default this machine's own."""
    allow_origins: Words = ()
    """Whose pages may connect, or `*`; by default this service's own, on this machine."""
    trusted_proxies: Words = ()
    """Whose `X-Forwarded-For` and `X-Forwarded-Proto` count: addresses and networks."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    """`auto` is for people in a terminal, JSON elsewhere."""
    head_timeout: PositiveFloat = 10.0
    """How long a request may take to begin its body, from the first moment or the last answer."""
    ping_interval: PositiveFloat = 20.0
    ping_timeout: PositiveFloat = 20.0
    shutdown_delay: NonNegativeFloat = Field(default_factory=_unless_dev(2.0))
    """How long, after SIGTERM, newcomers get 503 before anybody is closed: 2, or 0 with `--dev`."""
    drain_window: NonNegativeFloat = Field(default_factory=_unless_dev(3.0))
    """Over how long the closes are then spread: 3 by default, 0 with `--dev`."""
    shutdown_grace: PositiveInt = 10
    """How long all of it may take after SIGTERM, the last closing handshakes included."""

    allowed_origins: str | None = None
    """The name that `allow_origins` had in 0.1."""
    handler_grace: PositiveFloat | None = None
    """The name that `responder_grace` had in 0.1."""

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, values: dict[str, Any]) -> dict[str, Any]:
        for old, new in _RENAMED.items():
            if old in values:
                logger.warning("APP_%s is now APP_%s: rename it", old.upper(), new.upper())
                values.setdefault(new, values.pop(old))
        return values

    _split = field_validator("allow_hosts", "allow_origins", "trusted_proxies", mode="before")(
        split_words
    )

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("allow_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if host != "*":
                parse_host(host)
        return value

    @field_validator("allow_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*":
                parse_origin(origin)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            # A network of everybody is `*` by another name.
            if proxy == "*" or ipaddress.ip_network(proxy).prefixlen == 0:
                raise ValueError("list each proxy: to trust all lets anybody forge the headers")
        return value

    @model_validator(mode="after")
    def _check_dev(self) -> Self:
        if self.dev and not is_loopback(self.host):
            raise ValueError(
                "--dev (APP_DEV) serves this machine only: leave out --host (APP_HOST), or make it "
                "127.0.0.1, ::1 or localhost"
            )
        return self

    @model_validator(mode="after")
    def _check_reach(self) -> Self:
        if not (self.allow_hosts or is_loopback(self.host)):
            raise ValueError(
                "APP_ALLOW_HOSTS must list the names by which clients reach this service, such as "
                "chat.example.org, or * for any, where APP_HOST is not of this machine alone"
            )
        return self

    @model_validator(mode="after")
    def _check_shutdown(self) -> Self:
        if self.closing_time <= 0:
            raise ValueError(
                "APP_SHUTDOWN_GRACE must be larger than APP_SHUTDOWN_DELAY and APP_DRAIN_WINDOW "
                f"together, which are {self.shutdown_delay + self.drain_window:g}: raise it, and "
                "the time after which the service is killed, or lower those two"
            )
        return self

    @property
    def closing_time(self) -> float:
        """What of `shutdown_grace` is left when everybody has been told to go."""
        return self.shutdown_grace - self.shutdown_delay - self.drain_window

    @property
    def hosts(self) -> frozenset[str] | None:
        """The allowed hosts, None for all of them."""
        if "*" in self.allow_hosts:
            return None
        own = f"[{self.host}]" if ":" in self.host else self.host
        return frozenset(map(parse_host, self.allow_hosts or (*LOOPBACK, own)))

    @property
    def origins(self) -> frozenset[Origin] | None:
        """The allowed origins, None for all of them."""
        if "*" in self.allow_origins:
            return None
        local = [f"http://{host}:{self.port}" for host in LOOPBACK]
        return frozenset(map(parse_origin, self.allow_origins or local))
