"""Who is connected: a verified token (JWT, RFC 7519) becomes a Principal."""

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from falcon import HTTPUnauthorized
from falcon.asgi import Request

from ..realtime import Principal
from .settings import TokenSettings

_ALGORITHM = "HS256"
_MAX_LENGTH = 4096
_REMEMBERED = 1024
# RFC 7515 section 7.1. PyJWT skips what is no base64, so that a signature had many spellings.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Unauthorized(HTTPUnauthorized):
    """401 with a challenge (RFC 6750 section 3); does not reveal what was wrong."""

    def __init__(self, description: str = "The token is missing or not valid.") -> None:
        super().__init__(description=description, challenges=['Bearer error="invalid_token"'])


class _Claims(msgspec.Struct):
    """The claims that we judge (RFC 7519 section 4.1); PyJWT judges `aud` and `iss`.

    What has no default is required, as are those two.
    """

    sub: str
    iat: float
    exp: float
    nbf: float = -math.inf


def _frozen(value: Any) -> Any:
    """Return a claim that nobody can change: it is remembered for the next request."""
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(inner) for name, inner in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


class Identity:
    """Makes and verifies tokens."""

    def __init__(self, settings: TokenSettings, clock: Callable[[], float]) -> None:
        """Sign with the secret of `settings`; `clock` returns POSIX seconds."""
        self._key = settings.signing_key
        self._audience = settings.audience
        self._issuer = settings.issuer
        self._lifetime = settings.token_lifetime
        self._max_lifetime = settings.max_token_lifetime
        self._leeway = settings.clock_leeway
        self._clock = clock
        # A signature does not change, so clients that come again are not computed again. The times
        # are judged each time, and what is not valid is not remembered.
        self._claims_of = lru_cache(_REMEMBERED)(self._decode)

    def issue(self, name: str) -> str:
        """Return a token for that name."""
        import jwt

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
        """Return the principal that the token names; raise Unauthorized if it is not valid."""
        if not isinstance(token, str) or len(token) > _MAX_LENGTH or not _COMPACT.fullmatch(token):
            raise Unauthorized
        claims, everything = self._claims_of(token)
        if not self._is_timely(claims):
            raise Unauthorized
        return Principal(claims.sub, claims.exp + self._leeway, everything)

    def _decode(self, token: str) -> tuple[_Claims, Mapping[str, Any]]:
        # With the first token: the service starts sooner without.
        import jwt

        try:
            media = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                # The times are judged here: PyJWT has a clock of its own.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            claims, everything = msgspec.convert(media, _Claims), _frozen(media)
        except (jwt.InvalidTokenError, msgspec.ValidationError, RecursionError):
            raise Unauthorized from None
        if not (claims.sub and claims.sub.isprintable()):
            raise Unauthorized
        return claims, everything

    def _is_timely(self, claims: _Claims) -> bool:
        earliest, latest = self._clock() - self._leeway, self._clock() + self._leeway
        return (
            claims.iat <= latest
            and claims.nbf <= latest
            and earliest < claims.exp <= latest + self._max_lifetime
        )

    def verify_bearer(self, req: Request) -> Principal:
        """Return the principal of the `Authorization: Bearer` header (RFC 6750 section 2.1)."""
        scheme, _, token = (req.get_header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized
        return self.verify(token)
