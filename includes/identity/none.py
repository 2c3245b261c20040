"""Who is connected: nobody knows, since this service asks for no credentials."""

import math
from dataclasses import dataclass

from falcon.asgi import Request


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request comes from, and until when that is proved, in POSIX seconds."""

    name: str
    expires_at: float = math.inf


ANONYMOUS = Principal("anonymous")


def principal_of(req: Request) -> Principal:
    """Return whom the request comes from."""
    return ANONYMOUS
