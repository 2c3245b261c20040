"""Who is connected: a verified token (JWT, RFC 7519) becomes a Principal."""

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from falcon import HTTPUnauthorized
from falcon.asgi import Request

from ..realtime import Principal
from .keys import FixedKey, parse_public_key, shared_key
from .settings import TokenSettings

if TYPE_CHECKING:
    import jwt

    from .issuer import IssuerKeys

_MAX_LENGTH = 6144
_REMEMBERED = 1024
# RFC 7515 section 7.1. PyJWT skips what is no base64, so that a signature had many spellings.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Unauthorized(HTTPUnauthorized):
    """401 with a challenge (RFC 6750 section 3); only the log learns what was wrong."""

    def __init__(self, reason: str) -> None:
        description = "The token is missing or not valid."
        super().__init__(description=description, challenges=['Bearer error="invalid_token"'])
        self.add_note(reason)


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
    """Verifies tokens; makes them, where no other issuer does."""

    def __init__(self, settings: TokenSettings, clock: Callable[[], float]) -> None:
        """Take the keys that `settings` name; `clock` returns POSIX seconds.

        `keys` starts and stops with the service, and knows whether tokens can be verified.
        """
        self.keys = _keys(settings)
        self._signing_key = settings.signing_key
        self._audience = settings.audience
        self._issuer = settings.issuer
        self._lifetime = settings.token_lifetime
        self._max_lifetime = settings.max_token_lifetime
        self._leeway = settings.clock_leeway
        self._clock = clock
        # A signature does not change, so clients that come again are not computed again. The times
        # are judged each time, and what is not valid is not remembered.
        self._claims_by_key = lru_cache(_REMEMBERED)(self._decode)

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
        return jwt.encode(claims, self._signing_key, "HS256")

    async def verify(self, token: object) -> Principal:
        """Return the principal that the token names; raise Unauthorized if it is not valid.

        Raise HTTPServiceUnavailable where no key of another issuer has arrived yet.
        """
        if not isinstance(token, str) or len(token) > _MAX_LENGTH or not _COMPACT.fullmatch(token):
            raise Unauthorized("the token is malformed")
        claims, everything = await self._claims_of(token)
        if not self._is_timely(claims):
            raise Unauthorized("the token has expired, is not valid yet, or expires too late")
        return Principal(claims.sub, claims.exp + self._leeway, everything)

    async def _claims_of(self, token: str) -> tuple[_Claims, Mapping[str, Any]]:
        # With the first token: the service starts sooner without.
        import jwt

        try:
            # A key that the issuer has replaced is another one: what it signed is decoded again.
            return self._claims_by_key(token, await self.keys.find(token))
        except (jwt.PyJWTError, msgspec.ValidationError, RecursionError) as error:
            # Its text may quote the token.
            raise Unauthorized(f"the token is not valid: {type(error).__name__}") from None

    def _decode(self, token: str, key: "jwt.PyJWK") -> tuple[_Claims, Mapping[str, Any]]:
        import jwt

        media = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._audience,
            issuer=self._issuer,
            # The times are judged here: PyJWT has a clock of its own.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        claims = msgspec.convert(media, _Claims)
        if not (claims.sub and claims.sub.isprintable()):
            raise Unauthorized("the token names nobody: its `sub` is empty or not printable")
        return claims, _frozen(media)

    def _is_timely(self, claims: _Claims) -> bool:
        earliest, latest = self._clock() - self._leeway, self._clock() + self._leeway
        return (
            claims.iat <= latest
            and claims.nbf <= latest
            and earliest < claims.exp <= latest + self._max_lifetime
        )

    async def verify_bearer(self, req: Request) -> Principal:
        """Return the principal of the `Authorization: Bearer` header (RFC 6750 section 2.1)."""
        scheme, _, token = (req.get_header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("there is no Bearer token in the Authorization header")
        return await self.verify(token)


def _keys(settings: TokenSettings) -> "FixedKey | IssuerKeys":
    if settings.jwks_url:
        from .issuer import IssuerKeys

        return IssuerKeys(settings.jwks_url)
    if settings.public_key:
        return FixedKey(partial(parse_public_key, settings.public_key))
    return FixedKey(partial(shared_key, settings.signing_key))
