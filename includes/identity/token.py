"""Who is connected: a verified token (JWT, RFC 7519) becomes a Principal."""

from collections.abc import Callable
from dataclasses import dataclass

import jwt
from falcon import HTTPUnauthorized
from falcon.asgi import Request

from .settings import Settings

_ALGORITHM = "HS256"
_MAX_LENGTH = 4096
_CLAIMS = ["exp", "iat", "sub", "aud", "iss"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request comes from, and until when that is proved, in POSIX seconds."""

    name: str
    expires_at: float


def principal_of(req: Request) -> Principal:
    """Return whom the request comes from; the middleware in auth.py has found it out."""
    principal: Principal = req.context.principal
    return principal


class Unauthorized(HTTPUnauthorized):
    """401 with a challenge (RFC 6750 section 3); says nothing about what exactly was wrong."""

    def __init__(self, description: str = "The token is missing or not valid.") -> None:
        super().__init__(description=description, challenges=['Bearer error="invalid_token"'])


class Identity:
    """Makes and verifies tokens."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Sign with the secret of `settings`; `clock` returns POSIX seconds."""
        self._key = settings.signing_key
        self._audience = settings.audience
        self._issuer = settings.issuer
        self._lifetime = settings.token_lifetime
        self._clock = clock

    def issue(self, name: str) -> str:
        """Return a token for that name."""
        now = int(self._clock())
        claims = {
            "sub": name,
            "iat": now,
            "exp": now + self._lifetime,
            "aud": self._audience,
            "iss": self._issuer,
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def verify(self, token: object) -> Principal:
        """Return whom the token names; raise Unauthorized if it proves nothing."""
        if not isinstance(token, str) or not token.isascii() or len(token) > _MAX_LENGTH:
            raise Unauthorized
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": _CLAIMS},
            )
            name, expires_at = str(claims["sub"]), float(claims["exp"])
        except (jwt.InvalidTokenError, OverflowError):
            raise Unauthorized from None
        if not name or not name.isprintable():
            raise Unauthorized
        return Principal(name, expires_at)

    def verify_bearer(self, req: Request) -> Principal:
        """Return whom the `Authorization: Bearer` header names (RFC 6750 section 2.1)."""
        scheme, _, token = (req.get_header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized
        return self.verify(token)
